"""Stored runs: watched, cancelled, left behind."""

import time

import numpy as np
import pytest

import repscore

ENDLESS = {"stop_score": 2.0, "max_steps": 1_000_000}


@pytest.fixture(scope="module", autouse=True)
def reference(server):
    with server.client() as client:
        client.register("ref", np.random.default_rng(0).normal(size=(200, 50)))


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_finished_run_can_be_watched_again(client):
    run = client.optimize("ref", "cka", max_steps=10, track="nbs")
    first = run.result()

    again = client.watch(run.name)
    tail = client.watch(run.name, after=first.trace[6].sequence)

    assert list(again) == list(first.trace)
    assert list(tail) == list(first.trace[7:])
    assert again.result().candidate_digest == first.candidate_digest
    np.testing.assert_array_equal(tail.result().candidate, first.candidate)
    assert again.result().scores.to_dict() == first.scores.to_dict()


def test_sequence_numbers_rise_by_one(client):
    trace = client.optimize("ref", "cka", max_steps=20).result().trace

    sequences = [point.sequence for point in trace]
    assert sequences == list(range(sequences[0], sequences[0] + len(trace)))
    assert sequences[0] == 2


def test_stored_runs_are_listed_newest_first(client):
    results = [client.optimize("ref", "cka", max_steps=1).result() for _ in range(3)]
    names = [result.run.name for result in results]

    listed = [info.name for info in client.runs()][:3]
    info = client.run(names[0])

    assert listed == names[::-1]
    assert info.state == "succeeded"
    assert info.kind == "optimize"
    assert info.dataset_version == "datasets/ref/versions/1"
    assert info.step == 1
    assert info.stop_reason == "max_steps"
    assert info.create_time <= info.update_time


def test_cancel_ends_a_run_with_a_result(client):
    run = client.optimize("ref", "nbs", **ENDLESS)
    for point in run:
        if point.step >= 5:
            break

    run.cancel()
    result = run.result()

    assert result.stop_reason == "cancelled"
    assert client.run(run.name).state == "cancelled"
    assert result.candidate is None or np.isfinite(result.candidate).all()
    assert client.cancel(run.name).state == "cancelled"


def test_closing_the_stream_cancels_the_run(client):
    run = client.optimize("ref", "nbs", **ENDLESS)
    next(iter(run))

    run.close()

    assert wait_for(lambda: client.run(run.name).state == "cancelled")


def test_a_detached_run_outlives_its_client(server, client):
    with server.client() as other:
        run = other.optimize("ref", "nbs", detach=True, **ENDLESS)
        next(iter(run))
        name = run.name
    step = client.run(name).step

    assert wait_for(lambda: client.run(name).step > step)
    watcher = client.watch(name)
    next(iter(watcher))
    watcher.close()
    assert not client.run(name).finished
    client.cancel(name)
    assert wait_for(lambda: client.run(name).state == "cancelled")


def test_two_watchers_see_the_same_points(client):
    run = client.optimize("ref", "cka", max_steps=50, stop_score=2)
    watcher = client.watch(run.name)

    assert list(watcher) == list(run)


def test_scores_are_answered_while_runs_go_on(client):
    runs = [client.optimize("ref", "nbs", every=100, **ENDLESS) for _ in range(3)]
    candidate = np.random.default_rng(1).normal(size=(200, 10))

    start = time.monotonic()
    for _ in range(5):
        client.score("ref", candidate, ["cka", "nbs"])
    elapsed = time.monotonic() - start

    for run in runs:
        run.cancel()
    assert elapsed < 5


def test_a_slow_reader_gets_the_last_point(client):
    run = client.optimize("ref", "cka", max_steps=2000, stop_score=2)
    iterator = iter(run)
    next(iterator)
    assert wait_for(lambda: client.run(run.name).finished, 60)

    steps = [point.step for point in iterator]

    assert steps[-1] == 2000
    assert steps == sorted(steps)


def test_runs_that_are_not_there(client):
    known = client.optimize("ref", "cka", max_steps=1)
    known.result()
    unknown = known.name[:-4] + known.name[-4:][::-1] + "0"

    for call in (client.run, client.watch, client.cancel):
        for name in (unknown, "no-such-run"):
            with pytest.raises((repscore.NotFound, repscore.InvalidInput)):
                call(name)
