"""Runs and their traces, as plain values."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from repscore.scores import Scores


@dataclass(frozen=True)
class TracePoint:
    """The state of a run after `step` Adam steps; step 0 is the start.

    Attributes:
        scores: Values of the objective's measures by canonical specification.
        tracked: Values of the tracked measures.
        objective: What is maximised.
        gradient_norm: Frobenius norm of the objective's gradient.
        candidate_norm: Frobenius norm of the column-centred candidate.
        component_r2: R2 of the reference's leading principal components.
        elapsed_seconds: Seconds of computation since the start.
        sequence: Number of the event, for `Client.watch`.
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


@dataclass(frozen=True, repr=False)
class RunResult:
    """How a run ended.

    Attributes:
        scores: Recomputed in float64 from the final candidate.
        verdicts: One per goal of a joint optimisation.
        candidate: The optimised candidate [n x p], or None when not asked for.
        candidate_digest: SHA-256 (hex) of the candidate's bytes.
        trace: All points seen by this client.
    """

    run: RunInfo
    scores: Scores
    verdicts: tuple[GoalVerdict, ...]
    candidate: npt.NDArray[np.float64] | None
    candidate_digest: str
    trace: tuple[TracePoint, ...]

    @property
    def stop_reason(self) -> str:
        """Why the run ended, for instance "score_reached"."""
        return self.run.stop_reason

    @property
    def steps(self) -> int:
        """Adam steps taken."""
        return self.run.step

    def columns(self) -> dict[str, npt.NDArray[np.float64]]:
        """The trace as one array per quantity: "step", measures, "pc1_r2", ..."""
        return trace_columns(self.trace)

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
    """One array per quantity of a trace, in the order of its points."""
    rows = [
        {
            "step": float(point.step),
            "objective": point.objective,
            **point.scores,
            **point.tracked,
            "gradient_norm": point.gradient_norm,
            "candidate_norm": point.candidate_norm,
            **{f"pc{i + 1}_r2": r2 for i, r2 in enumerate(point.component_r2)},
            "elapsed_seconds": point.elapsed_seconds,
        }
        for point in trace
    ]
    keys = rows[0] if rows else {}
    return {key: np.array([row.get(key, np.nan) for row in rows]) for key in keys}
