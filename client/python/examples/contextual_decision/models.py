"""The recurrent networks of Cloos et al. 2024: CTRNN, LowPassCTRNN and LSTM.

Membrane potential h, firing rate r, input u, noise xi, time constant tau:

    CTRNN:         tau dh/dt = -h + W r + B u + b + xi,    r = tanh(h)
    LowPassCTRNN:  tau dr/dt = -r + tanh(W r + B u + b + xi)

both by Euler steps. All have a learned initial state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from task import DT_MS
from torch import nn

TAU_MS = 100.0
# Standard deviation of xi.
NOISE = 0.05
# Of the recurrent weights (Sussillo): gain / sqrt(units).
GAIN = 1.5


@dataclass(frozen=True)
class Activity:
    """What a network did.

    Attributes:
        outputs: [steps x trials x outputs], logits.
        rate: Firing rate [steps x trials x units]: tanh(h) of a CTRNN, r of a
            LowPassCTRNN, the gated output of an LSTM.
        state: What is integrated, likewise: h, r, or the LSTM's cell.
    """

    outputs: torch.Tensor
    rate: torch.Tensor
    state: torch.Tensor


class _RateNetwork(nn.Module):
    """What both continuous-time networks share."""

    def __init__(self, inputs: int, units: int, outputs: int) -> None:
        super().__init__()
        self.recurrent = nn.Linear(units, units)
        self.input = nn.Linear(inputs, units, bias=False)
        self.output = nn.Linear(units, outputs)
        self.initial = nn.Parameter(torch.zeros(units))
        nn.init.normal_(self.recurrent.weight, std=GAIN / math.sqrt(units))
        self.step = DT_MS / TAU_MS

    def _drive(self, rate: torch.Tensor, driven: torch.Tensor) -> torch.Tensor:
        return self.recurrent(rate) + driven + NOISE * torch.randn_like(rate)

    def _next(self, state: torch.Tensor, driven: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def _rate(self, state: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def forward(self, inputs: torch.Tensor) -> Activity:
        """Runs all steps of [steps x trials x inputs]."""
        state = self.initial.expand(inputs.shape[1], -1)
        states = []
        for driven in self.input(inputs):
            state = self._next(state, driven)
            states.append(state)
        stacked = torch.stack(states)
        rate = self._rate(stacked)
        return Activity(self.output(rate), rate, stacked)


class CTRNN(_RateNetwork):
    """The leak acts on the membrane potential."""

    def _next(self, state: torch.Tensor, driven: torch.Tensor) -> torch.Tensor:
        drive = self._drive(torch.tanh(state), driven)
        return (1 - self.step) * state + self.step * drive

    def _rate(self, state: torch.Tensor) -> torch.Tensor:
        return torch.tanh(state)


class LowPassCTRNN(_RateNetwork):
    """The leak acts on the firing rate, which is thereby low-pass filtered."""

    def _next(self, state: torch.Tensor, driven: torch.Tensor) -> torch.Tensor:
        drive = torch.tanh(self._drive(state, driven))
        return (1 - self.step) * state + self.step * drive

    def _rate(self, state: torch.Tensor) -> torch.Tensor:
        return state


class LSTM(nn.Module):
    """The standard cell; biases of its gates spread over time scales."""

    def __init__(self, inputs: int, units: int, outputs: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(inputs, units)
        self.output = nn.Linear(units, outputs)
        self.initial = nn.Parameter(torch.zeros(2, units))
        with torch.no_grad():
            self.cell.bias_ih.zero_()
            self.cell.bias_hh.zero_()
            # PyTorch's order of gates: input, forget, cell, output.
            self.cell.bias_ih[:units] = torch.linspace(-1, -10, units)
            self.cell.bias_ih[units : 2 * units] = torch.linspace(1, 10, units)

    def forward(self, inputs: torch.Tensor) -> Activity:
        """Runs all steps of [steps x trials x inputs]."""
        trials = inputs.shape[1]
        rate, state = (part.expand(trials, -1) for part in self.initial)
        rates, states = [], []
        for step in inputs:
            rate, state = self.cell(step, (rate, state))
            rates.append(rate)
            states.append(state)
        stacked = torch.stack(rates)
        return Activity(self.output(stacked), stacked, torch.stack(states))


MODELS = {"CTRNN": CTRNN, "LowPassCTRNN": LowPassCTRNN, "LSTM": LSTM}
