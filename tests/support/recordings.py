"""Public recordings that acceptance tests use where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("REPSCORE_SHARED_DATA", ROOT.parent / "shared" / "data"))
M1 = FOLDER / "hatsopoulos2007-m1"


def m1_activity() -> np.ndarray:
    """Monkey M1, centre-out reach [121 time x 8 condition x 141 neuron], Hz."""
    if not (M1 / "activity.npy").is_file():
        pytest.skip(f"{M1} is not there")
    return np.load(M1 / "activity.npy")


def m1_time_ms() -> np.ndarray:
    return np.load(M1 / "time_ms.npy")


def condition_average(activity: np.ndarray) -> np.ndarray:
    """Mean over conditions at each time, repeated for every condition."""
    return np.broadcast_to(activity.mean(axis=1, keepdims=True), activity.shape)
