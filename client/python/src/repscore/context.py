"""What a score needs beside it to be judged: ceiling, interval, chance, baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Normalization = Literal["r/c", "r2/c", "r2/c2", "per_unit_r2/c"]


@dataclass(frozen=True)
class Context:
    """What is wanted beside every score. Parts left at their default are not computed.

    Attributes:
        ceiling_splits: Split-half ceiling over this many random halves of the
            reference's repetitions (equal `row_ids`), 0 to 1000.
        supplied_ceiling: A ceiling that is known already; wins over
            `ceiling_splits`.
        normalization: How a score r and a ceiling c make `ScoreContext.ceiled`:
            "r/c", "r2/c" (Brain-Score, neural, since January 2026), "r2/c2"
            (Brain-Score until then), or "per_unit_r2/c" (Brain-Score, single
            voxels): r_j**2 / c_j of every unit j of the reference, then the mean
            or median that the score takes, for `linear_r`, `ridge_r`, `pls_r`
            and Brain-Score's own. None: no ceiled score.
        clip: Cut ceiled scores to [0, 1]; `ScoreContext.unclipped` keeps them.
        bootstrap: Random draws of conditions for a confidence interval, 0 to
            100,000. A narrow tail takes many: 40 at least for 0.95.
        confidence: Of the interval, in (0, 1).
        group: A group of the dataset whose members are drawn together, for
            instance "session". Empty: single conditions.
        permutations: Permutations of conditions for a null distribution and a
            p-value, 0 to 100,000.
        baseline: The score of the reference's own average over conditions.
        companion: The debiased score beside a biased one, for instance
            cka.debiased beside cka.
        calibration: What optimised noise of the same score captures, from the
            dataset's stored calibrations; see `Client.calibrate`.
        seed: Of all random draws, 0 to 2**64 - 1.
    """

    ceiling_splits: int = 0
    supplied_ceiling: float | None = None
    normalization: Normalization | None = None
    clip: bool = False
    bootstrap: int = 0
    confidence: float = 0.95
    group: str = ""
    permutations: int = 0
    baseline: bool = False
    companion: bool = False
    seed: int = 0
    calibration: bool = False


@dataclass(frozen=True)
class Ceiling:
    """Agreement of the reference with itself.

    Attributes:
        value: Mean over splits of the score between split halves of the
            repetitions, corrected by Spearman-Brown, 2 r / (1 + r); or what the
            caller gave.
        error: Population standard deviation over splits / sqrt(splits); None
            where there is none.
        error_reason: Why there is no error.
        splits: Number of random halves; 0 for a supplied ceiling.
        supplied: The caller gave it.
    """

    value: float
    error: float | None = None
    error_reason: str = ""
    splits: int = 0
    supplied: bool = False


@dataclass(frozen=True)
class Interval:
    """A confidence interval over random draws of conditions.

    Attributes:
        confidence: In (0, 1).
        draws: Number of draws with a value.
        unit: What was drawn: "condition" or the name of a group.
    """

    lower: float
    upper: float
    confidence: float
    draws: int
    unit: str


@dataclass(frozen=True)
class NullDistribution:
    """Scores of the same rows with their conditions permuted.

    Attributes:
        mean: Mean over permutations.
        sd: Standard deviation over permutations.
        p_value: (1 + draws at least as similar) / (1 + permutations), in (0, 1].
        permutations: Number of permutations.
    """

    mean: float
    sd: float
    p_value: float
    permutations: int
