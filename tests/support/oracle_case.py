"""What an oracle is asked: problems, specifications, tolerances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import oracles_prediction as prediction

# Two programs for one number, relative to the larger of it and 1.
CLOSE = 1e-10
# Through roots of small differences: angles near 0, transported sums.
LOOSE = 1e-6
# scikit-learn stops its power iteration at a tolerance, from its own start.
POWER_ITERATION = 1e-4


@dataclass(frozen=True)
class Problem:
    """Two sides and the validation rows of explicit folds."""

    name: str
    candidate: np.ndarray
    reference: np.ndarray
    explicit: tuple[np.ndarray, ...]
    # How many more digits than usual the data cost.
    digits: float = 1
    # Time bins; row = time * conditions + condition.
    times: int = 1

    @property
    def sizes(self) -> tuple[int, int, int]:
        return (*self.candidate.shape, self.reference.shape[1])

    def grid(self, side: np.ndarray) -> np.ndarray:
        """A side as it is sent: with a time axis where there is one."""
        if self.times == 1:
            return side
        return side.reshape(self.times, -1, side.shape[1])

    @property
    def folds(self) -> list[prediction.Fold]:
        return prediction.trained_on_the_rest(len(self.candidate), self.explicit)


def problem(
    name: str, n: int, p: int, q: int, offset: float = 1, digits: float = 1
) -> Problem:
    """A reference with unequal scales and a candidate that shares signal."""
    random = np.random.default_rng([n, p, q])
    y = random.normal(size=(n, q)) * np.linspace(0.3, 1.5, q)
    x = (y @ random.normal(size=(q, p))) / np.sqrt(q) + random.normal(size=(n, p))
    explicit = tuple(np.sort(f) for f in np.array_split(random.permutation(n), 3))
    x = x + offset * random.normal(size=p)
    return Problem(name, x, y - offset, explicit, digits)


PROBLEMS = [
    problem("tall", 48, 12, 6),
    problem("taller-reference", 40, 6, 18),
    problem("few-rows", 20, 30, 24),
    problem("wide-candidate", 24, 36, 6),
    problem("wide-reference", 32, 6, 36),
    problem("one-unit", 32, 1, 6),
    problem("two-units", 36, 2, 2),
    problem("offsets", 48, 12, 6, offset=1000, digits=1e4),
]


def trajectories(name: str, times: int, conditions: int, p: int, q: int) -> Problem:
    """Two sides that see one noisy walk through time."""
    random = np.random.default_rng([times, conditions, p, q])
    turn = np.linalg.qr(random.normal(size=(q, q)))[0]
    states = [random.normal(size=(conditions, q))]
    for _ in range(times - 1):
        step = 0.9 * states[-1] @ turn + 0.3 * random.normal(size=(conditions, q))
        states.append(step)
    y = np.concatenate(states) * np.linspace(0.5, 1.5, q)
    x = y @ random.normal(size=(q, p)) + 0.2 * random.normal(size=(len(y), p)) + 1
    explicit = tuple(np.array_split(np.arange(len(y)), 3))
    return Problem(name, x, y - 2, explicit, times=times)


# Of measures that need a time axis.
TIMED_PROBLEMS = [
    trajectories("trajectories", 14, 4, 6, 5),
    trajectories("one-trajectory", 40, 1, 4, 6),
]

Oracle = Callable[[np.ndarray, np.ndarray], float]
Rule = Callable[[Problem], bool]


@dataclass(frozen=True)
class Case:
    """One specification; `folded` oracles also take the explicit folds, `timed`
    ones the number of time bins, on problems that have them."""

    measure: str
    oracle: Callable[..., float]
    tolerance: float = CLOSE
    applies: Rule = lambda problem: True
    folded: bool = False
    timed: bool = False

    @property
    def id(self) -> str:
        return self.measure.split("(", 1)[0]

    @property
    def problems(self) -> list[Problem]:
        return [
            problem
            for problem in (TIMED_PROBLEMS if self.timed else PROBLEMS)
            if self.applies(problem)
        ]

    def expected(self, problem: Problem) -> float:
        sides = problem.candidate, problem.reference
        if self.timed:
            return self.oracle(*sides, problem.times)
        return (
            self.oracle(*sides, problem.folds) if self.folded else self.oracle(*sides)
        )


def units(least: int) -> Rule:
    return lambda problem: min(problem.sizes[1:]) >= least


def full_rank(problem: Problem) -> bool:
    n, p, q = problem.sizes
    return max(p, q) < n - 1


def no_ties(problem: Problem) -> bool:
    n, p, q = problem.sizes
    return p + q < n - 1


def few_pairs(problem: Problem) -> bool:
    n, p, q = problem.sizes
    return min(p, q) <= n - 1
