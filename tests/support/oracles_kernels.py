"""Kernel alignment and distance correlation from their formulas."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist, squareform


def squared_distances(x: np.ndarray) -> np.ndarray:
    return squareform(pdist(np.asarray(x, np.float64), "sqeuclidean"))


def double_centred(gram: np.ndarray) -> np.ndarray:
    """H K H."""
    n = len(gram)
    h = np.eye(n) - np.ones((n, n)) / n
    return h @ gram @ h


def u_centred(gram: np.ndarray) -> np.ndarray:
    """Szekely & Rizzo 2014, definition 2; the diagonal is not looked at."""
    n = len(gram)
    gram = gram - np.diag(np.diag(gram))
    rows = gram.sum(axis=1) / (n - 2)
    total = gram.sum() / ((n - 1) * (n - 2))
    result = gram - rows[:, None] - rows[None, :] + total
    np.fill_diagonal(result, 0)
    return result


def without_diagonal(gram: np.ndarray) -> np.ndarray:
    return gram - np.diag(np.diag(gram))


_CENTRINGS = {
    "biased": double_centred,
    "unbiased": u_centred,
    "lange": lambda gram: without_diagonal(double_centred(gram)),
}


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b)))


def alignment(k: np.ndarray, l: np.ndarray, bias: str) -> float:  # noqa: E741
    """Cosine of two kernels after the centring of a bias rule."""
    centre = _CENTRINGS[bias]
    return cosine(centre(k), centre(l))


def linear_kernel(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    x = x - x.mean(axis=0)
    return x @ x.T


def squared_bandwidth(distances: np.ndarray, rule: str, value: float) -> float:
    if rule == "absolute":
        return value**2
    if rule == "median_all":
        return value**2 * float(np.median(distances))
    if rule == "median_offdiagonal":
        different = distances[np.triu_indices(len(distances), 1)]
        return value**2 * float(np.median(different))
    raise ValueError(rule)


def rbf_kernel(x: np.ndarray, rule: str = "median_all", value: float = 1) -> np.ndarray:
    distances = squared_distances(x)
    return np.exp(-distances / (2 * squared_bandwidth(distances, rule, value)))


def laplace_kernel(
    x: np.ndarray, rule: str = "median_all", value: float = 1
) -> np.ndarray:
    distances = squared_distances(x)
    return np.exp(-np.sqrt(distances / squared_bandwidth(distances, rule, value)))


def cka_lange(x: np.ndarray, y: np.ndarray) -> float:
    return alignment(linear_kernel(x), linear_kernel(y), "lange")


def cka_rbf(
    x: np.ndarray,
    y: np.ndarray,
    rule: str = "median_all",
    value: float = 1,
    bias: str = "biased",
) -> float:
    return alignment(rbf_kernel(x, rule, value), rbf_kernel(y, rule, value), bias)


def cka_laplace(
    x: np.ndarray,
    y: np.ndarray,
    rule: str = "median_all",
    value: float = 1,
    bias: str = "biased",
) -> float:
    return alignment(
        laplace_kernel(x, rule, value), laplace_kernel(y, rule, value), bias
    )


def cka_minibatch(x: np.ndarray, y: np.ndarray, batch: int = 10) -> float:
    """Sums over full batches in stored order, divided once."""
    sums = np.zeros(3)
    for start in range(0, len(x) - batch + 1, batch):
        rows = slice(start, start + batch)
        k, l = (u_centred(linear_kernel(side[rows])) for side in (x, y))  # noqa: E741
        sums += [np.sum(k * l), np.sum(k * k), np.sum(l * l)]
    return float(sums[0] / np.sqrt(sums[1] * sums[2]))


def _distances(x: np.ndarray) -> np.ndarray:
    return squareform(pdist(np.asarray(x, np.float64)))


def dcor(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.sqrt(alignment(_distances(x), _distances(y), "biased")))


def dcor_unbiased(x: np.ndarray, y: np.ndarray) -> float:
    return alignment(_distances(x), _distances(y), "unbiased")


def hsic(k: np.ndarray, l: np.ndarray, bias: str = "biased") -> float:  # noqa: E741
    n = len(k)
    if bias == "biased":
        return float(np.trace(double_centred(k) @ l) / (n - 1) ** 2)
    # Song et al. 2012, eq. 5.
    k, l = without_diagonal(k), without_diagonal(l)  # noqa: E741
    total = (
        np.trace(k @ l)
        + k.sum() * l.sum() / ((n - 1) * (n - 2))
        - 2 / (n - 2) * (k @ l).sum()
    )
    return float(total / (n * (n - 3)))


def mmd(
    x: np.ndarray,
    y: np.ndarray,
    kernel: str = "rbf",
    bandwidth: tuple[str, float] = ("median_all", 1),
    bias: str = "biased",
    form: str = "distance",
) -> float:
    """Gretton et al. 2012, eqs. 3 and 5, over the pooled rows of both sides."""
    rows = np.concatenate([np.asarray(x, np.float64), np.asarray(y, np.float64)])
    n = len(x)
    distances = squared_distances(rows)
    width = squared_bandwidth(distances, *bandwidth)
    gram = {
        "linear": lambda: rows @ rows.T,
        "rbf": lambda: np.exp(-distances / (2 * width)),
        "laplace": lambda: np.exp(-np.sqrt(distances / width)),
    }[kernel]()
    within = [gram[:n, :n], gram[n:, n:]]
    if bias == "unbiased":
        means = [(g.sum() - np.trace(g)) / (n * (n - 1)) for g in within]
    else:
        means = [g.mean() for g in within]
    squared = sum(means) - 2 * gram[:n, n:].mean()
    return float(np.sqrt(max(squared, 0)) if form == "distance" else squared)
