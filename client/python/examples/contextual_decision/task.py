"""Contextual decision task: follow motion or colour, as a cue says.

Inputs are a fixation signal, two pairs of evidence channels (motion, colour)
and a context cue. The choice follows the sign of the evidence of the cued pair.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch

DT_MS = 50
FIXATION_MS = 350
STIMULUS_MS = 750
TEST_DELAY_MS = 300
MEAN_DELAY_MS = 300.0
LONGEST_DELAY_MS = 3000.0
DECISION_MS = 300
COHERENCES = (0.06, 0.17, 0.5)
INPUTS = 7
OUTPUTS = 3
NOISE = DT_MS**-0.5

# Steps of the stimulus: 350 to 1100 ms, 15 bins of 50 ms.
WINDOW = slice(FIXATION_MS // DT_MS, (FIXATION_MS + STIMULUS_MS) // DT_MS)


@dataclass(frozen=True)
class Conditions:
    """What happens in every trial of a batch; each [trials].

    Attributes:
        motion: Signed coherence of motion.
        colour: Signed coherence of colour.
        context: 0: motion counts, 1: colour counts.
    """

    motion: torch.Tensor
    colour: torch.Tensor
    context: torch.Tensor

    @property
    def choice(self) -> torch.Tensor:
        """Correct output, 1 or 2."""
        counts = torch.where(self.context == 0, self.motion, self.colour)
        return torch.where(counts > 0, 1, 2)


@dataclass(frozen=True)
class Batch:
    """Trials of the same length.

    Attributes:
        inputs: [steps x trials x INPUTS].
        targets: Correct output at every step [steps x trials]: 0 is to fixate.
    """

    inputs: torch.Tensor
    targets: torch.Tensor


def random_conditions(trials: int, generator: torch.Generator) -> Conditions:
    """Independent draws of everything."""
    signed = torch.tensor([sign * c for c in COHERENCES for sign in (-1, 1)])

    def draw() -> torch.Tensor:
        return signed[torch.randint(len(signed), (trials,), generator=generator)]

    context = torch.randint(2, (trials,), generator=generator)
    return Conditions(draw(), draw(), context)


def all_conditions() -> Conditions:
    """Six coherences of motion, six of colour, two contexts: 72."""
    signed = [sign * c for c in COHERENCES for sign in (-1, 1)]
    rows = list(itertools.product(signed, signed, (0, 1)))
    motion, colour, context = zip(*rows)
    return Conditions(torch.tensor(motion), torch.tensor(colour), torch.tensor(context))


def random_delay_ms(generator: torch.Generator) -> float:
    """Exponential, cut at the longest delay."""
    while True:
        uniform = torch.rand(1, generator=generator).clamp_min(1e-12)
        delay = -MEAN_DELAY_MS * float(torch.log(uniform))
        if delay <= LONGEST_DELAY_MS:
            return delay


def make_batch(
    conditions: Conditions, delay_ms: float, generator: torch.Generator
) -> Batch:
    """Noisy inputs and correct outputs of all trials."""
    trials = len(conditions.motion)
    decision = WINDOW.stop + round(delay_ms / DT_MS)
    steps = decision + DECISION_MS // DT_MS
    inputs = torch.zeros(steps, trials, INPUTS)
    inputs[:decision, :, 0] = 1
    for first, coherence in ((1, conditions.motion), (3, conditions.colour)):
        evidence = torch.stack([0.5 + coherence / 2, 0.5 - coherence / 2], dim=1)
        inputs[WINDOW, :, first : first + 2] = evidence
    shape = inputs[WINDOW, :, 1:5].shape
    inputs[WINDOW, :, 1:5] += NOISE * torch.randn(shape, generator=generator)
    inputs[:, torch.arange(trials), 5 + conditions.context] = 1
    targets = torch.zeros(steps, trials, dtype=torch.long)
    targets[decision:] = conditions.choice
    return Batch(inputs, targets)
