"""Cross-validated regressions from their formulas, with scikit-learn.

A fold is a pair (training rows, validation rows). A regressor takes training
rows of both sides, already centred by their means, and centred validation rows
of the predictor; it returns the prediction of the centred validation rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import RidgeCV

Fold = tuple[np.ndarray, np.ndarray]
Regressor = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def trained_on_the_rest(
    rows: int, validation: Iterable[Sequence[int] | np.ndarray]
) -> list[Fold]:
    every = np.arange(rows)
    return [(np.setdiff1d(every, part), np.asarray(part)) for part in validation]


def contiguous(rows: int, folds: int) -> list[Fold]:
    return trained_on_the_rest(rows, np.array_split(np.arange(rows), folds))


def leave_one_out(rows: int) -> list[Fold]:
    return trained_on_the_rest(rows, [[row] for row in range(rows)])


def in_sample(rows: int) -> list[Fold]:
    return [(np.arange(rows), np.arange(rows))]


def least_squares(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Minimum norm where there are more units than rows."""
    cutoff = max(a.shape) * np.finfo(float).eps
    return t @ np.linalg.lstsq(a, b, rcond=cutoff)[0]


def ridge(penalty: float, scale: str = "raw") -> Regressor:
    def predict(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
        alpha = penalty * (len(a) if scale == "per_sample" else 1)
        u, s, vt = np.linalg.svd(a, full_matrices=False)
        return (t @ vt.T * (s / (s**2 + alpha))) @ (u.T @ b)

    return predict


def leave_one_out_errors(a: np.ndarray, b: np.ndarray, penalty: float) -> np.ndarray:
    """Squared errors of every row and target; every row is left out in turn."""
    errors = np.empty(b.shape)
    for row in range(len(a)):
        others = np.arange(len(a)) != row
        mean_a, mean_b = a[others].mean(axis=0), b[others].mean(axis=0)
        fitted = ridge(penalty)(
            a[others] - mean_a, b[others] - mean_b, a[[row]] - mean_a
        )
        errors[row] = (b[row] - mean_b - fitted[0]) ** 2
    return errors


def inner_fold_errors(
    a: np.ndarray, b: np.ndarray, penalty: float, folds: int
) -> np.ndarray:
    errors = np.empty(b.shape)
    for train, held in contiguous(len(a), folds):
        mean_a, mean_b = a[train].mean(axis=0), b[train].mean(axis=0)
        fitted = ridge(penalty)(a[train] - mean_a, b[train] - mean_b, a[held] - mean_a)
        errors[held] = (b[held] - mean_b - fitted) ** 2
    return errors


def ridge_grid(
    penalties: Sequence[float], per_target: bool = False, inner_folds: int | None = None
) -> Regressor:
    """The penalty of least squared error over left-out training rows."""

    def predict(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
        if inner_folds is None:
            errors = [leave_one_out_errors(a, b, x) for x in penalties]
        else:
            errors = [inner_fold_errors(a, b, x, inner_folds) for x in penalties]
        sums = np.array([error.sum(axis=0) for error in errors])
        if not per_target:
            best = penalties[int(np.argmin(sums.sum(axis=1)))]
            return ridge(best)(a, b, t)
        best = np.argmin(sums, axis=0)
        return np.column_stack(
            [
                ridge(penalties[choice])(a, b[:, [j]], t)[:, 0]
                for j, choice in enumerate(best)
            ]
        )

    return predict


def simplex(steps: int, bands: int) -> list[tuple[float, ...]]:
    """Multiples of 1 / steps that sum to 1; more of the first band comes first."""
    if bands == 1:
        return [(1.0,)]
    return [
        (first / steps, *(rest * (steps - first) / steps for rest in others))
        for first in range(steps, -1, -1)
        for others in (
            simplex(steps - first, bands - 1)
            if first < steps
            else [(0.0,) * (bands - 1)]
        )
    ]


def banded_ridge(
    bands: Sequence[int],
    weights: Sequence[Sequence[float]],
    penalties: Sequence[float],
    per_target: bool = True,
    inner_folds: int | None = None,
) -> Regressor:
    """Ridge on features times the root of their band's weight; the weights and
    the penalty of least squared error over left-out training rows."""

    def errors(a: np.ndarray, b: np.ndarray, penalty: float) -> np.ndarray:
        if inner_folds is None:
            return leave_one_out_errors(a, b, penalty).sum(axis=0)
        return inner_fold_errors(a, b, penalty, inner_folds).sum(axis=0)

    def predict(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
        choices = [
            (np.sqrt(np.repeat(weight, bands)), penalty)
            for weight in weights
            for penalty in penalties
        ]
        best = np.zeros(b.shape[1], dtype=int)
        if len(choices) > 1:
            sums = np.array([errors(a * scale, b, x) for scale, x in choices])
            best = np.argmin(sums, axis=0)
            if not per_target:
                best[:] = np.argmin(sums.sum(axis=1))
        fitted = [ridge(x)(a * scale, b, t * scale) for scale, x in choices]
        return np.column_stack([fitted[c][:, j] for j, c in enumerate(best)])

    return predict


def ridge_gcv(penalties: Sequence[float]) -> Regressor:
    """scikit-learn's choice among penalties; the same rule as ridge_grid."""

    def predict(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
        model = RidgeCV(alphas=penalties, fit_intercept=True)
        return model.fit(a, b).predict(t).reshape(len(t), -1)

    return predict


def pls_nipals(components: int) -> Regressor:
    def predict(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
        model = PLSRegression(components, scale=False, tol=1e-6, max_iter=500)
        return model.fit(a, b).predict(t).reshape(len(t), -1)

    return predict


def pls_svd(components: int) -> Regressor:
    """Weights by exact leading singular vectors of the deflated X'Y."""

    def predict(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
        x, y = a.copy(), b.copy()
        weights, x_loadings, y_loadings = [], [], []
        for _ in range(components):
            weight = np.linalg.svd(x.T @ y, full_matrices=False)[0][:, 0]
            score = x @ weight
            x_loadings.append(x.T @ score / (score @ score))
            y_loadings.append(y.T @ score / (score @ score))
            weights.append(weight)
            x = x - np.outer(score, x_loadings[-1])
            y = y - np.outer(score, y_loadings[-1])
        w, p, q = (np.array(rows).T for rows in (weights, x_loadings, y_loadings))
        return t @ (w @ np.linalg.solve(p.T @ w, q.T))

    return predict


def one_to_one(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """For every target the unit of largest signed correlation in training."""
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (a.T @ b) / np.outer(np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0))
    return t[:, np.nanargmax(r, axis=0)]


def predictions(
    x: np.ndarray, y: np.ndarray, folds: Iterable[Fold], regressor: Regressor
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(validation targets, predictions, training means) of every fold."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    results = []
    for train, held in folds:
        mean_x, mean_y = x[train].mean(axis=0), y[train].mean(axis=0)
        fitted = regressor(x[train] - mean_x, y[train] - mean_y, x[held] - mean_x)
        results.append((y[held], fitted + mean_y, mean_y))
    return results


_OVER_FOLDS = {"mean_of_folds": np.mean, "median_of_folds": np.median}


def _over_targets(sse: np.ndarray, sst: np.ndarray, aggregation: str) -> float:
    if aggregation == "variance_weighted":
        return float(1 - sse.sum() / sst.sum())
    values = 1 - sse[sst > 0] / sst[sst > 0]
    return float({"uniform": np.mean, "median": np.median}[aggregation](values))


def r2(
    x: np.ndarray,
    y: np.ndarray,
    folds: Iterable[Fold],
    regressor: Regressor,
    *,
    aggregation: str = "variance_weighted",
    pooling: str = "mean_of_folds",
    denominator: str = "train_mean",
) -> float:
    results = predictions(x, y, folds, regressor)
    sse = np.array([((z - fitted) ** 2).sum(axis=0) for z, fitted, _ in results])
    if pooling == "pooled":
        targets = np.concatenate([z for z, _, _ in results])
        sst = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
        return _over_targets(sse.sum(axis=0), sst, aggregation)
    centres = {
        "train_mean": lambda z, mean: mean,
        "validation_mean": lambda z, mean: z.mean(axis=0),
    }[denominator]
    sst = [((z - centres(z, mean)) ** 2).sum(axis=0) for z, _, mean in results]
    return float(
        _OVER_FOLDS[pooling](
            [_over_targets(e, t, aggregation) for e, t in zip(sse, sst)]
        )
    )


def pearson_columns(z: np.ndarray, fitted: np.ndarray, floor: float = 0) -> np.ndarray:
    """Pearson r of every column; NaN where one is constant, or a floor."""
    z, fitted = z - z.mean(axis=0), fitted - fitted.mean(axis=0)
    lengths = [np.linalg.norm(side, axis=0) + floor for side in (z, fitted)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (z * fitted).sum(axis=0) / (lengths[0] * lengths[1])


def _flat(folds: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> float:
    """One cosine of all entries, centred by the training means."""
    a, b = (
        np.concatenate([(fold[part] - fold[2]).ravel() for fold in folds])
        for part in (0, 1)
    )
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def r(
    x: np.ndarray,
    y: np.ndarray,
    folds: Iterable[Fold],
    regressor: Regressor,
    *,
    aggregation: str = "median",
    pooling: str = "mean_of_folds",
    floor: float = 0,
) -> float:
    results = predictions(x, y, folds, regressor)
    parts = [results] if pooling == "pooled" else [[fold] for fold in results]
    if aggregation == "flat":
        values = [_flat(part) for part in parts]
    else:
        over = {"median": np.nanmedian, "mean": np.nanmean}[aggregation]
        values = []
        for part in parts:
            z, fitted = (np.concatenate([fold[i] for fold in part]) for i in (0, 1))
            values.append(over(pearson_columns(z, fitted, floor)))
    return float(_OVER_FOLDS.get(pooling, np.mean)(values))


def directed(
    score: Callable[..., float], x: np.ndarray, y: np.ndarray, direction: str
) -> float:
    """A score of (predictor, target) in a direction."""
    if direction == "candidate_to_reference":
        return score(x, y)
    if direction == "reference_to_candidate":
        return score(y, x)
    return (score(x, y) + score(y, x)) / 2
