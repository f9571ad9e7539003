"""Wire messages of runs to the plain values of `trace`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from repscore import _convert, _convert_calibration
from repscore._convert import enum_name
from repscore.scores import Provenance, Scores
from repscore.trace import (
    AllowedRange,
    Bound,
    GoalVerdict,
    MemberResult,
    MemberStart,
    RunInfo,
    Snapshot,
    TracePoint,
)
from repscore.v1 import runs_pb2, types_pb2


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
        members=max(1, message.members),
        active_members=message.active_members,
        create_time=_convert.time(message, "create_time"),
        update_time=_convert.time(message, "update_time"),
    )


def trace_point(
    message: runs_pb2.TracePoint,
    sequence: int,
    measures: Sequence[str],
    tracked: Sequence[str],
    labels: Sequence[str],
) -> TracePoint:
    """A TracePoint of the wire; measures, tracked and labels name its values."""
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
        member=message.member,
        decoding=dict(zip(labels, message.decoding)),
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


def member_start(message: runs_pb2.MemberStart) -> MemberStart:
    """A MemberStart of the wire."""
    return MemberStart(seed=message.seed, targets=tuple(message.targets))


def snapshot(message: runs_pb2.Snapshot) -> Snapshot:
    """A Snapshot of the wire."""
    return Snapshot(
        member=message.member,
        threshold=message.threshold,
        score=message.score,
        step=message.step,
        shape=tuple(message.candidate.shape),
        digest=message.candidate_digest,
        name=message.name,
    )


def named_scores(messages: Iterable[types_pb2.Score], origin: Provenance) -> Scores:
    """Scores by canonical specification."""
    scores = [_convert.score(score) for score in messages]
    return Scores({score.measure: score for score in scores}, provenance=origin)


def member_result(message: runs_pb2.MemberResult, origin: Provenance) -> MemberResult:
    """A MemberResult of the wire."""
    return MemberResult(
        member=message.member,
        stop_reason=enum_name(
            runs_pb2.StopReason.Name(message.stop_reason), "STOP_REASON_"
        ),
        steps=message.steps,
        scores=named_scores(message.scores, origin),
        verdicts=verdicts(message.verdicts),
        component_thresholds=_convert_calibration.component_thresholds(
            message.component_thresholds
        ),
        label_thresholds=_convert_calibration.label_thresholds(
            message.label_thresholds
        ),
        shape=tuple(message.candidate.shape),
        digest=message.candidate_digest,
        name=message.candidate_name,
    )


def allowed_range(message: runs_pb2.AllowedRange) -> AllowedRange:
    """An AllowedRange of the wire."""
    has = message.HasField
    return AllowedRange(
        first_measure=message.first_measure,
        second_measure=message.second_measure,
        first=tuple(message.first),
        second=tuple(message.second),
        area_share=message.area_share,
        coupling=enum_name(runs_pb2.Coupling.Name(message.coupling), "COUPLING_"),
        second_given_high_first=(
            message.second_given_high_first if has("second_given_high_first") else None
        ),
        first_given_high_second=(
            message.first_given_high_second if has("first_given_high_second") else None
        ),
        bounds=tuple(
            Bound(
                formula=bound.formula,
                source=bound.source,
                first=tuple(bound.first),
                second=tuple(bound.second),
                violation=bound.violation,
            )
            for bound in message.bounds
        ),
        unsettled=message.unsettled,
    )
