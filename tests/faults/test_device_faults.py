"""A GPU that fails under a real server ends its job and nothing else.

On the GPU of this machine, where it has one, and on an emulated one.
"""

import subprocess

import numpy as np
import pytest
from server_process import BIN, ServerProcess

import repscore

GPU = "cuda:0"
ROWS, FEATURES, UNITS = 400, 60, 40


@pytest.fixture(params=["faulty_repscored", "faulty_emulated_repscored"])
def faulty(request, tmp_path):
    """A server and the file that makes its GPU fail."""
    program = BIN / request.param
    if not program.is_file() and "emulated" not in program.name:
        pytest.skip("built without CUDA")
    devices = subprocess.run(
        [str(program), "--devices"], capture_output=True, text=True, check=True
    ).stdout
    if GPU not in devices:
        pytest.skip("no GPU here")
    fault = tmp_path / "fault"
    server = ServerProcess(tmp_path / "data", REPSCORE_DEVICE_FAULT=str(fault))
    server.program = program.name
    server.start()
    yield server, fault
    server.stop()


@pytest.fixture
def arrays():
    generator = np.random.default_rng(3)
    reference = generator.normal(size=(ROWS, UNITS))
    return reference, reference[:, :20] @ generator.normal(size=(20, FEATURES))


def cka(client, candidate, device="auto"):
    return client.score("ref", candidate, "cka", device=device)["cka"]


@pytest.mark.parametrize(
    ("fault", "reason", "survives"),
    [("nan", "INTERNAL", True), ("address", "DEVICE_LOST", False)],
)
def test_a_fault_ends_its_job_alone(faulty, arrays, fault, reason, survives):
    server, file = faulty
    reference, candidate = arrays
    with server.client(timeout=60, retry_for=0) as client:
        client.register("ref", reference)
        before = cka(client, candidate, GPU)
        host = cka(client, candidate, "cpu")
        assert before == pytest.approx(host, abs=1e-9)
        elsewhere = client.optimize(
            "ref", "cka", device="cpu", max_steps=300, stop_score=2
        )

        file.write_text(fault)
        # Another shape than before, whose products are not recorded yet.
        with pytest.raises(repscore.RepscoreError) as failed:
            cka(client, candidate[:, 7:], GPU)

        assert failed.value.reason == reason
        assert elsewhere.result().trace[-1].step == 300
        if survives:
            assert cka(client, candidate, GPU) == before
        else:
            with pytest.raises(repscore.PreconditionFailed, match="left are cpu"):
                cka(client, candidate, GPU)
        assert cka(client, candidate) == pytest.approx(host, abs=1e-9)
    assert server.alive()


def test_memory_that_is_missing_once_is_found_at_the_second_try(faulty, arrays):
    server, file = faulty
    reference, candidate = arrays
    with server.client(timeout=60, retry_for=0) as client:
        client.register("ref", reference)
        cka(client, candidate, GPU)

        file.write_text("allocation")
        again = cka(client, candidate[:, 7:], GPU)

        assert file.read_text() == "", "the fault was not met"
        assert again == pytest.approx(cka(client, candidate[:, 7:], "cpu"), abs=1e-9)


def test_a_run_on_a_gpu_that_gives_nan_fails_with_device_and_step(faulty, arrays):
    server, file = faulty
    reference, _ = arrays
    with server.client(timeout=60) as client:
        client.register("ref", reference)
        client.optimize("ref", "cka", device=GPU, max_steps=5).result()

        file.write_text("nan")
        run = client.optimize(
            "ref", "nbs", device=GPU, max_steps=50, precision="float64"
        )
        with pytest.raises(repscore.RunFailed, match=GPU):
            run.result()

        again = client.optimize("ref", "nbs", device=GPU, max_steps=5)
        assert again.result().trace[-1].step == 5
