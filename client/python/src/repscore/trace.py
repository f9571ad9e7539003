"""Runs and their traces, as plain values."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Union

import numpy as np
import numpy.typing as npt

from repscore.calibration import ComponentThreshold
from repscore.scores import Scores


@dataclass(frozen=True)
class TracePoint:
    """The state of a run after `step` steps of Adam or L-BFGS; 0 is the start.

    Attributes:
        scores: Values of the objective's measures by canonical specification.
        tracked: Values of the tracked measures.
        objective: What is maximised.
        gradient_norm: Frobenius norm of the objective's gradient.
        candidate_norm: Frobenius norm of the column-centred candidate.
        component_r2: R2 of the reference's leading principal components.
        elapsed_seconds: Seconds of computation since the start.
        sequence: Number of the event, for `Client.watch`.
        member: Restart or target, from 0.
        decoding: Accuracy by label; empty at points without decoding.
    """

    step: int
    scores: Mapping[str, float]
    tracked: Mapping[str, float]
    objective: float
    gradient_norm: float
    candidate_norm: float
    component_r2: tuple[float, ...]
    elapsed_seconds: float
    sequence: int
    member: int = 0
    decoding: Mapping[str, float] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Value of the first (or only) measure."""
        return next(iter(self.scores.values()))


@dataclass(frozen=True)
class RunInfo:
    """A stored run as the server lists it.

    Attributes:
        kind: "optimize" or "joint_optimize".
        state: "queued", "running", "succeeded", "failed" or "cancelled".
        scores: Latest values by canonical specification.
        stop_reason: Why it ended, for instance "score_reached"; empty before.
        error: The server's sentence when the state is "failed".
        members: Restarts or targets that are worked on side by side; 1 for a
            plain run.
        active_members: Those that have not stopped yet.
    """

    name: str
    kind: str
    state: str
    dataset_version: str
    measures: tuple[str, ...]
    step: int
    scores: Mapping[str, float]
    last_sequence: int
    stop_reason: str
    seed: int
    error: str = ""
    create_time: datetime | None = None
    update_time: datetime | None = None
    members: int = 1
    active_members: int = 0

    @property
    def finished(self) -> bool:
        """No more events will come."""
        return self.state in ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class GoalVerdict:
    """What became of one goal of a joint optimisation.

    Attributes:
        residual: Distance of the value from the goal; 0 for a floor that holds.
    """

    measure: str
    value: float
    residual: float
    reached: bool


@dataclass(frozen=True)
class MemberStart:
    """What distinguishes a member of a run.

    Attributes:
        seed: Of its random start.
        targets: Of the measures that have one, in their order.
    """

    seed: int
    targets: tuple[float, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """The candidate as it first passed a score; `Client.run_array` fetches it.

    Attributes:
        member: From 0.
        threshold: The score as asked for.
        score: The score of the point.
        step: Of the point.
        shape: Of the candidate, (n, p).
        digest: SHA-256 (hex) of the candidate's bytes.
        name: "runs/{run}/members/{member}/snapshots/{snapshot}".
    """

    member: int
    threshold: float
    score: float
    step: int
    shape: tuple[int, ...]
    digest: str
    name: str


@dataclass(frozen=True)
class MemberResult:
    """What one restart or target of a run came to.

    Attributes:
        member: From 0.
        stop_reason: Why it ended, for instance "score_reached".
        steps: Steps taken.
        scores: Recomputed in float64 from the final candidate.
        verdicts: One per goal of a joint optimisation.
        component_thresholds: One per principal component that was followed.
        label_thresholds: First score at which the accuracy for a label is 90 %
            of the way from chance to the recording's own; None where it never
            was.
        shape: Of the final candidate, (n, p).
        digest: SHA-256 (hex) of the final candidate's bytes.
        name: "runs/{run}/members/{member}/candidate", for `Client.run_array`.
    """

    member: int
    stop_reason: str
    steps: int
    scores: Scores
    verdicts: tuple[GoalVerdict, ...] = ()
    component_thresholds: tuple[ComponentThreshold, ...] = ()
    label_thresholds: Mapping[str, float | None] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    digest: str = ""
    name: str = ""


@dataclass(frozen=True)
class Bound:
    """A bound that theory puts on a pair of measures.

    Attributes:
        formula: For instance "cka / sqrt(r_x r_y) <= nbs^2".
        source: Paper and equation.
        first: First coordinates of points on it.
        second: Second coordinates of them.
        violation: Largest violation by any trace point; 0 where it holds.
    """

    formula: str
    source: str
    first: tuple[float, ...]
    second: tuple[float, ...]
    violation: float


@dataclass(frozen=True)
class AllowedRange:
    """The scores that two measures can have together.

    Attributes:
        first_measure: Canonical specification.
        second_measure: Canonical specification.
        first: End points of all members, walking along the targets.
        second: Second coordinates of them.
        area_share: Share of the targets' convex hull that the end points
            enclose, in [0, 1].
        coupling: "independent", "coupled", "first_implies_second",
            "second_implies_first", or "undecided" where members were still on
            their way: give more steps.
        second_given_high_first: Least second measure of any trace point whose
            first is at least 0.9; None where none got there.
        first_given_high_second: The converse.
        bounds: What theory says.
        unsettled: Members that were still coming nearer to their targets.
    """

    first_measure: str
    second_measure: str
    first: tuple[float, ...]
    second: tuple[float, ...]
    area_share: float
    coupling: str
    second_given_high_first: float | None = None
    first_given_high_second: float | None = None
    bounds: tuple[Bound, ...] = ()
    unsettled: int = 0


RunArray = Union[str, Snapshot, MemberResult]


@dataclass(frozen=True, repr=False)
class RunResult:
    """How a run ended. Of several members the best one's, see `best`.

    Attributes:
        scores: Recomputed in float64 from the final candidate.
        verdicts: One per goal of a joint optimisation.
        candidate: The optimised candidate [n x p], or None when not asked for.
        candidate_digest: SHA-256 (hex) of the candidate's bytes.
        trace: All points seen by this client, of all members.
        members: One per restart or target.
        best_member: Index of the one with the highest objective.
        snapshots: Candidates on the way, as asked for.
        allowed_range: Of a joint optimisation over targets of two measures.
    """

    run: RunInfo
    scores: Scores
    verdicts: tuple[GoalVerdict, ...]
    candidate: npt.NDArray[np.float64] | None
    candidate_digest: str
    trace: tuple[TracePoint, ...]
    members: tuple[MemberResult, ...] = ()
    best_member: int = 0
    snapshots: tuple[Snapshot, ...] = ()
    allowed_range: AllowedRange | None = None

    @property
    def stop_reason(self) -> str:
        """Why the run ended, for instance "score_reached"."""
        return self.run.stop_reason

    @property
    def steps(self) -> int:
        """Steps taken."""
        return self.run.step

    @property
    def best(self) -> MemberResult:
        """The member with the highest objective.

        Raises:
            LookupError: The server told of no members.
        """
        for member in self.members:
            if member.member == self.best_member:
                return member
        raise LookupError(f"{self.run.name} has no member {self.best_member}")

    @property
    def component_thresholds(self) -> tuple[ComponentThreshold, ...]:
        """Of the best member; empty without `components`."""
        return self.best.component_thresholds if self.members else ()

    @property
    def label_thresholds(self) -> Mapping[str, float | None]:
        """Of the best member; empty without `decode`."""
        return self.best.label_thresholds if self.members else {}

    def member_trace(self, member: int) -> tuple[TracePoint, ...]:
        """The points of one member, in their order."""
        return tuple(point for point in self.trace if point.member == member)

    def columns(self, member: int | None = None) -> dict[str, npt.NDArray[np.float64]]:
        """The trace as one array per quantity: "step", measures, "pc1_r2", ...

        Args:
            member: Of this member only; default: of all.
        """
        return trace_columns(
            self.trace if member is None else self.member_trace(member)
        )

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes the trace, one line per point."""
        columns = self.columns()
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*(column.tolist() for column in columns.values())))

    def __repr__(self) -> str:
        return f"{self.run.name}: {self.stop_reason}, {self.steps} steps\n{self.scores}"


def trace_columns(
    trace: tuple[TracePoint, ...],
) -> dict[str, npt.NDArray[np.float64]]:
    """One array per quantity of a trace, in the order of its points.

    Accuracies are "accuracy {label}", NaN at points without decoding.
    """
    rows = [
        {
            "member": float(point.member),
            "step": float(point.step),
            "objective": point.objective,
            **point.scores,
            **point.tracked,
            "gradient_norm": point.gradient_norm,
            "candidate_norm": point.candidate_norm,
            **{f"pc{i + 1}_r2": r2 for i, r2 in enumerate(point.component_r2)},
            **{f"accuracy {key}": value for key, value in point.decoding.items()},
            "elapsed_seconds": point.elapsed_seconds,
        }
        for point in trace
    ]
    keys = max(rows, key=len, default={})
    return {key: np.array([row.get(key, np.nan) for row in rows]) for key in keys}
