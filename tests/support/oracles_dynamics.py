"""Dynamical similarity analysis from its formulas; alignments of rank 2 or 3."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment, minimize
from scipy.spatial.transform import Rotation

# Starts of the search for the best change of basis, of each determinant.
STARTS = 10


def embedded(x: np.ndarray, times: int, delays: int, interval: int) -> np.ndarray:
    """States [conditions x length x delays * units]; row = time * conditions + c."""
    grid = x.reshape(times, -1, x.shape[1]).transpose(1, 0, 2)
    length = times - (delays - 1) * interval
    return np.concatenate(
        [grid[:, d * interval : d * interval + length] for d in range(delays)], axis=2
    )


def operator(
    x: np.ndarray,
    times: int,
    rank: int,
    delays: int = 3,
    interval: int = 1,
    penalty: float = 0,
    centring: str = "column",
) -> np.ndarray:
    """One step of time in the leading left singular vectors of all states."""
    x = np.asarray(x, np.float64)
    if centring == "column":
        x = x - x.mean(axis=0)
    states = embedded(x, times, delays, interval)
    count, length, _ = states.shape
    u, _, _ = np.linalg.svd(states.reshape(count * length, -1), full_matrices=False)
    v = u[:, :rank].reshape(count, length, rank)
    now, later = (part.reshape(-1, rank) for part in (v[:, :-1], v[:, 1:]))
    gram = now.T @ now + penalty * np.eye(rank)
    return np.linalg.solve(gram, now.T @ later).T


def _rotation(angles: np.ndarray, rank: int, sign: int) -> np.ndarray:
    if rank == 2:
        c, s = np.cos(angles[0]), np.sin(angles[0])
        turn = np.array([[c, -s], [s, c]])
    else:
        turn = Rotation.from_rotvec(angles).as_matrix()
    turn[:, 0] *= sign
    return turn


def aligned_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Least |A - C B C'| over orthogonal C, by a search of all of them."""
    rank = len(a)
    random = np.random.default_rng(0)
    best = np.inf
    for sign in (1, -1):

        def value(angles: np.ndarray, sign: int = sign) -> float:
            turn = _rotation(angles, rank, sign)
            return float(np.linalg.norm(a - turn @ b @ turn.T) ** 2)

        for _ in range(STARTS):
            start = random.uniform(-np.pi, np.pi, size=1 if rank == 2 else 3)
            best = min(best, minimize(value, start, tol=1e-13).fun)
    return float(np.sqrt(max(best, 0)))


def transported(a: np.ndarray, b: np.ndarray, squared: bool) -> float:
    """Eigenvalues of both, matched one to one at the least cost."""
    cost = np.abs(np.subtract.outer(np.linalg.eigvals(a), np.linalg.eigvals(b)))
    if squared:
        cost = cost**2
    total = cost[linear_sum_assignment(cost)].sum()
    return float(total if squared else total / len(a))


def dsa(
    x: np.ndarray,
    y: np.ndarray,
    times: int,
    rank: int,
    form: str = "angular",
    **options: float | str,
) -> float:
    a, b = (operator(side, times, rank, **options) for side in (x, y))
    if form.startswith("transport"):
        return transported(a, b, form == "transport_squared")
    if form == "euclidean":
        return aligned_distance(a, b)
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return float(2 * np.arcsin(min(aligned_distance(a, b) / 2, 1)))
