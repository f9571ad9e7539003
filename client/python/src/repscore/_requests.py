"""Python arguments to wire messages. Values are judged by the server alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Union

from repscore import _arrays
from repscore.calibration import Calibration
from repscore.context import Context
from repscore.decoding import Decoding
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
_NORMALIZATIONS = {
    None: types_pb2.NORMALIZATION_UNSPECIFIED,
    "r/c": types_pb2.NORMALIZATION_R_OVER_C,
    "r2/c": types_pb2.NORMALIZATION_R_SQUARED_OVER_C,
    "r2/c2": types_pb2.NORMALIZATION_R_SQUARED_OVER_C_SQUARED,
    "per_unit_r2/c": types_pb2.NORMALIZATION_PER_UNIT_R_SQUARED_OVER_C,
}


def choose(table: Mapping[Any, Any], value: Any, argument: str) -> Any:
    """The table's entry; a ValueError names the argument and its choices."""
    if value not in table:
        choices = ", ".join(repr(key) for key in table)
        raise ValueError(f"{argument}={value!r}: choose one of {choices}")
    return table[value]


def dataset_name(dataset: DatasetLike) -> str:
    """The resource name of an id, a resource name or a Dataset.

    Raises:
        TypeError: It is something else, an array for example.
    """
    name = dataset.name if isinstance(dataset, Dataset) else dataset
    if not isinstance(name, str):
        raise TypeError(
            "dataset: give its name or a Dataset, and activations as the next"
            f" argument; got {type(dataset).__name__}"
        )
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
        calibration=context.calibration,
    )
    if context.supplied_ceiling is not None:
        message.supplied_ceiling = context.supplied_ceiling
    return message


def decoding_options(decoding: Decoding) -> types_pb2.DecodingOptions:
    """How labels are decoded; unset parts take the server's defaults."""
    message = types_pb2.DecodingOptions(
        labels=decoding.labels,
        seed=decoding.seed,
        pool_time_bins=decoding.pool_time_bins,
        folds_of=decoding.folds_of,
    )
    if decoding.folds is not None:
        message.folds = decoding.folds
    if decoding.c is not None:
        message.c = decoding.c
    return message


def calibration_plan(plan: Calibration) -> catalog_pb2.CalibrationPlan:
    """Which optimisations calibrate; unset parts take the server's defaults."""
    message = catalog_pb2.CalibrationPlan(
        measures=[types_pb2.MeasureSpec(id=id) for id in measure_ids(plan.measures)],
        seed=plan.seed,
    )
    if plan.restarts is not None:
        message.restarts = plan.restarts
    if plan.max_steps is not None:
        message.max_steps = plan.max_steps
    if plan.components is not None:
        message.principal_components = plan.components
    if plan.decoding is not None:
        message.decoding.CopyFrom(decoding_options(plan.decoding))
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
    calibration: catalog_pb2.CalibrationPlan | None,
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
        calibration=calibration,
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
