"""Bad input: arrays, raw requests and what their errors must look like."""

from __future__ import annotations

import re

import grpc
import numpy as np
import pytest

import repscore
from repscore.errors import from_rpc_error
from repscore.v1 import scoring_pb2, scoring_pb2_grpc, types_pb2

ROWS = 30
NAN = float("nan")
INF = float("inf")


def good(rows=ROWS, columns=4):
    return np.random.default_rng(2).normal(size=(rows, columns))


def spoiled(value, row=3, column=2):
    array = good()
    array[row, column] = value
    return array


def expect(call, field, *words, kind=repscore.InvalidInput):
    """The call fails with this kind of error; field and words match it."""
    with pytest.raises((repscore.RepscoreError, grpc.RpcError)) as caught:
        call()
    error = caught.value
    if isinstance(error, grpc.RpcError):
        error = from_rpc_error(error)
    assert isinstance(error, kind), repr(error)
    assert error.reason, repr(error)
    assert re.fullmatch(field, error.field), f"{error.field!r}: {error}"
    for word in words:
        assert str(word) in str(error), f"{word!r} is not in {error}"
    return error


def tensor(shape, data=b"", data_type=types_pb2.DATA_TYPE_FLOAT64):
    spec = types_pb2.TensorSpec(data_type=data_type, shape=shape)
    return types_pb2.Tensor(spec=spec, data=data)


def score_raw(channel, candidate, measures=("cka",), dataset="datasets/ref"):
    request = scoring_pb2.ScoreRequest(
        dataset=dataset,
        candidate=candidate,
        measures=[types_pb2.MeasureSpec(id=id) for id in measures],
    )
    return scoring_pb2_grpc.ScoringServiceStub(channel).Score(request)


def stream_raw(channel, *messages):
    return scoring_pb2_grpc.ScoringServiceStub(channel).StreamScore(iter(messages))


def header(shape, data_type=types_pb2.DATA_TYPE_FLOAT64):
    spec = types_pb2.TensorSpec(data_type=data_type, shape=shape)
    return scoring_pb2.StreamScoreRequest(
        header=scoring_pb2.StreamScoreHeader(
            dataset="datasets/ref",
            candidate=spec,
            measures=[types_pb2.MeasureSpec(id="cka")],
        )
    )


def chunk(data):
    return scoring_pb2.StreamScoreRequest(chunk=scoring_pb2.DataChunk(data=data))


def register_reference(server):
    """The dataset "ref" [ROWS x 6]."""
    with server.client() as client:
        client.register("ref", np.random.default_rng(0).normal(size=(ROWS, 6)))


def check_alive(server):
    """For a fixture: the same process still scores afterwards."""
    pid = server.pid
    yield
    assert server.alive()
    assert server.pid == pid
    candidate = np.random.default_rng(1).normal(size=(ROWS, 4))
    with server.client() as client:
        assert 0 < client.score("ref", candidate)["cka"] < 1
