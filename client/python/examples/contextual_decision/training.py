"""Trains a network on the task and records it on all conditions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import task
import torch
from models import MODELS
from torch import nn

BATCH = 64
LEARNING_RATE = 1e-3
TARGET_ACCURACY = 0.93
_CHECK_EVERY = 50
_CHECK_TRIALS = 1000
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Trained:
    """A network and how it got there.

    Attributes:
        accuracy: Share of correct choices in test trials; chance is 0.5.
        updates: Steps of Adam.
    """

    network: nn.Module
    accuracy: float
    updates: int


def choice_accuracy(
    network: nn.Module, trials: int, generator: torch.Generator
) -> float:
    """Share of correct choices at the end of random trials."""
    conditions = task.random_conditions(trials, generator)
    batch = task.make_batch(conditions, task.TEST_DELAY_MS, generator)
    with torch.no_grad():
        logits = network(batch.inputs).outputs[-1]
    chosen = 1 + logits[:, 1:].argmax(dim=1)
    return float((chosen == conditions.choice).float().mean())


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def train(
    kind: str,
    *,
    units: int,
    seed: int,
    updates: int,
    target: float = TARGET_ACCURACY,
    learning_rate: float = LEARNING_RATE,
) -> Trained:
    """Cross-entropy until the accuracy is there.

    The time before the decision and the decision count equally. All trials of a
    batch share one delay.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = MODELS[kind](task.INPUTS, units, task.OUTPUTS)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    accuracy = choice_accuracy(network, _CHECK_TRIALS, generator)
    for update in range(1, updates + 1):
        conditions = task.random_conditions(BATCH, generator)
        delay = task.random_delay_ms(generator)
        batch = task.make_batch(conditions, delay, generator)
        logits = network(batch.inputs).outputs
        decision = len(logits) - task.DECISION_MS // task.DT_MS
        before = _cross_entropy(logits[:decision], batch.targets[:decision])
        loss = before + _cross_entropy(logits[decision:], batch.targets[decision:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
        optimizer.step()
        if update % _CHECK_EVERY == 0 or update == updates:
            accuracy = choice_accuracy(network, _CHECK_TRIALS, generator)
            if accuracy >= target:
                return Trained(network, accuracy, update)
    return Trained(network, accuracy, updates)


def record(
    network: nn.Module, quantity: str, *, repeats: int = 20, seed: int = 0
) -> np.ndarray:
    """Condition averages [15 time x 72 condition x unit] of 350 to 1100 ms.

    Args:
        network: Trained or not.
        quantity: "rate" or "state", see `models.Activity`.
        repeats: Trials per condition, which differ in their noise.
        seed: Of the noise.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    conditions = task.all_conditions()
    total = torch.zeros(())
    with torch.no_grad():
        for _ in range(repeats):
            batch = task.make_batch(conditions, task.TEST_DELAY_MS, generator)
            activity = network(batch.inputs)
            total = total + getattr(activity, quantity)[task.WINDOW]
    return np.asarray((total / repeats).tolist(), dtype=np.float64)


def labels() -> dict[str, list]:
    """What every one of the 72 conditions was, for registration."""
    conditions = task.all_conditions()
    return {
        "choice": conditions.choice.tolist(),
        "context": ["motion" if c == 0 else "colour" for c in conditions.context],
        "motion": [round(value, 2) for value in conditions.motion.tolist()],
        "colour": [round(value, 2) for value in conditions.colour.tolist()],
        "motion_sign": [int(value > 0) for value in conditions.motion.tolist()],
        "colour_sign": [int(value > 0) for value in conditions.colour.tolist()],
    }
