"""kill -9 during runs with several members that decode and keep snapshots, and
between a registration and the calibration that it asked for."""

import contextlib
import hashlib
import signal
import time

import grpc
import numpy as np
import pytest
from server_process import ServerProcess
from stream import analysis_stub, catalog_stub, register_messages

from repscore.v1 import (
    analysis_pb2,
    catalog_pb2,
    runs_pb2,
    runs_pb2_grpc,
    scoring_pb2,
    scoring_pb2_grpc,
    types_pb2,
)

TIMES, CONDITIONS, FEATURES = 4, 40, 12
REFERENCE = np.random.default_rng(0).normal(size=(TIMES, CONDITIONS, FEATURES))
LABEL = catalog_pb2.Label(
    name="context", values=["a" if i % 2 else "b" for i in range(CONDITIONS)]
)
STEPS = 150
TIMEOUT = 120


def register(server, name="ref", plan=None):
    with grpc.insecure_channel(server.address) as channel:
        return catalog_stub(channel).RegisterDataset(
            register_messages(
                name,
                REFERENCE.tobytes(),
                REFERENCE.shape,
                labels=[LABEL],
                calibration=plan,
            ),
            timeout=TIMEOUT,
        )


@pytest.fixture
def server(programs, tmp_path):
    server = ServerProcess(tmp_path / "data", REPSCORE_CHECKPOINT_SECONDS="0.1").start()
    register(server)
    yield server
    server.stop()


def batch_request():
    return scoring_pb2.OptimizeRequest(
        dataset="datasets/ref",
        measure=types_pb2.MeasureSpec(id="nbs"),
        restarts=3,
        start=scoring_pb2.StartPoint(gaussian=scoring_pb2.GaussianStart(seed=5)),
        stopping=scoring_pb2.StoppingOptions(score=2.0, max_steps=STEPS),
        trace=scoring_pb2.TraceOptions(
            principal_components=4,
            decoding=types_pb2.DecodingOptions(labels=["context"]),
            decode_every=5,
            snapshot_scores=[0.4, 0.6, 0.8],
        ),
        detach=True,
    )


class Watcher:
    """Follows a run over kills, as a client library does."""

    def __init__(self, server):
        self.server = server
        self.events = []

    def start(self, request):
        with grpc.insecure_channel(self.server.address) as channel:
            call = scoring_pb2_grpc.ScoringServiceStub(channel).Optimize(request)
            self.events.append(next(call).event)
            call.cancel()
        return self.events[0].run

    def follow(self, on_point=lambda point: None):
        deadline = time.monotonic() + TIMEOUT
        while not self.events[-1].HasField("result"):
            assert time.monotonic() < deadline
            with (
                contextlib.suppress(grpc.RpcError),
                grpc.insecure_channel(self.server.address) as channel,
            ):
                request = runs_pb2.WatchRunRequest(
                    name=self.events[0].run, after_sequence=self.events[-1].sequence
                )
                for reply in runs_pb2_grpc.RunsServiceStub(channel).WatchRun(request):
                    self.events.append(reply.event)
                    if reply.event.HasField("point"):
                        on_point(reply.event.point)
            time.sleep(0.05)


def comparable(events):
    """All that is to be the same bit for bit, whatever happened meanwhile."""
    seen = []
    for event in events:
        if event.HasField("point"):
            point = runs_pb2.TracePoint()
            point.CopyFrom(event.point)
            point.elapsed_seconds = 0
            seen.append((event.sequence, point.SerializeToString(deterministic=True)))
        elif event.HasField("snapshot"):
            snapshot = runs_pb2.Snapshot()
            snapshot.CopyFrom(event.snapshot)
            snapshot.name = ""
            seen.append(
                (event.sequence, snapshot.SerializeToString(deterministic=True))
            )
    digests = [member.candidate_digest for member in events[-1].result.members]
    return seen, digests


def read_array(server, name):
    with grpc.insecure_channel(server.address) as channel:
        request = runs_pb2.ReadRunArrayRequest(name=name)
        replies = runs_pb2_grpc.RunsServiceStub(channel).ReadRunArray(request)
        return b"".join(reply.chunk.data for reply in replies)


@pytest.fixture(scope="module")
def uninterrupted(programs, tmp_path_factory):
    server = ServerProcess(tmp_path_factory.mktemp("calm") / "data").start()
    register(server)
    watcher = Watcher(server)
    watcher.start(batch_request())
    watcher.follow()
    server.stop()
    return watcher.events


@pytest.mark.parametrize("kill_at", [[0], [20], [10, 60, 110]])
def test_a_killed_batch_resumes_and_its_watcher_goes_on(server, uninterrupted, kill_at):
    pending = list(kill_at)
    watcher = Watcher(server)
    watcher.start(batch_request())

    def kill_sometimes(point):
        if pending and point.step >= pending[0]:
            pending.pop(0)
            server.kill_and_return()

    watcher.follow(kill_sometimes)
    # The last events may have been on their way when the server was killed.
    server.await_return()

    assert not pending
    assert [e.sequence for e in watcher.events] == list(
        range(1, len(watcher.events) + 1)
    )
    assert comparable(watcher.events) == comparable(uninterrupted)
    result = watcher.events[-1].result
    assert result.run.state == runs_pb2.RUN_STATE_SUCCEEDED
    named = {m.candidate_name: m.candidate_digest for m in result.members}
    for event in watcher.events:
        if event.HasField("snapshot"):
            named[event.snapshot.name] = event.snapshot.candidate_digest
    assert len(named) > len(result.members)
    for name, digest in named.items():
        assert hashlib.sha256(read_array(server, name)).hexdigest() == digest


def plan():
    return catalog_pb2.CalibrationPlan(
        measures=[types_pb2.MeasureSpec(id="cka")],
        restarts=2,
        max_steps=20,
        principal_components=3,
    )


def runs_of(server, dataset):
    with grpc.insecure_channel(server.address) as channel:
        stub = runs_pb2_grpc.RunsServiceStub(channel)
        listed = stub.ListRuns(runs_pb2.ListRunsRequest(), timeout=TIMEOUT).runs
    return [run for run in listed if run.dataset_version.startswith(dataset)]


def await_calibration(server, dataset):
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        runs = runs_of(server, dataset)
        if runs and all(r.state == runs_pb2.RUN_STATE_SUCCEEDED for r in runs):
            return runs
        time.sleep(0.1)
    raise AssertionError(f"no finished run on {dataset}")


@pytest.mark.parametrize(
    "fail_point",
    [
        "register.committed",
        "create_run.committing",
        "create_run.committed",
        "record_run.committing",
        "put_arrays.committed",
        "drop_plan.committing",
        "drop_plan.committed",
        "put_analysis.committing",
        "put_analysis.committed",
    ],
)
def test_a_registered_plan_survives_a_kill(server, fail_point):
    assert server.terminate() == 0
    server.start(REPSCORE_FAILPOINT=f"{fail_point}:kill")

    with contextlib.suppress(grpc.RpcError):
        register(server, "planned", plan())
    assert server.wait(timeout=TIMEOUT) == -signal.SIGKILL
    server.start()

    assert len(await_calibration(server, "datasets/planned/")) == 1
    with grpc.insecure_channel(server.address) as channel:
        stub = analysis_stub(channel)
        again = stub.CalibrateDataset(
            analysis_pb2.CalibrateDatasetRequest(
                dataset="datasets/planned", plan=plan()
            ),
            timeout=TIMEOUT,
        )
        calibration = stub.GetCalibration(
            analysis_pb2.GetCalibrationRequest(dataset="datasets/planned"),
            timeout=TIMEOUT,
        )
    assert len(again.runs) == 1
    assert len(runs_of(server, "datasets/planned/")) == 1
    assert calibration.measures[0].runs == 2
    assert calibration.measures[0].landmarks


def resident_bytes(server):
    with open(f"/proc/{server.pid}/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmRSS"].split()[0]) * 1024


def test_a_slow_reader_of_a_batch_does_not_grow_the_server(server):
    request = batch_request()
    request.stopping.max_steps = 2000
    request.trace.ClearField("decoding")
    request.trace.ClearField("decode_every")
    request.adam.learning_rate = 1e-4
    with grpc.insecure_channel(server.address) as channel:
        call = scoring_pb2_grpc.ScoringServiceStub(channel).Optimize(request)
        name = next(call).event.run
        before = resident_bytes(server)
        # The reader sleeps until the run has ended.
        stub = runs_pb2_grpc.RunsServiceStub(channel)
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            run = stub.GetRun(runs_pb2.GetRunRequest(name=name)).run
            if run.state == runs_pb2.RUN_STATE_SUCCEEDED:
                break
            time.sleep(0.2)
        grown = resident_bytes(server) - before
        events = [reply.event for reply in call]

    assert [e.sequence for e in events] == list(range(2, len(events) + 2))
    points = sum(e.HasField("point") for e in events)
    assert points == 3 * 2001
    # Stored events leave the memory; a ring of them, the checkpoint and gRPC's
    # buffers stay.
    assert grown < 64 << 20
