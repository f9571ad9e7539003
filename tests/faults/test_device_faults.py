"""A GPU that fails under a real server ends its job and nothing else."""

import subprocess

import numpy as np
import pytest
from server_process import BIN, ServerProcess

import repscore

GPU = "cuda:0"
ROWS, FEATURES, UNITS = 400, 60, 40


@pytest.fixture
def faulty(tmp_path):
    """A server and the file that makes its GPU fail."""
    program = BIN / "faulty_repscored"
    if not program.is_file():
        pytest.skip("built without CUDA")
    devices = subprocess.run(
        [str(BIN / "repscored"), "--devices"], capture_output=True, text=True
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


@pytest.mark.parametrize(
    ("fault", "reason", "survives"),
    [
        ("allocation", "DEVICE_MEMORY", True),
        ("nan", "INTERNAL", True),
        ("address", "DEVICE_LOST", False),
    ],
)
def test_a_fault_ends_its_job_alone(faulty, arrays, fault, reason, survives):
    server, file = faulty
    reference, candidate = arrays
    with server.client(timeout=60, retry_for=0) as client:
        client.register("ref", reference)
        before = client.score("ref", candidate, "nbs", device=GPU)
        host = client.score("ref", candidate, "nbs", device="cpu")
        assert before.value == pytest.approx(host.value, abs=1e-9)
        elsewhere = client.optimize("ref", "cka", device="cpu", max_steps=300)

        file.write_text(fault)
        # Another shape than before, whose products are not recorded yet.
        with pytest.raises(repscore.RepscoreError) as failed:
            client.score("ref", candidate[:, 7:], "nbs", device=GPU)

        assert failed.value.reason == reason
        assert elsewhere.result().trace[-1].step == 300
        if survives:
            after = client.score("ref", candidate, "nbs", device=GPU)
            assert after.value == before.value
        else:
            with pytest.raises(repscore.PreconditionFailed, match="left are cpu"):
                client.score("ref", candidate, "nbs", device=GPU)
        assert client.score("ref", candidate, "nbs").value == pytest.approx(
            host.value, abs=1e-9
        )
    assert server.alive()


def test_a_run_on_a_gpu_that_gives_nan_fails_with_device_and_step(faulty, arrays):
    server, file = faulty
    reference, _ = arrays
    with server.client(timeout=60) as client:
        client.register("ref", reference)
        client.optimize("ref", "cka", device=GPU, max_steps=5).result()

        file.write_text("nan")
        run = client.optimize("ref", "nbs", device=GPU, max_steps=50)
        with pytest.raises(repscore.RunFailed, match=GPU):
            run.result()

        again = client.optimize("ref", "nbs", device=GPU, max_steps=5)
        assert again.result().trace[-1].step == 5
