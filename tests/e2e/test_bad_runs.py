"""Optimisations that cannot be run: a clear error, and the server lives."""

import grpc
import numpy as np
import pytest
from bad_input import (
    INF,
    NAN,
    ROWS,
    check_alive,
    expect,
    good,
    register_reference,
    spoiled,
)

import repscore
from repscore.v1 import (
    runs_pb2,
    runs_pb2_grpc,
    scoring_pb2,
    scoring_pb2_grpc,
    types_pb2,
)


@pytest.fixture(scope="module", autouse=True)
def reference(server):
    register_reference(server)


@pytest.fixture(autouse=True)
def the_server_lives_on(server):
    yield from check_alive(server)


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server.address) as channel:
        yield channel


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"learning_rate": NAN}, "adam.learning_rate"),
        ({"learning_rate": 0.0}, "adam.learning_rate"),
        ({"learning_rate": -0.1}, "adam.learning_rate"),
        ({"learning_rate": 1e308}, "adam.learning_rate"),
        ({"learning_rate": INF}, "adam.learning_rate"),
        ({"betas": (1.0, 0.9)}, "adam.beta1"),
        ({"betas": (0.9, NAN)}, "adam.beta2"),
        ({"betas": (0.9, -0.1)}, "adam.beta2"),
        ({"max_steps": 0}, "stopping.max_steps"),
        ({"max_steps": -5}, "stopping.max_steps"),
        ({"max_steps": 2**31}, "stopping.max_steps"),
        ({"max_steps": 1_000_001}, "stopping.max_steps"),
        ({"max_time": -1.0}, "stopping.max_time"),
        ({"max_time": 0.0}, "stopping.max_time"),
        ({"stop_score": NAN}, "stopping.score"),
        ({"plateau": (0, 0.1)}, "stopping.plateau.patience"),
        ({"plateau": (-1, 0.1)}, "stopping.plateau.patience"),
        ({"plateau": (5, NAN)}, "stopping.plateau.min_delta"),
        ({"every": 0}, "trace.every"),
        ({"every": -1}, "trace.every"),
        ({"components": -1}, "trace.principal_components"),
        ({"track": ["nope"]}, r"trace\.tracked\[0\](\.id)?"),
        ({"features": 0}, r"start\.gaussian\.features"),
        ({"features": -1}, r"start\.gaussian\.features"),
        ({"start": good(ROWS - 1)}, r"start\.candidate.*"),
        ({"start": "nope"}, r"start\.dataset"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_bad_optimisation_parameters(client, options, field):
    runs = [info.name for info in client.runs()]

    expect(
        lambda: client.optimize("ref", "cka", **options).result(),
        field,
        kind=(repscore.InvalidInput, repscore.NotFound),
    )

    assert [info.name for info in client.runs()] == runs


@pytest.mark.parametrize(
    "start", [np.ones((ROWS, 2)), spoiled(NAN)], ids=["constant", "not a number"]
)
def test_starts_without_a_score(client, start):
    expect(
        lambda: client.optimize("ref", "cka", start=start).result(),
        r"start\.candidate.*",
        kind=(repscore.InvalidInput, repscore.RunFailed),
    )


def test_a_run_that_cannot_fit_into_memory(client):
    error = expect(
        lambda: client.optimize("ref", "cka", features=2**62).result(),
        r"start\.gaussian\.features|",
        kind=(repscore.InvalidInput, repscore.LimitExceeded),
    )

    assert error.retry_after is None


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({}, "terms"),
        ({"maximize": ["cka"] * 17}, "terms"),
        ({"maximize": ["nope"]}, r"terms\[0\]\.measure.*"),
        ({"targets": {"cka": NAN}}, r"terms\[0\]\.target\.value"),
        ({"floors": {"cka": INF}}, r"terms\[0\]\.floor\.value"),
        ({"maximize": "cka", "weights": {"cka": NAN}}, r"terms\[0\]\.weight"),
        ({"maximize": "cka", "weights": {"cka": -1.0}}, r"terms\[0\]\.weight"),
        ({"maximize": "cka", "goal_tolerance": NAN}, "stopping.goal_tolerance"),
        ({"maximize": "cka", "goal_tolerance": -1.0}, "stopping.goal_tolerance"),
        ({"maximize": "cka", "learning_rate": NAN}, "adam.learning_rate"),
        ({"maximize": "cka", "max_steps": 0}, "stopping.max_steps"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_bad_joint_optimisation_parameters(client, options, field):
    expect(
        lambda: client.joint_optimize("ref", **options).result(),
        field,
        kind=(repscore.InvalidInput, repscore.NotFound),
    )


def test_unknown_enum_values(channel):
    stub = scoring_pb2_grpc.ScoringServiceStub(channel)
    measure = types_pb2.MeasureSpec(id="cka")
    requests = [
        (
            stub.Optimize,
            scoring_pb2.OptimizeRequest(
                dataset="datasets/ref", measure=measure, precision=99
            ),
            "precision",
        ),
        (
            stub.JointOptimize,
            scoring_pb2.JointOptimizeRequest(
                dataset="datasets/ref",
                terms=[scoring_pb2.ObjectiveTerm(measure=measure)],
                moves=99,
            ),
            "moves",
        ),
    ]

    for method, request, field in requests:
        expect(lambda method=method, request=request: next(method(request)), field)


@pytest.mark.parametrize("name", ["", "../x", "runs/", "runs/a\0b", "x" * 10_240])
def test_bad_run_names(channel, name):
    stub = runs_pb2_grpc.RunsServiceStub(channel)

    for call in (
        lambda: stub.GetRun(runs_pb2.GetRunRequest(name=name)),
        lambda: stub.CancelRun(runs_pb2.CancelRunRequest(name=name)),
        lambda: next(stub.WatchRun(runs_pb2.WatchRunRequest(name=name))),
    ):
        expect(call, r"name|", kind=(repscore.InvalidInput, repscore.NotFound))
