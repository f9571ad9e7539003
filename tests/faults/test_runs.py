"""kill -9 and SIGTERM during runs: they resume, and watchers notice nothing."""

import threading
import time

import numpy as np
import pytest
from server_process import ServerProcess

REFERENCE = np.random.default_rng(0).normal(size=(300, 60))
STEPS = 600
OPTIONS = {
    "seed": 5,
    "stop_score": 2.0,
    "max_steps": STEPS,
    "track": "cka",
    "components": 3,
}


@pytest.fixture
def server(programs, tmp_path):
    server = ServerProcess(tmp_path / "data").start()
    with server.client() as client:
        client.register("ref", REFERENCE)
    yield server
    server.stop()


def values(points):
    return [
        (p.step, tuple(p.scores.values()), tuple(p.tracked.values()), p.component_r2)
        for p in points
    ]


@pytest.fixture(scope="module")
def uninterrupted(programs, tmp_path_factory):
    server = ServerProcess(tmp_path_factory.mktemp("calm") / "data").start()
    with server.client() as client:
        client.register("ref", REFERENCE)
        result = client.optimize("ref", "nbs", **OPTIONS).result()
    server.stop()
    return result


@pytest.mark.parametrize("kill_at", [[0], [100], [37, 250, 400]])
def test_a_killed_run_resumes_and_its_watcher_goes_on(server, uninterrupted, kill_at):
    with server.client() as client:
        run = client.optimize("ref", "nbs", detach=True, **OPTIONS)
        for point in run:
            if kill_at and point.step >= kill_at[0]:
                kill_at = kill_at[1:]
                server.kill_and_return()
        result = run.result()

        sequences = [point.sequence for point in result.trace]
        assert sequences == list(range(2, STEPS + 3))
        assert values(result.trace) == values(uninterrupted.trace)
        assert result.candidate_digest == uninterrupted.candidate_digest
        np.testing.assert_array_equal(result.candidate, uninterrupted.candidate)
        assert client.run(run.name).state == "succeeded"
        assert values(client.watch(run.name)) == values(uninterrupted.trace)


def test_a_run_resumes_without_anyone_watching(server, uninterrupted):
    with server.client() as client:
        run = client.optimize("ref", "nbs", detach=True, **OPTIONS)
        for point in run:
            if point.step >= 50:
                break
        run.close()
    server.kill()
    server.start()

    with server.client() as client:
        result = client.watch(run.name).result()

    assert values(result.trace) == values(uninterrupted.trace)


def test_joint_runs_resume_too(server):
    options = {
        "targets": {"cka": 0.8, "nbs": 0.7},
        "seed": 2,
        "max_steps": 300,
        "learning_rate": 0.02,
        "moves": "both",
    }
    with server.client() as client:
        calm = client.joint_optimize("ref", **options).result()
        run = client.joint_optimize("ref", detach=True, **options)
        for point in run:
            if point.step == 100:
                server.kill_and_return()
        result = run.result()

    assert values(result.trace) == values(calm.trace)
    assert result.candidate_digest == calm.candidate_digest


def test_finished_runs_survive(server):
    with server.client() as client:
        result = client.optimize("ref", "cka", max_steps=20).result()
        server.kill()
        server.start()

        again = client.watch(result.run.name).result()

    assert again.trace == result.trace
    assert again.candidate_digest == result.candidate_digest
    np.testing.assert_array_equal(again.candidate, result.candidate)


def test_many_kills_under_load(server):
    random = np.random.default_rng(3)
    names = []
    for cycle in range(4):
        with server.client(reconnect_for=0.1, retry_for=1) as client:
            names.append(
                client.optimize(
                    "ref", "cka", detach=True, seed=cycle, max_steps=400, stop_score=2
                ).name
            )
            time.sleep(float(random.uniform(0, 0.3)))
        server.kill()
        server.start()

    with server.client() as client:
        for name in names:
            result = client.watch(name).result()
            assert [p.step for p in result.trace] == list(range(401))
        listed = [info.name for info in client.runs()]
    assert sorted(listed) == sorted(names)


def test_sigterm_while_a_run_goes_on(server, uninterrupted):
    with server.client() as client:
        run = client.optimize("ref", "nbs", detach=True, **OPTIONS)
        for point in run:
            if point.step == 60:
                start = time.monotonic()
                assert server.terminate() == 0
                assert time.monotonic() - start < 20
                server.start()

        assert values(run.result().trace) == values(uninterrupted.trace)


def test_sigterm_lets_scores_finish(server):
    candidate = np.random.default_rng(1).normal(size=(300, 3000))
    replies = []

    def score():
        with server.client(retry_for=0) as client:
            replies.append(client.score("ref", candidate, ["cka", "nbs"]))

    with server.client() as client:
        client.info()
    threads = [threading.Thread(target=score) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    status = server.terminate()
    for thread in threads:
        thread.join()

    assert status == 0
    assert len(replies) == len(threads)
