"""What the paper's acceptance tests are held against, where it is at hand.

Recordings are cut to a size that runs in seconds. Published figures come from
the authors' tables (one unseeded run each), so tests compare with bands.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
import pytest
from recordings import FOLDER, m1_activity, m1_time_ms

IT = FOLDER / "zhang-desimone-it"
PUBLISHED = FOLDER / "diffscore-published-results"
# The first 50 ms bin that starts 100 ms after the stimulus.
IT_RESPONSE = 12
ROWS = {"Mante2013": 1080, "Hatsopoulos2007": 3800, "MajajHong2015": 3200}
_NAMES = {
    "cka": "cka",
    "cka-angular-score": "cka.angular_score",
    "nbs": "nbs",
    "procrustes-angular-score": "procrustes.angular_score",
    "linreg": "linear_r2",
    "ridge-lambda100-r2#5folds_cv": "ridge_r2(lambda=100,folds=rows_contiguous(5))",
}


@dataclass(frozen=True)
class Recording:
    """Rows and what they show.

    Attributes:
        array: [n x q] or [time x condition x q].
        labels: A value per row (or condition).
    """

    array: np.ndarray
    labels: dict[str, list]


def m1_movement() -> Recording:
    """Monkey M1 from movement onset on, 41 times x 8 directions as rows, Hz."""
    moving = m1_activity()[m1_time_ms() >= 0]
    times, directions, neurons = moving.shape
    return Recording(
        moving.reshape(-1, neurons),
        {"direction": np.tile(np.arange(directions), times).tolist()},
    )


def it_trials() -> Recording:
    """Monkey IT, single trials [20 time x 399 trial x 132 neuron], counts."""
    if not (IT / "trials_50ms_counts.npy").is_file():
        pytest.skip(f"{IT} is not there")
    with (IT / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = {key: [row[key] for row in rows] for key in ("object", "position")}
    return Recording(np.load(IT / "trials_50ms_counts.npy").astype(float), labels)


def it_response() -> Recording:
    """Counts of 100 to 300 ms after the stimulus, [399 trial x 132 neuron]."""
    trials = it_trials()
    return Recording(
        trials.array[IT_RESPONSE : IT_RESPONSE + 4].sum(axis=0), trials.labels
    )


@dataclass(frozen=True)
class Published:
    """What the authors published of one recording.

    Attributes:
        spectrum: Shares of variance of the principal components.
        thresholds: Score where every component is captured by measure, NaN for
            never.
    """

    spectrum: np.ndarray
    thresholds: dict[str, np.ndarray]


def published(recording: str) -> Published:
    """Thresholds and spectrum of a recording."""
    path = PUBLISHED / recording / "scores_at_threshold.csv"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    scores: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            measure = _NAMES.get(row["measure"])
            if measure is not None:
                value = row["scores_at_threshold"]
                scores.setdefault(measure, []).append(float(value or "nan"))
                share = float(row["pc_explained_variance"])
                shares.setdefault(measure, []).append(share)
    return Published(
        np.array(shares["cka"]),
        {measure: np.array(values) for measure, values in scores.items()},
    )
