"""How a run moves its candidate: Adam's learning rate, or L-BFGS instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class Constant:
    """A learning rate that stays as it is.

    Attributes:
        warmup: Steps over which it rises linearly from 0 first.
    """

    warmup: int = 0


@dataclass(frozen=True)
class Cosine:
    """A learning rate that falls along half a cosine, then stays.

    Attributes:
        steps: Of the fall, from the first step on.
        final_factor: Where it ends, as a factor of the learning rate.
        warmup: Steps over which it rises linearly from 0 first.
    """

    steps: int
    final_factor: float = 0.0
    warmup: int = 0


@dataclass(frozen=True)
class Exponential:
    """A learning rate that is multiplied by a factor again and again.

    Attributes:
        factor: In (0, 1].
        every: Steps from one time to the next.
        warmup: Steps over which it rises linearly from 0 first.
    """

    factor: float
    every: int = 1
    warmup: int = 0


Schedule = Union[Constant, Cosine, Exponential]


@dataclass(frozen=True)
class Lbfgs:
    """Limited-memory BFGS with a backtracking line search, for smooth measures.

    Attributes:
        memory: Pairs of differences that are kept, 1 to 100; default 10.
        initial_step: First trial step of the first iteration, in units of the
            gradient's norm; default 1.
        max_trials: Trials of one line search; default 20.
    """

    memory: int | None = None
    initial_step: float | None = None
    max_trials: int | None = None


@dataclass(frozen=True)
class Grid:
    """Equally spaced targets of several measures, for `Client.joint_optimize`.

    Attributes:
        measures: One or more; two have a boundary that is a square.
        points_per_side: At least 2; default 6.
        boundary: Only the boundary in walking order, 4 (N - 1) targets for two
            measures. Else all N to the power of the number of measures.
        lowest: Least target of every measure; default 0.
        highest: Largest target of every measure; default 1.
    """

    measures: tuple[str, ...]
    points_per_side: int | None = None
    boundary: bool = True
    lowest: float | None = None
    highest: float | None = None
