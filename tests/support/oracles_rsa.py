"""Representational similarity analysis from its formulas, with SciPy."""

from __future__ import annotations

import numpy as np
from oracles_kernels import cosine, double_centred
from scipy import stats
from scipy.spatial.distance import pdist, squareform


def noise_precision(x: np.ndarray, folds: list[np.ndarray], shrinkage: float):
    """Inverse covariance of what conditions and folds do not explain."""
    folded = np.stack([x[rows] for rows in folds])
    residual = folded - folded.mean(axis=0)
    residual -= residual.mean(axis=1, keepdims=True)
    residual = residual.reshape(-1, x.shape[1])
    freedom = (len(folded) - 1) * (folded.shape[1] - 1)
    covariance = residual.T @ residual / freedom
    target = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    return np.linalg.inv((1 - shrinkage) * covariance + shrinkage * target)


def crossnobis(
    x: np.ndarray, folds: list[np.ndarray], precision: np.ndarray | None = None
) -> np.ndarray:
    """Mean over ordered pairs of different folds, over the number of units."""
    p = x.shape[1]
    precision = np.eye(p) if precision is None else precision
    values = []
    conditions = len(folds[0])
    for i in range(conditions):
        for j in range(i + 1, conditions):
            differences = np.stack([x[rows[i]] - x[rows[j]] for rows in folds])
            products = differences @ precision @ differences.T
            count = len(folds) * (len(folds) - 1)
            values.append((products.sum() - np.trace(products)) / count / p)
    return np.array(values)


def mahalanobis(x: np.ndarray, folds: list[np.ndarray], shrinkage: float) -> np.ndarray:
    """Of the mean over folds, over the number of units."""
    precision = noise_precision(x, folds, shrinkage)
    mean = np.stack([x[rows] for rows in folds]).mean(axis=0)
    return pdist(mean, "mahalanobis", VI=precision) ** 2 / x.shape[1]


def condition_noise(
    y: np.ndarray,
    folds: list[np.ndarray],
    shrinkage: float,
    precision: np.ndarray | None = None,
) -> np.ndarray:
    """Covariance between conditions of folds about their mean, up to a factor."""
    folded = np.stack([y[rows] for rows in folds])
    folded = folded - folded.mean(axis=1, keepdims=True)
    residual = folded - folded.mean(axis=0)
    precision = np.eye(y.shape[1]) if precision is None else precision
    covariance = np.einsum("mip,pq,mjq->ij", residual, precision, residual)
    conditions = len(covariance)
    target = np.trace(covariance) / (conditions - 1) * np.eye(conditions)
    return (1 - shrinkage) * covariance + shrinkage * target


def poisson(x: np.ndarray, rate: float = 1, weight: float = 0.1) -> np.ndarray:
    """Symmetrised divergence of Poisson rates with a prior, over the units."""
    rates = (x + rate * weight) / (1 + weight)
    return pdist(
        rates, lambda a, b: float(np.sum((a - b) * (np.log(a) - np.log(b))) / len(a))
    )


def rdm(x: np.ndarray, kind: str) -> np.ndarray:
    """Dissimilarities of rows i < j, row-major."""
    metric = {"sq_euclidean": "sqeuclidean"}.get(kind, kind)
    return pdist(np.asarray(x, np.float64), metric)


def gram(vector: np.ndarray) -> np.ndarray:
    """The centred Gram whose squared distances are these."""
    return double_centred(-squareform(vector) / 2)


def contrast_covariance(conditions: int, sigma: np.ndarray | None = None):
    """V of Diedrichsen et al. 2021 for RDM vectors without signal."""
    sigma = np.eye(conditions) if sigma is None else sigma
    first, second = np.triu_indices(conditions, 1)
    contrasts = np.zeros((len(first), conditions))
    contrasts[np.arange(len(first)), first] = 1
    contrasts[np.arange(len(first)), second] = -1
    return (contrasts @ sigma @ contrasts.T) ** 2


def whitened_cosine(
    a: np.ndarray, b: np.ndarray, sigma: np.ndarray | None = None
) -> float:
    """With the covariance written out."""
    conditions = len(squareform(a))
    v = contrast_covariance(conditions, sigma)
    va, vb = np.linalg.solve(v, a), np.linalg.solve(v, b)
    return float(a @ vb / np.sqrt((a @ va) * (b @ vb)))


def whitened_pearson(
    a: np.ndarray, b: np.ndarray, sigma: np.ndarray | None = None
) -> float:
    return whitened_cosine(a - a.mean(), b - b.mean(), sigma)


def rho_a(a: np.ndarray, b: np.ndarray) -> float:
    m = len(a)
    ranks = [stats.rankdata(vector) - (m + 1) / 2 for vector in (a, b)]
    return float(12 * (ranks[0] @ ranks[1]) / (m**3 - m))


def kendall_tau_a(a: np.ndarray, b: np.ndarray) -> float:
    m = len(a)
    signs = [np.sign(vector[:, None] - vector[None, :]) for vector in (a, b)]
    return float(np.sum(signs[0] * signs[1]) / (m * (m - 1)))


def _root(matrix: np.ndarray) -> np.ndarray:
    """R with R R' = matrix, without the directions that are only rounding."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > len(values) * np.finfo(float).eps * values[-1]
    return vectors[:, kept] * np.sqrt(values[kept])


def bures(a: np.ndarray, b: np.ndarray) -> float:
    """Fidelity of the two Grams over the root of their traces."""
    k, l = gram(a), gram(b)  # noqa: E741
    values = np.linalg.svd(_root(k).T @ _root(l), compute_uv=False)
    return float(values.sum() / np.sqrt(np.trace(k) * np.trace(l)))


COMPARATORS = {
    "cosine": cosine,
    "pearson": lambda a, b: float(stats.pearsonr(a, b)[0]),
    "spearman": lambda a, b: float(stats.spearmanr(a, b)[0]),
    "rho_a": rho_a,
    "kendall_tau_a": kendall_tau_a,
    "kendall_tau_b": lambda a, b: float(stats.kendalltau(a, b)[0]),
    "whitened_cosine": whitened_cosine,
    "whitened_pearson": whitened_pearson,
    "bures": bures,
}


def rsa(
    x: np.ndarray, y: np.ndarray, kind: str = "sq_euclidean", compare: str = "pearson"
) -> float:
    return COMPARATORS[compare](rdm(x, kind), rdm(y, kind))


def rsm_difference(x: np.ndarray, y: np.ndarray, kind: str = "euclidean") -> float:
    return float(np.linalg.norm(rdm(x, kind) - rdm(y, kind)))
