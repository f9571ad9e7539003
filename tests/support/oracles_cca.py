"""Canonical correlations and their relatives from their formulas."""

from __future__ import annotations

import numpy as np
from oracles_spectra import basis
from scipy.linalg import fractional_matrix_power


def _centred(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    return x - x.mean(axis=0)


def correlations(x: np.ndarray, y: np.ndarray, centring: str = "column") -> np.ndarray:
    if centring == "column":
        x, y = _centred(x), _centred(y)
    return np.linalg.svd(basis(x).T @ basis(y), compute_uv=False)


def cca(
    x: np.ndarray,
    y: np.ndarray,
    statistic: str = "mean_rho",
    centring: str = "column",
) -> float:
    rho = correlations(x, y, centring)
    return float(np.mean(rho if statistic == "mean_rho" else rho**2))


def leading_components(x: np.ndarray, components: int | float) -> np.ndarray:
    """Scores of so many components, or of a share of the variance."""
    u, s, _ = np.linalg.svd(_centred(x), full_matrices=False)
    if isinstance(components, int):
        count = components
    else:
        shares = np.cumsum(s**2) / np.sum(s**2)
        count = 1 + int(np.argmax(shares >= components))
    return u[:, :count] * s[:count]


def svcca(
    x: np.ndarray,
    y: np.ndarray,
    components: int | float = 0.99,
    normaliser: str = "min",
    statistic: str = "rho",
) -> float:
    x, y = leading_components(x, components), leading_components(y, components)
    rho = correlations(x, y)
    kept = x.shape[1], y.shape[1]
    count = {
        "min": min(kept),
        "max": max(kept),
        "geometric_mean": np.sqrt(kept[0] * kept[1]),
    }[normaliser]
    return float((rho if statistic == "rho" else rho**2).sum() / count)


def pwcca(x: np.ndarray, y: np.ndarray) -> float:
    """Canonical variates of the candidate, weighted by their part in its units."""
    x, y = _centred(x), _centred(y)
    qx, qy = basis(x), basis(y)
    u, rho, _ = np.linalg.svd(qx.T @ qy, full_matrices=False)
    weights = np.abs((qx @ u).T @ x).sum(axis=1)
    return float(weights @ rho / weights.sum())


def rcca(
    x: np.ndarray, y: np.ndarray, kappa: float = 0.01, statistic: str = "rho"
) -> float:
    x, y = _centred(x), _centred(y)
    n = len(x)
    roots = [
        fractional_matrix_power(side.T @ side + kappa * n * np.eye(side.shape[1]), -0.5)
        for side in (x, y)
    ]
    rho = np.linalg.svd(roots[0] @ x.T @ y @ roots[1], compute_uv=False)
    count = min(x.shape[1], y.shape[1])
    return float((rho if statistic == "rho" else rho**2).sum() / count)
