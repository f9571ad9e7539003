"""GULP, effective dimensions and the geometry of rows from their formulas."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist


def _centred(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    return x - x.mean(axis=0)


def gulp(
    x: np.ndarray, y: np.ndarray, penalty: float = 0.1, scale: str = "unit_trace"
) -> float:
    """The squared distance of Boix-Adsera et al. 2022."""
    x, y = _centred(x), _centred(y)
    n = len(x)
    if scale == "unit_trace":
        x = x / np.sqrt(np.trace(x.T @ x / n))
        y = y / np.sqrt(np.trace(y.T @ y / n))
    sx, sy, sxy = x.T @ x / n, y.T @ y / n, x.T @ y / n
    p = np.linalg.inv(sx + penalty * np.eye(len(sx)))
    q = np.linalg.inv(sy + penalty * np.eye(len(sy)))
    return float(
        np.trace(p @ sx @ p @ sx)
        + np.trace(q @ sy @ q @ sy)
        - 2 * np.trace(p @ sxy @ q @ sxy.T)
    )


def ensd(x: np.ndarray, y: np.ndarray) -> float:
    k, l = (side @ side.T for side in (_centred(x), _centred(y)))  # noqa: E741
    return float(
        np.trace(k @ l)
        * np.trace(k)
        * np.trace(l)
        / (np.trace(k @ k) * np.trace(l @ l))
    )


def participation_ratio(x: np.ndarray) -> float:
    values = np.linalg.svd(_centred(x), compute_uv=False) ** 2
    return float(values.sum() ** 2 / (values**2).sum())


def participation_ratio_difference(x: np.ndarray, y: np.ndarray) -> float:
    return abs(participation_ratio(x) - participation_ratio(y))


def basis(x: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span those of x."""
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    return u[:, s > max(x.shape) * np.finfo(float).eps * s[0]]


def eigenspace_overlap(x: np.ndarray, y: np.ndarray, centring: str = "none") -> float:
    if centring == "column":
        x, y = _centred(x), _centred(y)
    overlap = np.linalg.norm(basis(x).T @ basis(y)) ** 2
    return float(overlap / max(x.shape[1], y.shape[1]))


def pc_capture(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """R2 of every left singular vector of the reference, largest first."""
    directions = basis(_centred(y))
    return np.sum((basis(_centred(x)).T @ directions) ** 2, axis=0)


def magnitude(x: np.ndarray, y: np.ndarray) -> float:
    lengths = [np.linalg.norm(np.mean(side, axis=0)) for side in (x, y)]
    return float(abs(lengths[0] - lengths[1]))


def _concentricity(x: np.ndarray) -> float:
    mean = x.mean(axis=0)
    cosines = x @ mean / (np.linalg.norm(x, axis=1) * np.linalg.norm(mean))
    return float(cosines.mean())


def concentricity(x: np.ndarray, y: np.ndarray) -> float:
    return abs(_concentricity(x) - _concentricity(y))


def _uniformity(x: np.ndarray, rows: str, t: float) -> float:
    if rows == "unit_norm":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    n = len(x)
    pairs = np.exp(-t * pdist(x, "sqeuclidean"))
    return float(np.log((2 * pairs.sum() + n) / n**2))


def uniformity(
    x: np.ndarray, y: np.ndarray, rows: str = "unit_norm", t: float = 2
) -> float:
    return abs(_uniformity(x, rows, t) - _uniformity(y, rows, t))
