"""Python arguments to wire messages. Values are judged by the server alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Union

from google.protobuf.duration_pb2 import Duration

from repscore import _arrays
from repscore.context import Context
from repscore.models import Axis, Dataset, Measure
from repscore.v1 import catalog_pb2, scoring_pb2, types_pb2

MeasureLike = Union[str, Measure]
DatasetLike = Union[str, Dataset]

_AXIS_KINDS = {
    "time": catalog_pb2.AXIS_KIND_TIME,
    "condition": catalog_pb2.AXIS_KIND_CONDITION,
    "sample": catalog_pb2.AXIS_KIND_SAMPLE,
    "feature": catalog_pb2.AXIS_KIND_FEATURE,
    "neuron": catalog_pb2.AXIS_KIND_FEATURE,
    "unit": catalog_pb2.AXIS_KIND_FEATURE,
}
_PRECISIONS = {
    None: types_pb2.PRECISION_UNSPECIFIED,
    "mixed": types_pb2.PRECISION_MIXED,
    "float64": types_pb2.PRECISION_FLOAT64,
}
_NORMALIZATIONS = {
    None: types_pb2.NORMALIZATION_UNSPECIFIED,
    "r/c": types_pb2.NORMALIZATION_R_OVER_C,
    "r2/c": types_pb2.NORMALIZATION_R_SQUARED_OVER_C,
    "r2/c2": types_pb2.NORMALIZATION_R_SQUARED_OVER_C_SQUARED,
}
_MOVES = {
    "candidate": scoring_pb2.MOVES_CANDIDATE,
    "both": scoring_pb2.MOVES_BOTH,
}
_LOSSES = {
    "absolute": scoring_pb2.TARGET_LOSS_ABSOLUTE,
    "squared": scoring_pb2.TARGET_LOSS_SQUARED,
}


def choose(table: Mapping[Any, Any], value: Any, argument: str) -> Any:
    """The table's entry; a ValueError names the argument and its choices."""
    if value not in table:
        choices = ", ".join(repr(key) for key in table)
        raise ValueError(f"{argument}={value!r}: choose one of {choices}")
    return table[value]


def dataset_name(dataset: DatasetLike) -> str:
    """The resource name of an id, a resource name or a Dataset."""
    name = dataset.name if isinstance(dataset, Dataset) else dataset
    return name if name.startswith("datasets/") else f"datasets/{name}"


def run_name(run: Any) -> str:
    """The resource name of an id, a resource name, a Run or a RunInfo."""
    name = str(getattr(run, "name", run))
    return name if name.startswith("runs/") else f"runs/{name}"


def measure_ids(measures: MeasureLike | Iterable[MeasureLike]) -> list[str]:
    """Specifications of one or several measures."""
    if isinstance(measures, (str, Measure)):
        measures = [measures]
    return [m.id if isinstance(m, Measure) else m for m in measures]


def row_ids(ids: Iterable[Any] | None) -> list[str]:
    """Row ids as texts."""
    return [] if ids is None else [str(id) for id in ids]


def context_options(context: Context | None) -> types_pb2.ContextOptions | None:
    """What is wanted beside a score; nothing without a context."""
    if context is None:
        return None
    message = types_pb2.ContextOptions(
        ceiling_splits=context.ceiling_splits,
        normalization=choose(
            _NORMALIZATIONS, context.normalization, "context.normalization"
        ),
        clip=context.clip,
        bootstrap_draws=context.bootstrap,
        confidence=context.confidence,
        bootstrap_group=context.group,
        permutations=context.permutations,
        baseline=context.baseline,
        companion=context.companion,
        seed=context.seed,
    )
    if context.supplied_ceiling is not None:
        message.supplied_ceiling = context.supplied_ceiling
    return message


def _axes(
    array: _arrays.Encoded,
    axes: Sequence[str | Axis] | None,
    time_ms: Iterable[float] | None,
) -> list[catalog_pb2.Axis]:
    shape = list(array.spec.shape)
    if axes is None and time_ms is None:
        return []
    if axes is None:
        axes = ["time", "condition", "feature"]
    messages = []
    for index, axis in enumerate(axes):
        value = Axis(axis) if isinstance(axis, str) else axis
        message = catalog_pb2.Axis(
            kind=choose(_AXIS_KINDS, value.kind, f"axes[{index}]"),
            size=value.size or (shape[index] if index < len(shape) else 0),
            coordinates=value.coordinates,
            unit=value.unit,
        )
        if time_ms is not None and message.kind == catalog_pb2.AXIS_KIND_TIME:
            message.coordinates[:] = [float(time) for time in time_ms]
            message.unit = "ms"
        messages.append(message)
    return messages


def dataset_header(
    name: str,
    array: _arrays.Encoded,
    *,
    axes: Sequence[str | Axis] | None,
    time_ms: Iterable[float] | None,
    labels: Mapping[str, Iterable[Any]] | None,
    groups: Mapping[str, Iterable[Any]] | None,
    ids: Iterable[Any] | None,
    metadata: catalog_pb2.DatasetMetadata,
) -> catalog_pb2.RegisterDatasetHeader:
    """The first message of a registration."""
    return catalog_pb2.RegisterDatasetHeader(
        dataset_id=name,
        spec=array.spec,
        axes=_axes(array, axes, time_ms),
        labels=[
            catalog_pb2.Label(name=key, values=[str(value) for value in values])
            for key, values in (labels or {}).items()
        ],
        groups=[
            catalog_pb2.Group(name=key, values=[str(value) for value in values])
            for key, values in (groups or {}).items()
        ],
        metadata=metadata,
        sha256=array.sha256(),
        row_ids=row_ids(ids),
    )


def registration(
    header: catalog_pb2.RegisterDatasetHeader, array: _arrays.Encoded
) -> Iterator[catalog_pb2.RegisterDatasetRequest]:
    """All messages of a registration."""
    yield catalog_pb2.RegisterDatasetRequest(header=header)
    for data in array.chunks():
        chunk = catalog_pb2.DatasetChunk(data=data)
        yield catalog_pb2.RegisterDatasetRequest(chunk=chunk)


def score_stream(
    request: scoring_pb2.StreamScoreHeader, array: _arrays.Encoded
) -> Iterator[scoring_pb2.StreamScoreRequest]:
    """All messages of a StreamScore call."""
    yield scoring_pb2.StreamScoreRequest(header=request)
    for data in array.chunks():
        chunk = scoring_pb2.DataChunk(data=data)
        yield scoring_pb2.StreamScoreRequest(chunk=chunk)


def start_point(start: Any, seed: int, features: int | None) -> Any:
    """Where the candidate starts: noise, an array, or a dataset."""
    if start is None:
        gaussian = scoring_pb2.GaussianStart(seed=seed)
        if features is not None:
            gaussian.features = features
        return scoring_pb2.StartPoint(gaussian=gaussian)
    if isinstance(start, (str, Dataset)):
        return scoring_pb2.StartPoint(dataset=dataset_name(start))
    return scoring_pb2.StartPoint(candidate=_arrays.encode(start).tensor())


def adam(
    learning_rate: float | None, betas: tuple[float, float] | None
) -> scoring_pb2.AdamOptions:
    """Adam's options; unset ones take the server's defaults."""
    message = scoring_pb2.AdamOptions()
    if learning_rate is not None:
        message.learning_rate = learning_rate
    if betas is not None:
        message.beta1, message.beta2 = betas
    return message


def stopping(
    *,
    stop_score: float | None,
    max_steps: int | None,
    max_time: float | None,
    plateau: tuple[int, float] | None,
    goal_tolerance: float | None = None,
) -> scoring_pb2.StoppingOptions:
    """Stopping rules; unset ones take the server's defaults."""
    message = scoring_pb2.StoppingOptions()
    if stop_score is not None:
        message.score = stop_score
    if max_steps is not None:
        message.max_steps = max_steps
    if max_time is not None:
        nanos = round(max_time * 1e9)
        message.max_time.CopyFrom(
            Duration(seconds=nanos // 1_000_000_000, nanos=nanos % 1_000_000_000)
        )
    if plateau is not None:
        message.plateau.patience, message.plateau.min_delta = plateau
    if goal_tolerance is not None:
        message.goal_tolerance = goal_tolerance
    return message


def trace(
    every: int | None,
    tracked: Iterable[types_pb2.MeasureSpec],
    components: int,
) -> scoring_pb2.TraceOptions:
    """What a trace shows."""
    message = scoring_pb2.TraceOptions(tracked=tracked, principal_components=components)
    if every is not None:
        message.every = every
    return message


def precision(value: str | None) -> types_pb2.Precision.ValueType:
    """None, "mixed" or "float64"."""
    chosen: types_pb2.Precision.ValueType = choose(_PRECISIONS, value, "precision")
    return chosen


def moves(value: str) -> scoring_pb2.Moves.ValueType:
    """Either "candidate" or "both"."""
    chosen: scoring_pb2.Moves.ValueType = choose(_MOVES, value, "moves")
    return chosen


def terms(
    maximize: Sequence[types_pb2.MeasureSpec],
    targets: Sequence[types_pb2.MeasureSpec],
    target_values: Sequence[float],
    floors: Sequence[types_pb2.MeasureSpec],
    floor_values: Sequence[float],
    weights: Mapping[str, float],
    target_loss: str,
) -> list[scoring_pb2.ObjectiveTerm]:
    """The goals of a joint optimisation."""
    loss = choose(_LOSSES, target_loss, "target_loss")
    goals = []
    for spec in maximize:
        goals.append(scoring_pb2.ObjectiveTerm(measure=spec))
        goals[-1].maximize.SetInParent()
    for spec, value in zip(targets, target_values):
        target = scoring_pb2.TargetGoal(value=value, loss=loss)
        goals.append(scoring_pb2.ObjectiveTerm(measure=spec, target=target))
    for spec, value in zip(floors, floor_values):
        floor = scoring_pb2.FloorGoal(value=value)
        goals.append(scoring_pb2.ObjectiveTerm(measure=spec, floor=floor))
    for goal in goals:
        if goal.measure.id in weights:
            goal.weight = weights[goal.measure.id]
    unknown = set(weights) - {goal.measure.id for goal in goals}
    if unknown:
        raise ValueError(f"weights: no goal is named {', '.join(sorted(unknown))}")
    return goals
