"""Arguments of runs to wire messages. Values are judged by the server alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from google.protobuf.duration_pb2 import Duration

from repscore import _arrays
from repscore._requests import choose, dataset_name, decoding_options
from repscore.decoding import Decoding
from repscore.models import Dataset
from repscore.optimizers import Constant, Cosine, Exponential, Grid, Lbfgs, Schedule
from repscore.v1 import scoring_pb2, types_pb2

Targets = Union[Mapping[str, float], Iterable[Mapping[str, float]]]

_PRECISIONS = {
    None: types_pb2.PRECISION_UNSPECIFIED,
    "mixed": types_pb2.PRECISION_MIXED,
    "float64": types_pb2.PRECISION_FLOAT64,
    "mixed_tf32": types_pb2.PRECISION_MIXED_TF32,
    "mixed_bfloat16": types_pb2.PRECISION_MIXED_BFLOAT16,
}
_MOVES = {
    "candidate": scoring_pb2.MOVES_CANDIDATE,
    "both": scoring_pb2.MOVES_BOTH,
}
_LOSSES = {
    "absolute": scoring_pb2.TARGET_LOSS_ABSOLUTE,
    "squared": scoring_pb2.TARGET_LOSS_SQUARED,
}
_SURROGATE = "surrogate"


def start_point(start: Any, seed: int, features: int | None) -> scoring_pb2.StartPoint:
    """Where the candidate starts: noise, a surrogate, an array or a dataset."""
    if start is None:
        gaussian = scoring_pb2.GaussianStart(seed=seed)
        if features is not None:
            gaussian.features = features
        return scoring_pb2.StartPoint(gaussian=gaussian)
    if isinstance(start, str) and start == _SURROGATE:
        surrogate = scoring_pb2.SurrogateStart(seed=seed)
        return scoring_pb2.StartPoint(surrogate=surrogate)
    if isinstance(start, (str, Dataset)):
        return scoring_pb2.StartPoint(dataset=dataset_name(start))
    return scoring_pb2.StartPoint(candidate=_arrays.encode(start).tensor())


def _schedule(schedule: Schedule) -> scoring_pb2.LearningRateSchedule:
    message = scoring_pb2.LearningRateSchedule(warmup_steps=schedule.warmup)
    if isinstance(schedule, Cosine):
        message.cosine.steps = schedule.steps
        message.cosine.final_factor = schedule.final_factor
    elif isinstance(schedule, Exponential):
        message.exponential.factor = schedule.factor
        message.exponential.every = schedule.every
    elif isinstance(schedule, Constant):
        message.constant.SetInParent()
    else:
        raise TypeError(
            f"schedule={schedule!r}: give a Constant, a Cosine or an Exponential"
        )
    return message


def adam(
    learning_rate: float | None,
    betas: tuple[float, float] | None,
    schedule: Schedule | None,
) -> scoring_pb2.AdamOptions | None:
    """Adam's options; nothing where all take the server's defaults."""
    if learning_rate is None and betas is None and schedule is None:
        return None
    message = scoring_pb2.AdamOptions()
    if learning_rate is not None:
        message.learning_rate = learning_rate
    if betas is not None:
        message.beta1, message.beta2 = betas
    if schedule is not None:
        message.schedule.CopyFrom(_schedule(schedule))
    return message


def lbfgs(options: Lbfgs | bool) -> scoring_pb2.LbfgsOptions | None:
    """L-BFGS's options; nothing for Adam."""
    if options is False:
        return None
    message = scoring_pb2.LbfgsOptions()
    if isinstance(options, Lbfgs):
        if options.memory is not None:
            message.memory = options.memory
        if options.initial_step is not None:
            message.initial_step = options.initial_step
        if options.max_trials is not None:
            message.max_trials = options.max_trials
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
    decode: Decoding | bool,
    decode_every: int | None,
    snapshots: Iterable[float] = (),
) -> scoring_pb2.TraceOptions:
    """What a trace shows."""
    message = scoring_pb2.TraceOptions(
        tracked=tracked,
        principal_components=components,
        snapshot_scores=[float(score) for score in snapshots],
    )
    if every is not None:
        message.every = every
    if decode is not False:
        options = Decoding() if decode is True else decode
        message.decoding.CopyFrom(decoding_options(options))
    if decode_every is not None:
        message.decode_every = decode_every
    return message


def precision(value: str | None) -> types_pb2.Precision.ValueType:
    """None, "mixed", "float64", "mixed_tf32" or "mixed_bfloat16"."""
    chosen: types_pb2.Precision.ValueType = choose(_PRECISIONS, value, "precision")
    return chosen


def moves(value: str) -> scoring_pb2.Moves.ValueType:
    """Either "candidate" or "both"."""
    chosen: scoring_pb2.Moves.ValueType = choose(_MOVES, value, "moves")
    return chosen


@dataclass(frozen=True)
class Walk:
    """Measures with a target, the values of a single one, and the walk of many."""

    measures: tuple[str, ...]
    values: tuple[float, ...]
    targets: scoring_pb2.TargetList | None = None
    grid: scoring_pb2.TargetGrid | None = None


def _grid(grid: Grid) -> scoring_pb2.TargetGrid:
    message = scoring_pb2.TargetGrid(boundary=grid.boundary)
    if grid.points_per_side is not None:
        message.points_per_side = grid.points_per_side
    if grid.lowest is not None:
        message.lowest = grid.lowest
    if grid.highest is not None:
        message.highest = grid.highest
    return message


def walk(targets: Targets | None, grid: Grid | None) -> Walk:
    """One target, a list of them or a grid.

    Raises:
        ValueError: There are both, or targets of different measures.
    """
    if grid is not None:
        if targets:
            raise ValueError("grid: targets are given already")
        measures = tuple(grid.measures)
        return Walk(measures, (0.0,) * len(measures), grid=_grid(grid))
    if targets is None or isinstance(targets, Mapping):
        single = targets or {}
        return Walk(tuple(single), tuple(single.values()))
    points = list(targets)
    measures = tuple(points[0]) if points else ()
    message = scoring_pb2.TargetList()
    for index, point in enumerate(points):
        if set(point) != set(measures):
            raise ValueError(
                f"targets[{index}]: names {', '.join(point)} where the first names "
                + ", ".join(measures)
            )
        message.points.add(values=[point[measure] for measure in measures])
    return Walk(measures, (0.0,) * len(measures), targets=message)


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
