"""References that need no recording, as Cloos et al. 2024 use them.

All are seeded and depend on NumPy's `default_rng` alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_TIME_POINTS = 10
_ARCH_HEIGHT = 0.7


@dataclass(frozen=True, eq=False)
class Synthetic:
    """Rows with labels, ready for `Client.register`.

    Attributes:
        array: [n x q], or [time x condition x q].
        labels: For every label one value per row (or condition).
    """

    array: Floats
    labels: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def _decompose(array: Floats) -> tuple[Floats, Floats, Floats]:
    left, values, right = np.linalg.svd(
        array - array.mean(axis=0, keepdims=True), full_matrices=False
    )
    return left, values, right


def spectrum_of(array: npt.ArrayLike) -> Floats:
    """Variances of the principal components [min(n - 1, q)], largest first.

    Args:
        array: [n x q], or [time x condition x q], which folds time-major.
    """
    values = np.asarray(array, dtype=np.float64)
    rows = values.reshape(-1, values.shape[-1])
    singular = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    return np.asarray(singular[: len(rows) - 1] ** 2 / (len(rows) - 1))


def matched_gaussian(spectrum: npt.ArrayLike, rows: int, seed: int = 0) -> Floats:
    """Gaussian rows [rows x q] with exactly this spectrum and random geometry.

    A standard normal array is centred and decomposed, and its singular values
    are replaced. Columns have mean zero.

    Args:
        spectrum: Variances of the q principal components, or their shares of
            the total, which only sets the scale.
        rows: More than q.
        seed: Of the normal array.

    Raises:
        ValueError: The spectrum is not a list of numbers, none negative and not
            all zero, or there are too few rows.
    """
    variances = np.asarray(spectrum, dtype=np.float64)
    if variances.ndim != 1 or not variances.size:
        raise ValueError(f"spectrum: {variances.shape} is not a list of variances")
    if not np.isfinite(variances).all() or variances.min() < 0 or not variances.any():
        raise ValueError("spectrum: variances are finite, not negative, not all zero")
    if rows <= variances.size:
        raise ValueError(f"rows: {rows} rows cannot hold {variances.size} components")
    noise = np.random.default_rng(seed).standard_normal((rows, variances.size))
    left, _, right = _decompose(noise)
    return np.asarray((left * np.sqrt((rows - 1) * variances)) @ right)


def matched_gaussian_of(array: npt.ArrayLike, seed: int = 0) -> Floats:
    """Gaussian data of the same shape and spectrum as an array, to the last digit.

    Args:
        array: [n x q], or [time x condition x q], which folds time-major.
        seed: Of the normal array.
    """
    values = np.asarray(array, dtype=np.float64)
    rows = values.reshape(-1, values.shape[-1])
    noise = np.random.default_rng(seed).standard_normal(rows.shape)
    left, _, right = _decompose(noise)
    singular = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    return np.asarray(((left * singular) @ right).reshape(values.shape))


def toy2d(asymmetry: float = 0.5, second_share: float | None = None) -> Synthetic:
    """Two choices at three coherences, [10 time x 6 condition x 2].

    A path runs along an arch. Coherence stretches its height by 1,
    1 + asymmetry and 1 + 2 asymmetry; the other choice turns it by pi.

    Args:
        asymmetry: As above.
        second_share: Rescale the second principal component to this variance
            relative to the first, in (0, 1]. Default: as it comes.

    Returns:
        Labels are "choice" (-1, 1) and "stimulus" (-3 to 3 without 0).

    Raises:
        ValueError: The share is not in (0, 1].
    """
    progress = np.linspace(0.0, 1.0, _TIME_POINTS)
    arch = np.stack(
        [1 - np.cos(math.pi * progress), _ARCH_HEIGHT * np.sin(math.pi * progress)],
        axis=1,
    )
    stretched = [arch * [1.0, 1 + step * asymmetry] for step in range(3)]
    conditions = [*stretched, *(-path for path in stretched)]
    array = np.stack(conditions, axis=1)
    if second_share is not None:
        if not 0 < second_share <= 1:
            raise ValueError(f"second_share: {second_share} is not in (0, 1]")
        left, singular, right = _decompose(array.reshape(-1, 2))
        singular[1] = singular[0] * math.sqrt(second_share)
        array = ((left * singular) @ right).reshape(array.shape)
    return Synthetic(
        array, {"choice": (-1, -1, -1, 1, 1, 1), "stimulus": (-3, -2, -1, 1, 2, 3)}
    )


def ultrametric(
    seed: int = 0,
    *,
    features: int = 50,
    branches: Sequence[int] = (2, 5, 10),
    redraw: float = 0.2,
) -> Synthetic:
    """Binary codes of the leaves of a tree, [product of branches x features].

    Every child has its parent's bits, each drawn anew with a fixed probability.
    Rows come in tree order.

    Args:
        seed: Of the tree.
        features: Bits.
        branches: Children per node, from the root on.
        redraw: Probability that a bit is drawn anew, in [0, 1].

    Returns:
        The label "category" is the leaf's parent.

    Raises:
        ValueError: A number is out of range.
    """
    if not branches or min(branches) < 1 or features < 1:
        raise ValueError("branches and features: at least one each")
    if not 0 <= redraw <= 1:
        raise ValueError(f"redraw: {redraw} is not in [0, 1]")
    random = np.random.default_rng(seed)
    codes = random.integers(0, 2, size=(1, features))
    for count in branches:
        codes = np.repeat(codes, count, axis=0)
        drawn = random.integers(0, 2, size=codes.shape)
        codes = np.where(random.random(codes.shape) < redraw, drawn, codes)
    parents = np.repeat(np.arange(len(codes) // branches[-1]), branches[-1])
    return Synthetic(
        codes.astype(np.float64), {"category": tuple(int(p) for p in parents)}
    )


def exp_gaussian(
    seed: int = 0, *, times: int = 15, conditions: int = 40, features: int = 100
) -> Synthetic:
    """Independent normal columns, [times x conditions x features].

    Their variances are spaced evenly on a logarithmic scale from 1e-4 to 1.
    """
    deviations = np.sqrt(np.logspace(-4.0, 0.0, features))
    random = np.random.default_rng(seed)
    return Synthetic(random.standard_normal((times, conditions, features)) * deviations)
