"""Requests as the server sees them, replies as the user sees them."""

import pickle

import grpc
import numpy as np
import pytest

import repscore
from repscore import _channel
from repscore.v1 import catalog_pb2, scoring_pb2, types_pb2

X = np.arange(12.0).reshape(4, 3)


def test_register_sends_description_and_data(server, client):
    array = np.arange(24.0).reshape(2, 4, 3)

    dataset = client.register(
        "m1",
        array,
        time_ms=[0, 50],
        labels={"target": range(4)},
        groups={"session": list("aabb")},
        description="centre-out",
        citation="someone",
        metadata={"area": "M1"},
    )

    header = server.requests[0]
    assert [axis.kind for axis in header.axes] == [
        catalog_pb2.AXIS_KIND_TIME,
        catalog_pb2.AXIS_KIND_CONDITION,
        catalog_pb2.AXIS_KIND_FEATURE,
    ]
    np.testing.assert_array_equal(server.arrays[0], array)
    assert dataset.id == "m1"
    assert dataset.shape == (2, 4, 3)
    assert dataset.dtype == "float64"
    assert dataset.axes[0] == repscore.Axis("time", 2, (0.0, 50.0), "ms")
    assert dataset.labels == {"target": ("0", "1", "2", "3")}
    assert dataset.groups == {"session": ("a", "a", "b", "b")}
    assert dataset.metadata == {"area": "M1"}
    assert dataset.create_time.year == 2023
    assert not dataset.already_registered
    assert client.register("m1", array).already_registered


def test_register_in_many_chunks(server, client):
    array = np.arange(400_000.0).reshape(1000, 400)

    client.register("big", array)

    np.testing.assert_array_equal(server.arrays[0], array)


def test_datasets_go_through_all_pages(client):
    for name in "abcde":
        client.register(name, X)

    assert [dataset.id for dataset in client.datasets()] == list("abcde")
    client.delete("c")
    assert client.dataset("a").rows == 4
    assert [dataset.id for dataset in client.datasets()] == list("abde")


def test_score_looks_like_a_mapping_of_floats(server, client):
    scores = client.score("m1", X, ["cka", "nbs"])

    assert server.requests[0].dataset == "datasets/m1"
    assert isinstance(server.requests[0], scoring_pb2.ScoreRequest)
    assert scores["cka"] == X.sum()
    assert scores["cka(full=1)"] == X.sum()
    assert list(scores) == ["cka", "nbs"]
    assert scores.to_dict() == {"cka": 66.0, "nbs": 67.0}
    assert scores["nbs"].warnings[0].reason == "SATURATED"
    assert list(scores.warnings) == ["nbs"]
    assert scores.provenance.precision == "float64"
    assert scores.candidate.rows == 4
    assert "SATURATED" in repr(scores)
    assert "<td>nbs</td>" in scores._repr_html_()
    assert pickle.loads(pickle.dumps(scores["nbs"])).measure == "nbs(full=1)"


def test_large_candidates_are_streamed(server, client):
    array = np.ones((1000, 300))

    scores = client.score("m1", array, "cka")

    assert isinstance(server.requests[0], scoring_pb2.StreamScoreHeader)
    assert scores["cka"] == array.sum()


def test_an_array_where_the_dataset_belongs_is_named(client):
    with pytest.raises(TypeError, match="dataset: give its name"):
        client.score(np.zeros((4, 2)), "reference", "cka")


def test_dataset_and_measure_objects_are_accepted(server, client):
    dataset = client.register("m1", X)

    client.score(dataset, X, client.measures())

    assert server.requests[-1].dataset == "datasets/m1/versions/1"
    assert server.requests[-1].measures[0].id == "cka"


def test_measures_and_info_are_plain_values(client):
    measure = client.measures()[0]
    info = client.info()

    assert (measure.id, measure.orientation, measure.highest) == ("cka", "score", 1.0)
    assert measure.parameters[0].name == "lambda"
    assert info.to_dict()["devices"] == ("cpu",)


def test_a_self_test_says_what_each_device_gave(server, client):
    result = client.self_test(["cpu", "cuda:0", "cuda:1"])

    assert list(server.requests[-1].devices) == ["cpu", "cuda:0", "cuda:1"]
    assert not result.passed
    assert [device.passed for device in result.devices] == [True, False, False]
    assert result.devices[0].failed == ()
    assert result.devices[0].checks[0].actual == 0.5
    assert result.devices[1].failed[0].actual is None
    assert result.devices[1].failed[0].step == 5
    assert str(result).splitlines() == [
        "cpu: passed 1 checks",
        "cuda:0: failed 1 of 2 checks, first nbs: expected 0.5, got NaN",
        "cuda:1: not tested, is lost",
    ]
    assert result.to_dict()["devices"][2]["error"] == "is lost"


def test_a_self_test_of_one_device(server, client):
    client.self_test("cuda:0")

    assert list(server.requests[-1].devices) == ["cuda:0"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_ARGUMENT", repscore.InvalidInput),
        ("OUT_OF_RANGE", repscore.InvalidInput),
        ("NOT_FOUND", repscore.NotFound),
        ("RESOURCE_EXHAUSTED", repscore.LimitExceeded),
        ("FAILED_PRECONDITION", repscore.PreconditionFailed),
        ("DATA_LOSS", repscore.CorruptData),
        ("DEADLINE_EXCEEDED", repscore.TimedOut),
        ("CANCELLED", repscore.Cancelled),
        ("UNIMPLEMENTED", repscore.Unsupported),
        ("INTERNAL", repscore.ServerError),
        ("PERMISSION_DENIED", repscore.RepscoreError),
    ],
)
def test_status_codes_become_exceptions(server, client, code, kind):
    server.failures = [{"code": grpc.StatusCode[code], "message": "why"}]

    with pytest.raises(kind, match="why") as error:
        client.score("m1", X)

    assert error.value.code == code
    assert error.value.field == ""


def test_errors_carry_reason_and_field(server, client):
    server.failures = [
        {
            "code": grpc.StatusCode.INVALID_ARGUMENT,
            "message": "3 rows, 4 needed",
            "reason": "SHAPE_MISMATCH",
            "field": "candidate.spec.shape",
        }
    ]

    with pytest.raises(ValueError, match="3 rows") as error:
        client.score("m1", X)

    assert error.value.reason == "SHAPE_MISMATCH"
    assert error.value.field == "candidate.spec.shape"
    assert error.value.violations[0].description == "3 rows, 4 needed"


def test_a_full_server_is_tried_again_after_its_delay(server, client):
    busy = {
        "code": grpc.StatusCode.RESOURCE_EXHAUSTED,
        "message": "queue full",
        "reason": "QUEUE_FULL",
        "retry_after": 0.05,
    }
    server.failures = [busy, busy]

    assert client.score("m1", X)["cka"] == 66.0

    server.failures = [{**busy, "retry_after": 0.9} for _ in range(9)]
    with pytest.raises(repscore.Busy) as error:
        client.score("m1", X)
    assert error.value.retry_after == pytest.approx(0.9)


def test_a_server_that_is_away_is_unavailable():
    with (
        repscore.Client("localhost:1", retry_for=0.2) as client,
        pytest.raises(repscore.Unavailable),
    ):
        client.info()


def test_addresses(monkeypatch):
    assert _channel.normalise("lab") == "lab:50051"
    assert _channel.normalise("lab:1") == "lab:1"
    assert _channel.normalise("[::1]:5") == "[::1]:5"
    assert _channel.normalise("unix:/run/r.sock") == "unix:/run/r.sock"
    monkeypatch.setenv("REPSCORE_ADDRESS", "there:7")
    assert _channel.normalise(None) == "there:7"


def test_unset_options_stay_unset(server, client):
    client.optimize("m1", "cka").result()

    request = server.requests[0]
    assert request.start.gaussian.seed == 0
    assert not request.start.gaussian.HasField("features")
    assert not request.adam.HasField("learning_rate")
    assert not request.stopping.HasField("score")
    assert not request.stopping.HasField("max_time")
    assert not request.trace.HasField("every")
    assert request.precision == types_pb2.PRECISION_UNSPECIFIED
    assert request.return_candidate
    assert not request.detach


def test_options_of_optimize(server, client):
    client.optimize(
        "m1",
        "cka",
        start=X,
        learning_rate=0.5,
        betas=(0.8, 0.99),
        stop_score=0.9,
        max_steps=7,
        max_time=1.5,
        plateau=(10, 1e-3),
        every=3,
        track=["nbs"],
        components=4,
        precision="float64",
        detach=True,
        return_candidate=False,
    ).result()
    client.optimize("m1", "cka", start="datasets/other").result()

    request, other = server.requests
    assert request.start.candidate.data == X.tobytes()
    assert (request.adam.learning_rate, request.adam.beta1) == (0.5, 0.8)
    assert request.stopping.max_time.nanos == 500_000_000
    assert request.stopping.plateau.patience == 10
    assert request.trace.tracked[0].id == "nbs"
    assert request.trace.principal_components == 4
    assert request.detach
    assert other.start.dataset == "datasets/other"
    with pytest.raises(ValueError, match="precision"):
        client.optimize("m1", "cka", precision="half")


def test_goals_of_joint_optimize(server, client):
    client.joint_optimize(
        "m1",
        maximize="nbs",
        targets={"cka": 0.5},
        floors={"linear_r2": 0.2},
        weights={"cka": 2.0},
        target_loss="squared",
        moves="both",
        goal_tolerance=0.01,
    ).result()

    request = server.requests[0]
    maximize, target, floor = request.terms
    assert maximize.WhichOneof("goal") == "maximize"
    assert (target.target.value, target.weight) == (0.5, 2.0)
    assert target.target.loss == scoring_pb2.TARGET_LOSS_SQUARED
    assert floor.floor.value == 0.2
    assert request.moves == scoring_pb2.MOVES_BOTH
    assert request.stopping.goal_tolerance == 0.01
    with pytest.raises(ValueError, match="no goal is named pls"):
        client.joint_optimize("m1", maximize="nbs", weights={"pls": 1})
