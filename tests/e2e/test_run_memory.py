"""What a run on the host holds stays within what was reserved for it."""

import re

import numpy as np
import pytest
from server_process import ServerProcess

import repscore

ROWS, FEATURES, UNITS = 12000, 400, 150
# Allocators and threads keep some of their own.
SLACK_MIB = 16
UNITS_OF_SIZE = {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}

RUNS = {
    "alone": {"max_steps": 8},
    "restarts": {"max_steps": 12, "restarts": 4},
    "lbfgs": {"max_steps": 14, "lbfgs": True},
    "tracked": {"max_steps": 6, "track": ["nbs", "linear_r2"], "components": 20},
}


def resident(pid, key):
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith(key))
    return int(line.split()[1]) / 1024


def reserved(client, options):
    """MiB that a refusal names."""
    with pytest.raises(repscore.LimitExceeded) as refusal:
        client.optimize("big", "cka", features=FEATURES, **options)
    number, unit = re.search(r"([\d.]+) ([KMG]iB)", str(refusal.value)).groups()
    return float(number) * UNITS_OF_SIZE[unit]


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_a_run_keeps_to_its_reservation(tmp_path, options):
    array = np.random.default_rng(0).normal(size=(ROWS, UNITS))
    on_host = (tmp_path / "data", "--device", "cpu")
    server = ServerProcess(*on_host, "--max-request-memory", "1MiB").start()
    try:
        with server.client() as client:
            client.register("big", array)
            expected = reserved(client, options)
    finally:
        server.stop()

    server = ServerProcess(*on_host).start()
    try:
        with server.client(timeout=300) as client:
            client.score("big", array[:, :4], "cka")
            before = resident(server.pid, "VmRSS")
            with open(f"/proc/{server.pid}/clear_refs", "w") as reset:
                reset.write("5")
            client.optimize(
                "big",
                "cka",
                features=FEATURES,
                stop_score=2,
                return_candidate=False,
                **options,
            ).result()
            taken = resident(server.pid, "VmHWM") - before
    finally:
        server.stop()

    assert taken < 1.2 * expected + SLACK_MIB
    # Nor is much more reserved than is ever there.
    assert taken > 0.5 * expected
