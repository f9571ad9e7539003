"""Wire messages to the plain values of `models` and `trace`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from google.protobuf.timestamp_pb2 import Timestamp

from repscore import _arrays
from repscore.models import (
    Axis,
    Candidate,
    Dataset,
    Measure,
    MeasureParameter,
    Provenance,
    Score,
    Scores,
    ServerInfo,
    Warning,
)
from repscore.trace import GoalVerdict, RunInfo, TracePoint
from repscore.v1 import admin_pb2, catalog_pb2, runs_pb2, scoring_pb2, types_pb2


def enum_name(full: str, prefix: str) -> str:
    """The word behind the prefix in lower case; empty for unspecified."""
    name = full[len(prefix) :].lower() if full.startswith(prefix) else full.lower()
    return "" if name == "unspecified" else name


def _time(message: object, field: str) -> datetime | None:
    value = getattr(message, field)
    if not isinstance(value, Timestamp) or (value.seconds == 0 and value.nanos == 0):
        return None
    return datetime.fromtimestamp(value.seconds + value.nanos / 1e9, timezone.utc)


def _axis(message: catalog_pb2.Axis) -> Axis:
    kind = catalog_pb2.AxisKind.Name(message.kind)
    return Axis(
        kind=enum_name(kind, "AXIS_KIND_"),
        size=message.size,
        coordinates=tuple(message.coordinates),
        unit=message.unit,
    )


def dataset(message: catalog_pb2.Dataset, already_registered: bool = False) -> Dataset:
    """A Dataset of the wire."""
    return Dataset(
        name=message.name,
        version=message.version,
        digest=message.digest,
        dtype=_arrays.dtype_name(message.spec.data_type),
        shape=tuple(message.spec.shape),
        axes=tuple(_axis(axis) for axis in message.axes),
        rows=message.rows,
        features=message.features,
        labels={label.name: tuple(label.values) for label in message.labels},
        groups={group.name: tuple(group.values) for group in message.groups},
        display_name=message.metadata.display_name,
        description=message.metadata.description,
        citation=message.metadata.citation,
        metadata=dict(message.metadata.attributes),
        create_time=_time(message, "create_time"),
        already_registered=already_registered,
    )


def measure(message: scoring_pb2.MeasureDescription) -> Measure:
    """A MeasureDescription of the wire."""
    orientation = scoring_pb2.Orientation.Name(message.orientation)
    return Measure(
        id=message.id,
        canonical=message.canonical,
        aliases=tuple(message.aliases),
        summary=message.summary,
        orientation=enum_name(orientation, "ORIENTATION_"),
        lowest=message.lowest,
        highest=message.highest,
        symmetric=message.symmetric,
        metric=message.metric,
        differentiable=message.differentiable,
        invariances=tuple(message.invariances),
        parameters=tuple(
            MeasureParameter(
                name=parameter.name,
                default=parameter.default_value,
                description=parameter.description,
            )
            for parameter in message.parameters
        ),
        source=message.source,
    )


def score(message: types_pb2.Score) -> Score:
    """A Score of the wire."""
    return Score(
        message.value,
        measure=message.measure,
        warnings=tuple(
            Warning(warning.reason, warning.message) for warning in message.warnings
        ),
        fold_digest=message.fold_digest,
        space=message.space,
    )


def provenance(message: types_pb2.Provenance) -> Provenance:
    """A Provenance of the wire."""
    precision = types_pb2.Precision.Name(message.precision)
    return Provenance(
        dataset_version=message.dataset_version,
        dataset_digest=message.dataset_digest,
        server_version=message.server_version,
        backend=message.backend,
        precision=enum_name(precision, "PRECISION_"),
        random_algorithm=message.random_algorithm,
    )


def scores(
    requested: Sequence[str],
    reply: scoring_pb2.ScoreResponse | scoring_pb2.StreamScoreResponse,
) -> Scores:
    """The scores of a reply by the specifications that were asked for."""
    return Scores(
        {key: score(value) for key, value in zip(requested, reply.scores)},
        provenance=provenance(reply.provenance),
        candidate=Candidate(
            rows=reply.candidate.rows,
            features=reply.candidate.features,
            effective_dimensionality=reply.candidate.effective_dimensionality,
        ),
    )


def run(message: runs_pb2.Run) -> RunInfo:
    """A Run of the wire."""
    return RunInfo(
        name=message.name,
        kind=enum_name(runs_pb2.RunKind.Name(message.kind), "RUN_KIND_"),
        state=enum_name(runs_pb2.RunState.Name(message.state), "RUN_STATE_"),
        dataset_version=message.dataset_version,
        measures=tuple(message.measures),
        step=message.step,
        scores=dict(zip(message.measures, message.scores)),
        last_sequence=message.last_sequence,
        stop_reason=enum_name(
            runs_pb2.StopReason.Name(message.stop_reason), "STOP_REASON_"
        ),
        seed=message.seed,
        error=message.error.message,
        create_time=_time(message, "create_time"),
        update_time=_time(message, "update_time"),
    )


def trace_point(
    message: runs_pb2.TracePoint,
    sequence: int,
    measures: Sequence[str],
    tracked: Sequence[str],
) -> TracePoint:
    """A TracePoint of the wire; `measures` and `tracked` name its values."""
    return TracePoint(
        step=message.step,
        scores=dict(zip(measures, message.scores)),
        tracked=dict(zip(tracked, message.tracked)),
        objective=message.objective,
        gradient_norm=message.gradient_norm,
        candidate_norm=message.candidate_norm,
        component_r2=tuple(message.component_r2),
        elapsed_seconds=message.elapsed_seconds,
        sequence=sequence,
    )


def verdicts(messages: Iterable[runs_pb2.GoalVerdict]) -> tuple[GoalVerdict, ...]:
    """GoalVerdicts of the wire."""
    return tuple(
        GoalVerdict(
            measure=verdict.measure,
            value=verdict.value,
            residual=verdict.residual,
            reached=verdict.reached,
        )
        for verdict in messages
    )


def server_info(message: admin_pb2.GetServerInfoResponse) -> ServerInfo:
    """A GetServerInfoResponse of the wire."""
    return ServerInfo(
        version=message.version,
        devices=tuple(message.devices),
        blas_core=message.blas_core,
        lanes=message.lanes,
        threads_per_lane=message.threads_per_lane,
        max_message_bytes=message.max_message_bytes,
    )
