"""Runs seen through streams that break."""

import csv

import grpc
import numpy as np
import pytest

import repscore


def steps(points):
    return [point.step for point in points]


def test_a_run_is_an_iterable_with_a_result(server, client):
    run = client.optimize("m1", "cka", seed=7)

    points = list(run)
    result = run.result()

    assert run.name == "runs/r1"
    assert run.info.seed == 7
    assert steps(points) == [0, 1, 2, 3, 4]
    assert points[2].score == pytest.approx(0.2)
    assert points[2].tracked == {"nbs": pytest.approx(0.4)}
    assert points[2].component_r2 == (1.0, 0.5)
    assert result.stop_reason == "score_reached"
    assert result.steps == 4
    assert result.scores["cka(full=1)"] == pytest.approx(0.4)
    assert result.verdicts[0].residual == pytest.approx(0.1)
    np.testing.assert_array_equal(result.candidate, server.candidate)
    assert "score_reached" in repr(run)
    assert "4 steps" in repr(result)


def test_leaving_the_loop_early_loses_nothing(client):
    run = client.optimize("m1", "cka")

    for point in run:
        if point.step == 1:
            break

    assert steps(run) == [2, 3, 4]
    assert steps(run.result().trace) == [0, 1, 2, 3, 4]


def test_without_candidate(client):
    run = client.optimize("m1", "cka", return_candidate=False)

    assert run.result().candidate is None


@pytest.mark.parametrize("lose_after", [[1], [2, 2], [1, 1, 1, 1, 1, 1, 1], [7], [8]])
def test_a_lost_stream_is_taken_up_after_the_last_point(server, client, lose_after):
    server.lose_stream_after = lose_after

    result = client.optimize("m1", "cka").result()

    assert steps(result.trace) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(result.candidate, server.candidate)


def test_other_failures_of_a_stream_are_raised(server, client):
    server.failures = [
        {
            "code": grpc.StatusCode.INVALID_ARGUMENT,
            "message": "bad",
            "field": "adam.learning_rate",
        }
    ]

    with pytest.raises(repscore.InvalidInput) as error:
        client.optimize("m1", "cka", learning_rate=float("nan"))

    assert error.value.field == "adam.learning_rate"


def test_a_server_that_stays_away_ends_the_wait(server):
    with repscore.Client(server.address, reconnect_for=0.3) as client:
        server.lose_stream_after = [2, 0, 0, 0, 0, 0, 0]

        with pytest.raises(repscore.Unavailable):
            client.optimize("m1", "cka").result()


def test_a_failed_run_raises_with_the_servers_words(server, client):
    server.fail_run = "gradient is not finite"

    with pytest.raises(repscore.RunFailed, match="gradient is not finite") as error:
        client.optimize("m1", "cka").result()

    assert error.value.code == "INVALID_ARGUMENT"
    assert error.value.reason == "NON_FINITE_INPUT"
    assert error.value.field == "start.candidate"


def test_watch_from_a_sequence_number(server, client):
    run = client.watch("r1", after=4)

    points = list(run)

    assert steps(points) == [3, 4]
    assert points[0].tracked == {"nbs": pytest.approx(0.6)}
    assert server.requests[-1].after_sequence == 4
    assert steps(client.watch("runs/r1")) == [0, 1, 2, 3, 4]
    with pytest.raises(repscore.NotFound):
        client.watch("r2", after=1)
    with pytest.raises(repscore.NotFound):
        client.watch("r2")


def test_stored_runs(server, client):
    run = client.optimize("m1", "cka")

    assert [info.name for info in client.runs()] == ["runs/r1", "runs/r1"]
    assert client.run(run).state == "running"
    assert not client.run("r1").finished
    run.cancel()
    assert server.cancelled
    assert client.cancel(run).kind == "optimize"


def test_a_trace_becomes_columns_and_csv(client, tmp_path):
    result = client.optimize("m1", "cka").result()

    columns = result.columns()
    result.to_csv(tmp_path / "trace.csv")

    np.testing.assert_allclose(columns["nbs"], np.arange(5) / 5)
    np.testing.assert_allclose(columns["pc2_r2"], 0.5)
    with open(tmp_path / "trace.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["step"]) for row in rows] == [0, 1, 2, 3, 4]


def test_leaving_the_context_lets_go_of_the_stream(client):
    with client.optimize("m1", "cka") as run:
        next(iter(run))

    with pytest.raises(repscore.RepscoreError):
        list(run)
