"""Nearest-neighbour measures from their formulas, row by row."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import laplacian
from scipy.spatial.distance import cdist


def _rows(x: np.ndarray, rows: str) -> np.ndarray:
    x = np.asarray(x, np.float64)
    return x - x.mean(axis=0) if rows == "centred" else x


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def neighbours(x: np.ndarray, k: int, metric: str, rows: str = "raw") -> np.ndarray:
    """The k nearest others of every row, nearest first, smaller index first."""
    x = _rows(x, rows)
    far = {
        "euclidean": lambda: cdist(x, x),
        "cosine": lambda: -_unit(x) @ _unit(x).T,
        "inner": lambda: -x @ x.T,
    }[metric]()
    np.fill_diagonal(far, np.inf)
    return np.argsort(far, axis=1, kind="stable")[:, :k]


def _both(x: np.ndarray, y: np.ndarray, *options: int | str):
    return zip(neighbours(x, *options), neighbours(y, *options))


def mutual(
    x: np.ndarray,
    y: np.ndarray,
    k: int = 10,
    metric: str = "euclidean",
    rows: str = "raw",
) -> float:
    return float(
        np.mean([len({*a} & {*b}) / k for a, b in _both(x, y, k, metric, rows)])
    )


def jaccard(
    x: np.ndarray,
    y: np.ndarray,
    k: int = 10,
    metric: str = "euclidean",
    rows: str = "raw",
) -> float:
    pairs = [({*a}, {*b}) for a, b in _both(x, y, k, metric, rows)]
    return float(np.mean([len(a & b) / len(a | b) for a, b in pairs]))


def rank(
    x: np.ndarray,
    y: np.ndarray,
    k: int = 10,
    metric: str = "euclidean",
    rows: str = "raw",
) -> float:
    """Rank similarity of Wang et al. 2020; ranks count from 1."""
    values = []
    for a, b in _both(x, y, k, metric, rows):
        first = {row: place for place, row in enumerate(a, 1)}
        second = {row: place for place, row in enumerate(b, 1)}
        shared = first.keys() & second.keys()
        total = sum(
            2 / ((1 + abs(first[j] - second[j])) * (first[j] + second[j]))
            for j in shared
        )
        most = sum(1 / place for place in range(1, len(shared) + 1))
        values.append(total / most if shared else 0)
    return float(np.mean(values))


def second_order_cosine(
    x: np.ndarray, y: np.ndarray, k: int = 10, rows: str = "raw"
) -> float:
    """Cosine of the cosines with the neighbours on either side."""
    cosines = [_unit(_rows(side, rows)) @ _unit(_rows(side, rows)).T for side in (x, y)]
    values = []
    for i, (a, b) in enumerate(_both(x, y, k, "cosine", rows)):
        union = sorted({*a} | {*b})
        first, second = cosines[0][i, union], cosines[1][i, union]
        lengths = np.linalg.norm(first) * np.linalg.norm(second)
        values.append(first @ second / lengths)
    return float(np.mean(values))


def cknna(
    x: np.ndarray,
    y: np.ndarray,
    k: int = 10,
    metric: str = "inner",
    rows: str = "raw",
) -> float:
    """Huh et al. 2024, appendix A: sums over neighbours on both sides.

    Products of rows less the mean of their row of products.
    """
    masks, products = [], []
    for side in (x, y):
        mask = np.zeros((len(side), len(side)))
        np.put_along_axis(mask, neighbours(side, k, metric, rows), 1, axis=1)
        masks.append(mask)
        side = _rows(side, rows)
        side = _unit(side) if metric == "cosine" else side
        inner = side @ side.T
        products.append(inner - inner.mean(axis=1, keepdims=True))

    def local(i: int, j: int) -> float:
        return float(np.sum(masks[i] * masks[j] * products[i] * products[j]))

    return float(local(0, 1) / np.sqrt(local(0, 0) * local(1, 1)))


def imd(x: np.ndarray, y: np.ndarray, k: int = 5) -> float:
    """Tsitsulin et al. 2020, with exact heat traces of unit-weight graphs."""
    times = np.logspace(-1, 1, 256)
    traces = []
    for side in (x, y):
        linked = np.zeros((len(side), len(side)))
        np.put_along_axis(linked, neighbours(side, k, "euclidean"), 1, axis=1)
        linked = np.maximum(linked, linked.T)
        values = np.linalg.eigvalsh(laplacian(linked, normed=True))
        traces.append(np.exp(-np.outer(times, values)).mean(axis=1))
    weights = np.exp(-2 * (times + 1 / times))
    return float(np.max(weights * np.abs(traces[0] - traces[1])))
