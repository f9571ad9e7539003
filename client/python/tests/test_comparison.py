"""Systems with each other: what is sent and what comes back."""

import math

import grpc
import numpy as np
import pytest

import repscore

A, B, C = np.zeros((4, 2)), np.ones((4, 3)), np.full((4, 1), 2.0)


def test_compare(server, client):
    options = repscore.Context(permutations=9)

    scores = client.compare(A, B, ["cka", "nbs"], context=options)

    request = server.requests[0]
    assert list(request.candidate.spec.shape) == [4, 2]
    assert list(request.reference.spec.shape) == [4, 3]
    assert request.context.permutations == 9
    assert scores.to_dict() == {"cka": 12.0, "nbs": 12.0}
    assert scores["cka(full=1)"] == 12.0
    assert scores.provenance.backend == "cpu"
    assert scores.candidate is None


def test_pairwise(server, client):
    seen = []
    dataset = client.register("m1", A)

    result = client.pairwise(
        {"a": A, "b": B, "set": dataset, "other": "m2"},
        ["cka.angular", "cka"],
        progress=lambda done, total: seen.append((done, total)),
    )

    request = server.requests[-1]
    assert [system.WhichOneof("rows") for system in request.systems] == [
        "tensor",
        "tensor",
        "dataset",
        "dataset",
    ]
    assert request.systems[2].dataset == "datasets/m1/versions/1"
    assert request.systems[3].dataset == "datasets/m2"
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert result.names == ("a", "b", "set", "other")
    assert result["cka"].shape == (4, 4)
    assert result["cka.angular(full=1)"][0, 1] == 12.0
    assert "set" in repr(result)
    with pytest.raises(KeyError, match="no 'nbs'"):
        result["nbs"]


def test_pairwise_with_known_systems(server, client):
    first = client.pairwise({"a": A, "b": B, "gone": C}, ["cka.angular", "nbs"])
    systems = {"new": C, "b": B + 1, "a": A}

    second = client.pairwise(systems, ["nbs", "cka.angular"], known=first)

    request = server.requests[-1]
    assert second.names == ("a", "b", "new")
    assert [system.name for system in request.systems] == ["a", "b", "new"]
    assert request.known_systems == 2
    assert [matrix.measure for matrix in request.known] == [
        "nbs(full=1)",
        "cka.angular(full=1)",
    ]
    assert list(request.known[0].values) == [0.0, 12.0, 12.0, 0.0]
    assert second["nbs"].tolist() == [
        [0.0, 12.0, 8.0],
        [12.0, 0.0, 16.0],
        [8.0, 16.0, 0.0],
    ]
    with pytest.raises(ValueError, match="known: has no 'cka"):
        client.pairwise(systems, "cka", known=first)
    client.pairwise({"x": A, "y": B}, "cka", known=first)
    assert not server.requests[-1].known_systems


def test_distances_of_measures_that_are_distances(client):
    measures = ["cka.angular", "cka", "cka.angular_score"]
    result = client.pairwise({"a": A, "b": B}, measures)

    distances = result.distances("cka.angular")
    angles = result.distances("cka.angular_score(full=1)")

    assert distances.tolist() == [[0.0, 12.0], [12.0, 0.0]]
    # The fake's score of 12 is no score, and cut at distance 0.
    assert angles.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(ValueError, match="similarity"):
        result.distances("cka")
    with pytest.raises(ValueError, match="choose one of"):
        result.distances()
    assert client.pairwise({"a": A, "b": B}).distances().shape == (2, 2)


def test_angular_scores_give_their_angle():
    score = 1 - 2 / math.pi * 0.7
    info = repscore.Measure(
        *("procrustes.angular_score", "canonical", (), "", "score", 0.0, 1.0),
        *(True, False, True, (), (), ""),
    )
    result = repscore.Pairwise(
        ("a", "b"),
        {"s": np.array([[1 - 1e-16, score], [score, 1.0]])},
        {"s": info},
    )

    assert result.distances()[0, 1] == pytest.approx(0.7, abs=1e-15)
    assert np.diag(result.distances()).tolist() == [0.0, 0.0]


def test_a_comparison_that_fails_or_is_left(server, client):
    with pytest.raises(repscore.ServerError, match="without a result"):
        client.pairwise({"lost": A, "b": B})
    server.failures = [
        {
            "code": grpc.StatusCode.INVALID_ARGUMENT,
            "message": "rows differ",
            "field": "systems[1]",
        }
    ]
    with pytest.raises(repscore.InvalidInput) as error:
        client.pairwise({"a": A, "b": B})
    assert error.value.field == "systems[1]"

    def stop(done, total):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        client.pairwise({"a": A, "b": B}, progress=stop)


def test_a_full_server_is_tried_again(server, client):
    busy = {
        "code": grpc.StatusCode.RESOURCE_EXHAUSTED,
        "message": "queue full",
        "retry_after": 0.05,
    }
    server.failures = [busy]

    assert client.pairwise({"a": A, "b": B}).names == ("a", "b")


def test_embed(server, client):
    plain = client.embed([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    full = client.embed(np.ones((4, 4)), 3, "metric", clusters=2, neighbors=1)

    assert list(server.requests[0].distances) == [0, 1, 2, 1, 0, 3, 2, 3, 0]
    assert server.requests[0].dimensions == 2
    assert plain.points.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert plain.silhouette is None
    assert plain.medoids.size == 0
    assert plain.nearest.shape == (3, 0)
    assert (plain.stress, plain.frechet_medoid) == (0.25, 1)
    assert full.points.shape == (4, 3)
    assert full.medoids.tolist() == [0, 1]
    assert full.assignment.tolist() == [0, 0, 0, 0]
    assert full.silhouette == 0.5
    assert full.nearest.tolist() == [[0], [1], [2], [3]]
    with pytest.raises(ValueError, match="not square"):
        client.embed(np.ones((2, 3)))
    with pytest.raises(ValueError, match="method"):
        client.embed(np.ones((2, 2)), method="tsne")


def test_frechet_mean(server, client):
    mean = client.frechet_mean({"a": A, "b": B}, unit_norm=True, tolerance=0.0)

    request = server.requests[0]
    assert request.unit_norm
    assert request.HasField("tolerance")
    assert not request.HasField("max_iterations")
    assert mean.mean.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert mean.distances == {"a": 0.0, "b": 12.0}
    assert mean.converged
    mean.mean[0, 0] = 1.0


def test_aggregate(server, client):
    table = client.score("m1", {"a": A, "b": B}, ["cka", "nbs"])

    result = client.aggregate(table)

    request = server.requests[-1]
    assert list(request.systems) == ["a", "b"]
    assert [measure.id for measure in request.measures] == ["cka", "nbs"]
    assert list(request.scores) == [0.0, 1.0, 12.0, 13.0]
    assert result.ranking == ("b", "a")
    assert result.arithmetic_mean == {"a": 0.5, "b": 12.5}
    assert result.kendall.shape == (2, 2)
    assert repr(result).splitlines()[2].startswith("b")
    assert "<td>a</td>" in result._repr_html_()


def test_aggregate_with_missing_scores(server, client):
    explicit = "ridge_r2(folds=explicit)"
    scores = {"a": {"cka": 0.5}, "b": {explicit: 0.25, "cka": None}}

    result = client.aggregate(scores, missing="ignore")

    request = server.requests[0]
    assert [measure.id for measure in request.measures] == ["cka", "ridge_r2"]
    assert np.isnan(list(request.scores)).tolist() == [False, True, True, False]
    assert result.ranking == ()
    assert result.systems_left_out == 2
    assert result.measures == ("cka", explicit)
    with pytest.raises(ValueError, match="missing"):
        client.aggregate(scores, missing="guess")
