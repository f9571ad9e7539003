"""The first thing a user runs, against a real server."""

import subprocess
import sys

import numpy as np
import pytest
from server_process import ROOT

pytest.importorskip("matplotlib")
TRACES = (
    "trace-cka.csv",
    "trace-joint.csv",
    "trace-procrustes.angular_score.csv",
)


def run(server, output, *arguments):
    """What deploy/quickstart.py prints; it leaves its results in `output`."""
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "deploy" / "quickstart.py",
            *("--server", server.address, "--output", output),
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert (output / "quickstart.png").stat().st_size > 0
    for trace in TRACES:
        assert (output / trace).read_text().count("\n") > 2
    return done.stdout


def test_networks_that_read_digits(server, tmp_path):
    pytest.importorskip("sklearn")

    printed = run(server, tmp_path)

    assert "other seed" in printed
    assert "score reached" in printed
    assert np.load(tmp_path / "optimised.npy").shape == (1797, 64)


def test_arrays_of_the_user(server, tmp_path):
    random = np.random.default_rng(0)
    reference = random.normal(size=(40, 6))
    np.save(tmp_path / "reference.npy", reference)
    np.savez(tmp_path / "model.npz", layer=reference @ random.normal(size=(6, 4)))

    printed = run(
        server,
        tmp_path / "results",
        *("--reference", tmp_path / "reference.npy"),
        *("--activations", f"mine={tmp_path / 'model.npz:layer'}"),
    )

    assert "mine" in printed
