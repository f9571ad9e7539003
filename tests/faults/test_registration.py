"""kill -9 during a registration: acknowledged or never listed."""

import contextlib
import re
import signal
import threading

import grpc
import numpy as np
import pytest
from server_process import ROOT, ServerProcess
from stream import catalog_stub, register_messages

import repscore
from repscore.v1 import catalog_pb2, types_pb2

KEPT = np.random.default_rng(0).normal(size=(50, 8))
NEW = np.random.default_rng(1).normal(size=(2000, 200))

# Many slices of 50 ms, so that checkpoints are due.
LONG = {"max_steps": 20000, "every": 1000, "stop_score": 2.0}
# Steps of the calibration that the dataset "planned" asks for; the score of
# noise on three features does not get to 0.99 before.
PLANNED = 5


@pytest.fixture
def server(programs, tmp_path):
    server = ServerProcess(tmp_path / "data").start()
    with server.client() as client:
        client.register("kept", KEPT)
    yield server
    server.stop()


def check_catalog(server, acknowledged):
    """All that was acknowledged is there and whole, and nothing else is."""
    with server.client() as client:
        listed = [dataset.id for dataset in client.datasets()]
        assert set(acknowledged) <= set(listed)
        assert set(listed) <= {"kept", "new", "planned"}
        assert client.score("kept", KEPT)["cka"] == pytest.approx(1)
        if "new" in listed:
            assert client.score("new", NEW)["cka"] == pytest.approx(1)
        again = client.register("new", NEW)
        assert again.version == 1
        assert client.score("new", NEW)["cka"] == pytest.approx(1)
    return listed


def leftovers(server):
    incoming = server.data_dir / "incoming"
    return list(incoming.iterdir()) if incoming.is_dir() else []


@pytest.mark.parametrize("chunks_before", [0, 1, 20, 48])
def test_kill_while_chunks_arrive(server, chunks_before):
    data = NEW.tobytes()

    def messages():
        for index, message in enumerate(
            register_messages("new", data, NEW.shape, chunk_bytes=1 << 16)
        ):
            if index == chunks_before + 1:
                server.kill()
            yield message

    with (
        grpc.insecure_channel(server.address) as channel,
        pytest.raises(grpc.RpcError),
    ):
        catalog_stub(channel).RegisterDataset(messages())

    server.start()
    assert leftovers(server) == []
    assert check_catalog(server, ["kept"]) == ["kept"]


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.005, 0.01, 0.02, 0.04])
def test_kill_around_the_commit(server, delay):
    acknowledged = ["kept"]

    def register():
        with (
            contextlib.suppress(repscore.RepscoreError),
            server.client(retry_for=0) as client,
        ):
            client.register("new", NEW)
            acknowledged.append("new")

    thread = threading.Thread(target=register)
    thread.start()
    thread.join(delay)
    server.kill()
    thread.join()

    server.start()
    assert leftovers(server) == []
    check_catalog(server, acknowledged)


def register_with_plan(server):
    """A dataset that asks for a small calibration."""
    plan = catalog_pb2.CalibrationPlan(
        measures=[types_pb2.MeasureSpec(id="cka")],
        restarts=1,
        max_steps=PLANNED,
        principal_components=2,
    )
    data = KEPT[:, :3].copy()
    with (
        contextlib.suppress(grpc.RpcError),
        grpc.insecure_channel(server.address) as channel,
    ):
        catalog_stub(channel).RegisterDataset(
            register_messages("planned", data.tobytes(), data.shape, calibration=plan)
        )


def fail_points():
    """The names that server/catalog/fail_point.cc makes."""
    text = (ROOT / "server/catalog/fail_point.cc").read_text()
    lists = re.findall(r"for \(const char\* \w+ :\s*\{([^}]*)\}\)", text)
    words = [re.findall(r'"([\w.]+)"', words) for words in lists]
    names = []
    for places, steps in zip(words[::2], words[1::2]):
        names += [f"{place}.{step}" for place in places for step in steps]
    return names


def test_the_fail_points_are_known():
    assert {"register.written", "register.committed"} <= set(fail_points())


@pytest.mark.parametrize("fail_point", fail_points())
@pytest.mark.parametrize("reach", [1, 2])
def test_kill_at_every_fail_point(server, fail_point, reach):
    assert server.terminate() == 0
    server.start(
        REPSCORE_FAILPOINT=f"{fail_point}:kill:{reach}",
        REPSCORE_CHECKPOINT_SECONDS="0",
    )
    acknowledged = ["kept"]
    names = []
    with (
        contextlib.suppress(repscore.RepscoreError),
        server.client(retry_for=0, reconnect_for=0) as client,
    ):
        client.register("new", NEW)
        acknowledged.append("new")
        for seed in range(2):
            run = client.optimize("kept", "cka", seed=seed, detach=True, **LONG)
            names.append(run.name)
            run.result()
        gone = client.register("gone", KEPT[:, :2])
        client.delete(gone)
        register_with_plan(server)
    if reach == 1:
        assert server.wait(timeout=10) == -signal.SIGKILL
    server.stop()

    server.start()
    with server.client() as client:
        with contextlib.suppress(repscore.NotFound):
            client.delete("gone")
        stored = [info.name for info in client.runs()]
        assert set(names) <= set(stored)
        for name in stored:
            run = client.run(name)
            steps = PLANNED if "planned" in run.dataset_version else LONG["max_steps"]
            assert client.watch(name).result().steps == steps
    assert leftovers(server) == []
    check_catalog(server, acknowledged)
