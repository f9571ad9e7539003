"""Brain-Score's metrics by their published definitions, on explicit splits."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from oracles_kernels import double_centred, linear_kernel, without_diagonal
from oracles_prediction import (
    Fold,
    Regressor,
    least_squares,
    one_to_one,
    pls_nipals,
    r,
    ridge,
    ridge_gcv,
)
from oracles_rsa import rsa

VISION_ALPHAS = np.concatenate(
    [
        [0.01, 0.1, 0.5, 1],
        np.linspace(10, 100, 4, endpoint=False),
        *(np.linspace(10**e, 10 ** (e + 1), 18, endpoint=False) for e in range(2, 6)),
        np.linspace(1e6, 1e7, 19),
    ]
)
LANGUAGE_ALPHAS = 10.0 ** np.arange(-3, 4)
# Language adds this to the length of both sides of a correlation.
LANGUAGE_FLOOR = 1e-8


def splits(x: np.ndarray, y: np.ndarray, folds: Iterable[Fold], regressor: Regressor):
    """Median over targets of the held-out r, mean over splits."""
    return r(x, y, folds, regressor)


def vision_pls(x: np.ndarray, y: np.ndarray, folds: Iterable[Fold], components=25):
    return splits(x, y, folds, pls_nipals(components))


def vision_reverse_pls(
    x: np.ndarray, y: np.ndarray, folds: Iterable[Fold], components=25
):
    return splits(y, x, folds, pls_nipals(components))


def vision_ridge(x: np.ndarray, y: np.ndarray, folds: Iterable[Fold]):
    return splits(x, y, folds, ridge(1))


def vision_ridgecv(x: np.ndarray, y: np.ndarray, folds: Iterable[Fold]):
    return splits(x, y, folds, ridge_gcv(VISION_ALPHAS))


def vision_linear(x: np.ndarray, y: np.ndarray, folds: Iterable[Fold]):
    return splits(x, y, folds, least_squares)


def vision_neuron_to_neuron(x: np.ndarray, y: np.ndarray, folds: Iterable[Fold]):
    return splits(x, y, folds, one_to_one)


def language_ridge(x: np.ndarray, y: np.ndarray, folds: Iterable[Fold]):
    return r(x, y, folds, ridge_gcv(LANGUAGE_ALPHAS), floor=LANGUAGE_FLOOR)


def language_linear(x: np.ndarray, y: np.ndarray, folds: Iterable[Fold]):
    return r(x, y, folds, least_squares, floor=LANGUAGE_FLOOR)


def vision_rdm(x: np.ndarray, y: np.ndarray) -> float:
    return rsa(x, y, "correlation", "spearman")


def _unbiased_hsic(k: np.ndarray, l: np.ndarray) -> float:  # noqa: E741
    n = len(k)
    k, l = without_diagonal(k), without_diagonal(l)  # noqa: E741
    ones = np.ones(n)
    total = (
        np.trace(k @ l)
        + k.sum() * l.sum() / ((n - 1) * (n - 2))
        - 2 / (n - 2) * (ones @ k @ l @ ones)
    )
    return float(total / (n * (n - 3)))


def vision_cka(x: np.ndarray, y: np.ndarray) -> float:
    # Shifts change nothing but the digits that their squares cost.
    k, l = linear_kernel(x), linear_kernel(y)  # noqa: E741
    product = _unbiased_hsic(k, k) * _unbiased_hsic(l, l)
    if product <= 0:
        return 0.0
    return _unbiased_hsic(k, l) / (np.sqrt(product) + 1e-12)


def vision_cka_biased(x: np.ndarray, y: np.ndarray) -> float:
    k, l = double_centred(x @ x.T), double_centred(y @ y.T)  # noqa: E741
    return float(np.sum(k * l) / (np.linalg.norm(k) * np.linalg.norm(l)))


def subsampled(score, x: np.ndarray, y: np.ndarray, folds: Iterable[Fold]) -> float:
    """Mean over the training rows of every split."""
    return float(np.mean([score(x[rows], y[rows]) for rows, _ in folds]))
