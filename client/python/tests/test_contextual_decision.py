"""The example that trains the paper's networks, made tiny."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "contextual_decision"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE))
    for name in ("task", "models", "training"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_the_window_is_the_stimulus_of_72_conditions(example):
    import task

    conditions = task.all_conditions()
    generator = torch.Generator().manual_seed(0)
    batch = task.make_batch(conditions, task.TEST_DELAY_MS, generator)

    assert (task.WINDOW.start, task.WINDOW.stop) == (7, 22)
    assert len(conditions.motion) == 72
    assert batch.inputs.shape == (34, 72, task.INPUTS)
    assert int(batch.targets[:28].abs().sum()) == 0
    assert batch.targets[28:].eq(conditions.choice).all()
    # The pair that the cue names decides.
    cued = torch.where(conditions.context == 0, conditions.motion, conditions.colour)
    assert ((cued > 0) == (conditions.choice == 1)).all()
    assert batch.inputs[:, 0, 5:].sum(dim=1).eq(1).all()


@pytest.mark.parametrize("kind", ["CTRNN", "LowPassCTRNN", "LSTM"])
def test_networks_are_recorded_in_either_quantity(example, kind):
    import task
    import training

    network = training.MODELS[kind](task.INPUTS, 8, task.OUTPUTS)

    rate = training.record(network, "rate", repeats=2)
    state = training.record(network, "state", repeats=2)

    assert rate.shape == state.shape == (15, 72, 8)
    assert np.abs(rate).max() < 1
    assert np.array_equal(rate, state) == (kind == "LowPassCTRNN")


def test_training_teaches_the_task(example):
    import training

    trained = training.train("CTRNN", units=32, seed=0, updates=200, learning_rate=5e-3)

    # Chance is 0.5; a thousand test trials have a standard error of 0.016.
    assert trained.accuracy > 0.6


def test_the_example_submits_what_it_recorded(
    example, server, monkeypatch, tmp_path, capsys
):
    words = ["--address", server.address, "--out", str(tmp_path)]
    words += ["--units", "4", "--updates", "2"]
    monkeypatch.setattr(sys, "argv", ["contextual_decision", *words])

    runpy.run_path(str(EXAMPLE), run_name="__main__")

    header = server.requests[0]
    assert list(header.spec.shape) == [15, 72, 4]
    assert header.metadata.attributes["quantity"] == "rate"
    assert len(server.arrays[0]) == 15
    assert np.load(tmp_path / "lowpassctrnn.npy").shape == (15, 72, 4)
    assert "untrained CTRNN" in capsys.readouterr().out
