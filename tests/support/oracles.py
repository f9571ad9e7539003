"""The measures once more, straight from their formulas, in NumPy.

Candidate X [n x p] predicts or is compared with reference Y [n x q].
"""

from __future__ import annotations

import numpy as np


def centred(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array, dtype=np.float64)
    return array - array.mean(axis=0)


def cka(x: np.ndarray, y: np.ndarray) -> float:
    x, y = centred(x), centred(y)
    norms = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return float(np.linalg.norm(x.T @ y) ** 2 / norms)


def _u_centred(gram: np.ndarray) -> np.ndarray:
    n = len(gram)
    gram = gram - np.diag(np.diag(gram))
    rows = gram.sum(axis=0)
    result = (
        gram - (rows[:, None] + rows[None]) / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
    )
    np.fill_diagonal(result, 0)
    return result


def cka_debiased(x: np.ndarray, y: np.ndarray) -> float:
    x, y = centred(x), centred(y)
    first, second = _u_centred(x @ x.T), _u_centred(y @ y.T)
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    return float(np.sum(first * second) / norms)


def nbs(x: np.ndarray, y: np.ndarray) -> float:
    x, y = centred(x), centred(y)
    values = np.linalg.svd(x.T @ y, compute_uv=False)
    return float(values.sum() / (np.linalg.norm(x) * np.linalg.norm(y)))


def angle(cosine: float) -> float:
    return float(np.arccos(min(max(cosine, -1.0), 1.0)))


def angular_score(cosine: float) -> float:
    return 1 - 2 / np.pi * angle(cosine)


def linear_r2(x: np.ndarray, y: np.ndarray) -> float:
    x, y = centred(x), centred(y)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    basis = u[:, s > max(x.shape) * np.finfo(float).eps * s[0]]
    return float(np.linalg.norm(basis.T @ y) ** 2 / np.linalg.norm(y) ** 2)


def _ridge_weights(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    if x.shape[1] <= x.shape[0]:
        return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)
    return x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(x.shape[0]), y)


def ridge_r2(x: np.ndarray, y: np.ndarray, penalty: float) -> float:
    x, y = centred(x), centred(y)
    residual = y - x @ _ridge_weights(x, y, penalty)
    return float(1 - np.linalg.norm(residual) ** 2 / np.linalg.norm(y) ** 2)


def contiguous(rows: int, folds: int) -> list[np.ndarray]:
    """Validation rows of every fold; the first rows % folds are one larger."""
    return np.array_split(np.arange(rows), folds)


def by_condition(times: int, conditions: int, folds: int) -> list[np.ndarray]:
    """Whole conditions in order; row = time * conditions + condition."""
    grid = np.arange(times * conditions).reshape(times, conditions)
    parts = np.array_split(np.arange(conditions), folds)
    return [np.sort(grid[:, part].ravel()) for part in parts]


def ridge_r2_folds(
    x: np.ndarray,
    y: np.ndarray,
    penalty: float,
    folds: list[np.ndarray],
    denominator: str = "train_mean",
    pooling: str = "mean_of_folds",
) -> float:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    errors, totals = [], []
    for rows in folds:
        train = np.setdiff1d(np.arange(len(x)), rows)
        mean_x, mean_y = x[train].mean(axis=0), y[train].mean(axis=0)
        weights = _ridge_weights(x[train] - mean_x, y[train] - mean_y, penalty)
        target = y[rows] - mean_y
        errors.append(((target - (x[rows] - mean_x) @ weights) ** 2).sum())
        if denominator == "validation_mean":
            target = y[rows] - y[rows].mean(axis=0)
        totals.append((target**2).sum())
    if pooling == "pooled":
        total = (centred(y[np.concatenate(folds)]) ** 2).sum()
        return float(1 - sum(errors) / total)
    return float(np.mean(1 - np.array(errors) / np.array(totals)))


def all_scores(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Every measure without parameters."""
    values = {
        "cka": cka(x, y),
        "nbs": nbs(x, y),
        "linear_r2": linear_r2(x, y),
    }
    values["cka.angular"] = angle(values["cka"])
    values["cka.angular_score"] = angular_score(values["cka"])
    values["procrustes.angle"] = angle(values["nbs"])
    values["procrustes.angular_score"] = angular_score(values["nbs"])
    if len(x) >= 4:
        values["cka.debiased"] = cka_debiased(x, y)
    return values
