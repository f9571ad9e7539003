"""Shape metrics and the matching of units from their formulas."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment, linprog, minimize
from scipy.spatial.distance import cdist


def _centred(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    return x - x.mean(axis=0)


def _angle(value: float) -> float:
    return float(np.arccos(np.clip(value, -1, 1)))


def _nuclear(matrix: np.ndarray) -> float:
    return float(np.linalg.svd(matrix, compute_uv=False).sum())


def nbs(x: np.ndarray, y: np.ndarray) -> float:
    """Through the best rotation of zero-padded sides, not through a norm of M."""
    x, y = _centred(x), _centred(y)
    width = max(x.shape[1], y.shape[1])
    x, y = (np.pad(side, ((0, 0), (0, width - side.shape[1]))) for side in (x, y))
    u, _, vt = np.linalg.svd(x.T @ y)
    turned = x @ (u @ vt)
    return float(np.sum(turned * y) / (np.linalg.norm(x) * np.linalg.norm(y)))


def size_shape(x: np.ndarray, y: np.ndarray, form: str = "distance") -> float:
    """The distance that is left after the best rotation."""
    x, y = _centred(x), _centred(y)
    width = max(x.shape[1], y.shape[1])
    x, y = (np.pad(side, ((0, 0), (0, width - side.shape[1]))) for side in (x, y))
    u, _, vt = np.linalg.svd(x.T @ y)
    squared = np.linalg.norm(x @ (u @ vt) - y) ** 2
    forms = {
        "distance": np.sqrt(squared),
        "squared": squared,
        "squared_per_sample": squared / len(x),
    }
    return float(forms[form])


def chord(x: np.ndarray, y: np.ndarray, form: str = "chord") -> float:
    value = nbs(x, y)
    forms = {
        "chord": np.sqrt(2 - 2 * value),
        "squared": 2 - 2 * value,
        "one_minus": 1 - value,
    }
    return float(forms[form])


def _whitened(x: np.ndarray, alpha: float, floor: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(x.T @ x)
    values = np.maximum(values, floor)
    inverse_root = vectors @ np.diag(values**-0.5) @ vectors.T
    return alpha * x + (1 - alpha) * x @ inverse_root


def shape_cosine(
    x: np.ndarray,
    y: np.ndarray,
    alpha: float,
    scale: str = "unit_norm",
    floor: float = 1e-7,
) -> float:
    x, y = _centred(x), _centred(y)
    if scale == "unit_norm":
        x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    x, y = _whitened(x, alpha, floor), _whitened(y, alpha, floor)
    return _nuclear(x.T @ y) / (np.linalg.norm(x) * np.linalg.norm(y))


def shape_angular(
    x: np.ndarray, y: np.ndarray, *options: float | str, **named: float | str
) -> float:
    return _angle(shape_cosine(x, y, *options, **named))


def shape_permutation(x: np.ndarray, y: np.ndarray, form: str = "angle") -> float:
    x, y = _centred(x), _centred(y)
    products = x.T @ y
    matched = products[linear_sum_assignment(products, maximize=True)].sum()
    value = matched / (np.linalg.norm(x) * np.linalg.norm(y))
    if form == "euclidean":
        squares = np.linalg.norm(x) ** 2 + np.linalg.norm(y) ** 2
        return float(np.sqrt(squares - 2 * matched))
    return _angle(value) if form == "angle" else float(value)


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = np.shape(x)[1]
    return np.corrcoef(x, y, rowvar=False)[:p, p:]


def match_hard(x: np.ndarray, y: np.ndarray, absolute: bool = False) -> float:
    r = _correlations(x, y)
    r = np.abs(r) if absolute else r
    return float(r[linear_sum_assignment(r, maximize=True)].mean())


def match_soft_mean_max(x: np.ndarray, y: np.ndarray, direction: str = "mean") -> float:
    r = _correlations(x, y)
    values = {
        "candidate_to_reference": r.max(axis=1).mean(),
        "reference_to_candidate": r.max(axis=0).mean(),
    }
    values["mean"] = sum(values.values()) / 2
    return float(values[direction])


def match_transport(x: np.ndarray, y: np.ndarray, form: str = "distance") -> float:
    """The transport problem as a linear programme."""
    costs = cdist(_centred(x).T, _centred(y).T, "sqeuclidean")
    p, q = costs.shape
    rows = sparse.kron(sparse.eye(p), np.ones((1, q)))
    columns = sparse.kron(np.ones((1, p)), sparse.eye(q))
    solution = linprog(
        costs.ravel(),
        A_eq=sparse.vstack([rows, columns]).tocsr(),
        b_eq=np.concatenate([np.full(p, 1 / p), np.full(q, 1 / q)]),
        bounds=(0, None),
        method="highs",
    )
    if not solution.success:
        raise ArithmeticError(solution.message)
    return float(solution.fun if form == "squared" else np.sqrt(solution.fun))


def shape_convolutional(
    x: np.ndarray,
    y: np.ndarray,
    height: int = 1,
    width: int = 1,
    layout: str = "channels_last",
) -> float:
    """The smallest angle over circular shifts, each tried in turn."""

    def maps(side: np.ndarray) -> np.ndarray:
        if layout == "channels_last":
            side = np.reshape(side, (len(side), height, width, -1))
        else:
            side = np.reshape(side, (len(side), -1, height, width))
            side = np.moveaxis(side, 1, -1)
        return side - side.mean(axis=0)

    x, y = maps(np.asarray(x, np.float64)), maps(np.asarray(y, np.float64))
    best = max(
        _nuclear(
            np.roll(x, (i, j), axis=(1, 2)).reshape(-1, x.shape[-1]).T
            @ y.reshape(-1, y.shape[-1])
        )
        for i in range(height)
        for j in range(width)
    )
    return _angle(best / (np.linalg.norm(x) * np.linalg.norm(y)))


def _bures(a: np.ndarray, b: np.ndarray) -> float:
    """The squared Bures distance of two covariances."""

    def root(matrix: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(matrix)
        return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T

    return float(np.trace(a) + np.trace(b) - 2 * _nuclear(root(a) @ root(b)))


def shape_stochastic_at(
    means: tuple[np.ndarray, np.ndarray],
    covariances: tuple[np.ndarray, np.ndarray],
    alpha: float,
    turn: np.ndarray,
) -> float:
    """The objective at one rotation; its minimum is the squared distance."""
    (mx, my), (sx, sy) = means, covariances
    total = alpha * np.sum((mx - my @ turn) ** 2)
    return total + (2 - alpha) * sum(
        _bures(a, turn.T @ b @ turn) for a, b in zip(sx, sy)
    )


def shape_stochastic(
    x: np.ndarray, y: np.ndarray, folds: list[np.ndarray], alpha: float = 1
) -> float:
    """Searches all rotations and reflections of two units each; p = q = 2."""
    means = tuple(
        _centred(np.stack([side[f].mean(axis=0) for f in folds])) for side in (x, y)
    )
    covariances = tuple(
        np.stack([np.cov(side[f], rowvar=False) for f in folds]) for side in (x, y)
    )

    def value(angle: float, sign: int) -> float:
        c, s = np.cos(angle), np.sin(angle)
        turn = np.array([[c, -s * sign], [s, c * sign]])
        return shape_stochastic_at(means, covariances, alpha, turn)

    best = np.inf
    for sign in (1, -1):
        grid = np.linspace(0, 2 * np.pi, 721)
        start = grid[int(np.argmin([value(angle, sign) for angle in grid]))]
        found = minimize(
            lambda a, sign=sign: value(a[0], sign),
            [start],
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-15},
        )
        best = min(best, found.fun)
    return float(np.sqrt(best))
