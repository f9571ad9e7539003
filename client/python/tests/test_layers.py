"""Several candidates at once, and rows that have names."""

import grpc
import numpy as np
import pytest

import repscore
from repscore.v1 import scoring_pb2

X = np.arange(12.0).reshape(4, 3)


def test_several_candidates_give_a_table(client):
    table = client.score("m1", {"a": X, "b": 2 * X}, ["cka", "nbs"])

    assert table["b"]["cka"] == 132.0
    assert table.to_dict()["a"] == {"cka": 66.0, "nbs": 67.0}
    assert repr(table).splitlines()[0].split() == ["candidate", "cka", "nbs"]
    assert "<th>candidate</th>" in table._repr_html_()


def test_small_candidates_are_layers_of_one_call(server, client):
    table = client.score("m1", {"a": X, "b": 2 * X[:3]}, "cka", row_ids=range(4))

    (request,) = server.requests
    assert [layer.name for layer in request.layers] == ["a", "b"]
    assert list(request.row_ids) == ["0", "1", "2", "3"]
    assert not request.HasField("candidate")
    assert table["b"].candidate.rows == 3
    assert table["a"].reference.features == 7
    assert table["a"].provenance.precision == "float64"


def test_large_candidates_go_one_by_one_in_their_order(server, client):
    large = np.ones((600, 300))
    names = {"small": large[:, :2], "large": large, "streamed": np.tile(large, 2)}

    table = client.score("m1", names, "cka", row_ids=range(600))

    assert list(table) == list(names)
    assert [type(request) for request in server.requests] == [
        scoring_pb2.ScoreRequest,
        scoring_pb2.StreamScoreHeader,
        scoring_pb2.StreamScoreHeader,
    ]
    assert all(len(request.row_ids) == 600 for request in server.requests)
    assert table["streamed"]["cka"] == 360_000.0
    assert table["streamed"].reference.features == 7


def test_more_candidates_than_a_call_may_have_go_one_by_one(server, client):
    table = client.score("m1", {f"layer {i}": X[:, :1] + i for i in range(257)})

    assert len(server.requests) == 257
    assert table["layer 256"]["cka"] == 18 + 4 * 256


def test_no_candidates_are_an_empty_table(server, client):
    assert client.score("m1", {}) == {}
    assert not server.requests


def test_errors_of_one_layer_name_it(server, client):
    field = "layers[1].candidate.spec.shape"
    server.failures = [
        {"code": grpc.StatusCode.INVALID_ARGUMENT, "message": "rows", "field": field}
    ]

    with pytest.raises(repscore.InvalidInput) as error:
        client.score("m1", {"a": X, "b": X[:3]})
    assert error.value.field == field


def test_row_ids_of_a_dataset(server, client):
    dataset = client.register("m1", X, row_ids=[7, 8, "8", np.int64(9)])

    assert list(server.requests[0].row_ids) == ["7", "8", "8", "9"]
    assert dataset.row_ids == ("7", "8", "8", "9")
    assert (dataset.rows, dataset.scored_rows) == (4, 3)
    assert client.register("m2", X).row_ids == ()


def test_describe_and_estimate(server, client):
    measure = client.describe("ridge_r2(lambda=100)")
    estimate = client.estimate("m1", (8, 5, 3), ["cka"], dtype=np.float32)
    client.estimate("m1", X, "cka", context=repscore.Context(permutations=9))

    assert measure.id == "ridge_r2(lambda=100)"
    assert measure.minimum_rows == 3
    assert measure.exact_at_equality
    assert measure.cost == "n p q"
    assert measure.known_as == ("package: name",)
    assert measure.examples == ("ridge_r2(lambda=100)(lambda=2)",)
    shape, array = server.requests
    assert list(shape.candidate.shape) == [8, 5, 3]
    assert not shape.HasField("context")
    assert list(array.candidate.shape) == [4, 3]
    assert array.context.permutations == 9
    assert estimate.memory == (repscore.MemoryItem("kernel n x n", 3 << 20),)
    assert estimate.seconds == 1.5
    assert not estimate.fits
    assert "does not fit" in str(estimate)
