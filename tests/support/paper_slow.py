"""The paper's optimisation as one would write it down, for comparison.

PyTorch autograd where it can be imported, else NumPy with gradients by hand.
"""

from __future__ import annotations

import math

import numpy as np

try:
    import torch
except ImportError:
    torch = None

RIDGE = "ridge_r2(lambda=100,folds=rows_contiguous(5))"
MEASURES = (
    "cka",
    "cka.angular_score",
    "cka.debiased",
    "nbs",
    "procrustes.angular_score",
    "linear_r2",
    RIDGE,
)
_RATE, _BETA1, _BETA2, _EPSILON = 0.1, 0.9, 0.999, 1e-8
_FOLDS = 5
_LAMBDA = 100.0


def backend() -> str:
    """What the other side is made of."""
    if torch is None:
        return "NumPy with gradients by hand, and scikit-learn"
    return f"PyTorch {torch.__version__} autograd, and scikit-learn"


def _cka(x, y):
    norms = torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)
    return (x.T @ y).square().sum() / norms


def _u_centred(gram):
    n = len(gram)
    gram = gram - torch.diag(torch.diag(gram))
    rows = gram.sum(dim=1, keepdim=True) / (n - 2)
    gram = gram - rows - rows.T + gram.sum() / ((n - 1) * (n - 2))
    return gram - torch.diag(torch.diag(gram))


def _cka_debiased(x, y):
    k, gram = _u_centred(x @ x.T), _u_centred(y @ y.T)
    return (k * gram).sum() / (torch.linalg.norm(k) * torch.linalg.norm(gram))


def _nbs(x, y):
    values = torch.linalg.svdvals(x.T @ y)
    return values.sum() / (torch.linalg.norm(x) * torch.linalg.norm(y))


def _angular(score):
    return 1 - 2 / math.pi * torch.acos(score.clamp(-1 + 1e-9, 1 - 1e-9))


def _linear(x, y):
    basis, _ = torch.linalg.qr(y)
    return (basis.T @ x).square().sum() / x.square().sum()


def _ridge(x, y):
    scores = []
    for rows in torch.tensor_split(torch.arange(len(y)), _FOLDS):
        mask = torch.ones(len(y), dtype=torch.bool)
        mask[rows] = False
        train, target = y[mask], x[mask]
        mean, target_mean = train.mean(dim=0), target.mean(dim=0)
        train, target = train - mean, target - target_mean
        gram = train.T @ train + _LAMBDA * torch.eye(y.shape[1], dtype=y.dtype)
        weights = torch.linalg.solve(gram, train.T @ target)
        shown = x[rows] - target_mean
        error = shown - (y[rows] - mean) @ weights
        scores.append(1 - error.square().sum() / shown.square().sum())
    return torch.stack(scores).mean()


_TORCH = {
    "cka": _cka,
    "cka.angular_score": lambda x, y: _angular(_cka(x, y)),
    "cka.debiased": _cka_debiased,
    "nbs": _nbs,
    "procrustes.angular_score": lambda x, y: _angular(_nbs(x, y)),
    "linear_r2": _linear,
    RIDGE: _ridge,
}


def _by_hand(measure: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The gradient of a score with respect to centred y.

    Of the raw score for angular ones, of plain CKA for debiased, and of linear
    regression for ridge: cheaper than theirs, in favour of this side.
    """
    cross = x.T @ y
    norm = np.linalg.norm
    if measure.startswith("cka"):
        gram, a, b = y.T @ y, norm(x.T @ x), norm(y.T @ y)
        score = (cross**2).sum() / (a * b)
        return 2 * x @ cross / (a * b) - 2 * score * y @ gram / b**2
    if measure in ("nbs", "procrustes.angular_score"):
        left, values, right = np.linalg.svd(cross, full_matrices=False)
        score = values.sum() / (norm(x) * norm(y))
        return x @ (left @ right) / (norm(x) * norm(y)) - score * y / norm(y) ** 2
    basis, triangle = np.linalg.qr(y)
    residual = x - basis @ (basis.T @ x)
    inverse = np.linalg.inv(triangle.T @ triangle)
    return 2 / norm(x) ** 2 * residual @ cross @ inverse


class SlowRun:
    """Adam from noise; every step also takes R2 of the leading components."""

    def __init__(self, reference: np.ndarray, measure: str, components: int) -> None:
        self._x = reference - reference.mean(axis=0)
        self._measure = measure
        left, _, _ = np.linalg.svd(self._x, full_matrices=False)
        self._left = left[:, :components]
        start = np.random.default_rng(0).standard_normal(reference.shape)
        self._y = start
        if torch is not None:
            self._reference = torch.tensor(self._x.tolist(), dtype=torch.float32)
            self._candidate = torch.tensor(
                start.tolist(), dtype=torch.float32, requires_grad=True
            )
            self._adam = torch.optim.Adam([self._candidate], lr=_RATE)
            self._components = torch.tensor(self._left.tolist(), dtype=torch.float32)
        self._mean, self._square, self._count = np.zeros(()), np.zeros(()), 0

    def candidate(self) -> np.ndarray:
        """The iterate [n x p]."""
        if torch is None:
            return self._y
        return np.array(self._candidate.detach().tolist())

    def step(self) -> np.ndarray:
        """One step of Adam, and R2 of every component after it."""
        return self._step_numpy() if torch is None else self._step_torch()

    def _step_torch(self) -> np.ndarray:
        self._adam.zero_grad()
        centred = self._candidate - self._candidate.mean(dim=0)
        loss = -_TORCH[self._measure](self._reference, centred)
        loss.backward()
        self._adam.step()
        with torch.no_grad():
            moved = self._candidate - self._candidate.mean(dim=0)
            basis, _ = torch.linalg.qr(moved)
            captured = (basis.T @ self._components).square().sum(dim=0)
        return np.array(captured.tolist())

    def _step_numpy(self) -> np.ndarray:
        centred = self._y - self._y.mean(axis=0)
        gradient = _by_hand(self._measure, self._x, centred)
        self._count += 1
        self._mean = _BETA1 * self._mean + (1 - _BETA1) * gradient
        self._square = _BETA2 * self._square + (1 - _BETA2) * gradient**2
        rate = _RATE / (1 - _BETA1**self._count)
        root = np.sqrt(self._square / (1 - _BETA2**self._count))
        self._y = self._y + rate * self._mean / (root + _EPSILON)
        basis, _ = np.linalg.qr(self._y - self._y.mean(axis=0))
        return np.asarray(((basis.T @ self._left) ** 2).sum(axis=0))
