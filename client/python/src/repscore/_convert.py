"""Wire messages to the plain values of `models` and `scores`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Union

from google.protobuf.timestamp_pb2 import Timestamp

from repscore import _arrays, _convert_calibration
from repscore.context import Ceiling, Interval, NullDistribution
from repscore.models import (
    Axis,
    Dataset,
    DeviceSelfTest,
    Estimate,
    Measure,
    MeasureParameter,
    MemoryItem,
    SelfTest,
    SelfTestCheck,
    ServerInfo,
)
from repscore.scores import (
    Candidate,
    Provenance,
    Score,
    ScoreContext,
    Scores,
    Warning,
)
from repscore.v1 import admin_pb2, catalog_pb2, scoring_pb2, types_pb2

_Summarised = Union[
    scoring_pb2.ScoreResponse, scoring_pb2.StreamScoreResponse, scoring_pb2.LayerScores
]


def enum_name(full: str, prefix: str) -> str:
    """The word behind the prefix in lower case; empty for unspecified."""
    name = full[len(prefix) :].lower() if full.startswith(prefix) else full.lower()
    return "" if name == "unspecified" else name


def time(message: object, field: str) -> datetime | None:
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
        create_time=time(message, "create_time"),
        already_registered=already_registered,
        row_ids=tuple(message.row_ids),
        scored_rows=message.scored_rows,
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
        minimum_rows=message.minimum_rows,
        exact_at_equality=message.exact_at_equality,
        cost=message.cost,
        known_as=tuple(message.known_as),
        examples=tuple(message.examples),
    )


def warnings(messages: Iterable[types_pb2.Warning]) -> tuple[Warning, ...]:
    return tuple(Warning(warning.reason, warning.message) for warning in messages)


def _ceiling(message: types_pb2.Ceiling) -> Ceiling:
    return Ceiling(
        value=message.value,
        error=message.error if message.HasField("error") else None,
        error_reason=message.error_reason,
        splits=message.splits,
        supplied=message.supplied,
    )


def _interval(message: types_pb2.Interval) -> Interval:
    return Interval(
        lower=message.lower,
        upper=message.upper,
        confidence=message.confidence,
        draws=message.draws,
        unit=message.unit,
    )


def _null(message: types_pb2.NullDistribution) -> NullDistribution:
    return NullDistribution(
        mean=message.mean,
        sd=message.standard_deviation,
        p_value=message.p_value,
        permutations=message.permutations,
    )


def _context(message: types_pb2.ScoreContext) -> ScoreContext:
    has = message.HasField
    return ScoreContext(
        ceiling=_ceiling(message.ceiling) if has("ceiling") else None,
        ceiled=message.ceiled if has("ceiled") else None,
        unclipped=message.unclipped if has("unclipped") else None,
        interval=_interval(message.interval) if has("interval") else None,
        null=_null(message.null_distribution) if has("null_distribution") else None,
        baseline=message.baseline if has("baseline") else None,
        companion=score(message.companion) if has("companion") else None,
        notes=warnings(message.notes),
        calibration=(
            _convert_calibration.reading(message.calibration)
            if has("calibration")
            else None
        ),
    )


def score(message: types_pb2.Score) -> Score:
    """A Score of the wire."""
    return Score(
        message.value,
        measure=message.measure,
        warnings=warnings(message.warnings),
        fold_digest=message.fold_digest,
        space=message.space,
        error=message.error if message.HasField("error") else None,
        context=_context(message.context),
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


def _candidate(message: scoring_pb2.CandidateSummary) -> Candidate:
    return Candidate(
        rows=message.rows,
        features=message.features,
        effective_dimensionality=message.effective_dimensionality,
    )


def by_measure(
    requested: Sequence[str], messages: Iterable[types_pb2.Score]
) -> dict[str, Score]:
    """Scores by the specifications that were asked for."""
    return {key: score(message) for key, message in zip(requested, messages)}


def scores(
    requested: Sequence[str],
    reply: scoring_pb2.ScoreResponse | scoring_pb2.StreamScoreResponse,
    part: scoring_pb2.LayerScores | None = None,
) -> Scores:
    """The scores of a reply, or of one of its layers."""
    summarised: _Summarised = reply if part is None else part
    return Scores(
        by_measure(requested, summarised.scores),
        provenance=provenance(reply.provenance),
        candidate=_candidate(summarised.candidate),
        reference=_candidate(reply.reference),
    )


def estimate(message: scoring_pb2.EstimateScoreResponse) -> Estimate:
    """An EstimateScoreResponse of the wire."""
    return Estimate(
        space=message.space,
        streams=message.streams,
        memory=tuple(MemoryItem(item.what, item.bytes) for item in message.memory),
        peak_bytes=message.peak_bytes,
        limit_bytes=message.limit_bytes,
        fits=message.fits,
        flops=message.flops,
        seconds=message.duration.seconds + message.duration.nanos / 1e9,
        device=message.device,
    )


def self_test(message: admin_pb2.RunSelfTestResponse) -> SelfTest:
    """A RunSelfTestResponse of the wire."""
    return SelfTest(
        passed=message.passed,
        devices=tuple(_device_self_test(device) for device in message.devices),
    )


def _device_self_test(message: admin_pb2.DeviceSelfTest) -> DeviceSelfTest:
    return DeviceSelfTest(
        device=message.device,
        passed=message.passed,
        error=message.error,
        checks=tuple(
            SelfTestCheck(
                measure=check.measure,
                step=check.step,
                passed=check.passed,
                expected=check.expected,
                actual=check.actual if check.HasField("actual") else None,
                tolerance=check.tolerance,
                error=check.error,
            )
            for check in message.checks
        ),
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
