"""Decoding, baselines, perturbations and calibrations."""

import grpc
import numpy as np
import pytest

import repscore


def test_decode(server, client):
    candidate = np.arange(6.0).reshape(3, 2)

    found = client.decode(
        "m1",
        candidate,
        decoding=repscore.Decoding(seed=4),
        components=[1, 5],
        repeats=3,
        device="cpu",
    )

    request = server.requests[-1]
    assert request.dataset == "datasets/m1"
    assert list(request.candidate.spec.shape) == [3, 2]
    assert (request.decoding.seed, request.repeats, request.device) == (4, 3, "cpu")
    context = found["context"]
    assert (context.accuracy, context.sd) == (0.75, 0.125)
    assert context.bins == (0.5, 1.0)
    assert context.component_accuracy == {1: 0.1, 5: 0.5}
    assert context.label.chance == 0.5
    assert found.notes[0].reason == "SINGLE_CLASS"
    assert "0.900" in repr(found)


def test_decode_the_recording_alone(server, client):
    client.decode("m1")

    request = server.requests[-1]
    assert not request.HasField("candidate")
    assert not request.HasField("repeats")
    assert not request.decoding.HasField("folds")


def test_baselines(server, client):
    found = client.baselines("m1", ["cka", "nbs"], kinds=["noise"], draws=5, seed=2)

    request = server.requests[-1]
    assert list(request.kinds) == ["noise"]
    assert (request.draws, request.seed) == (5, 2)
    assert list(found) == ["cka", "nbs"]
    assert found["cka"]["noise"] == repscore.Landmark("noise", 0.125, 0.5)
    assert found["nbs"]["condition_average"].value == 0.75
    assert found.stored
    assert found.notes[0].reason == "NO_TIME_AXIS"
    assert "condition_average" in repr(found)


def test_perturb_components(server, client):
    found = client.perturb_components("m1", "cka", components=2, draws=3)

    request = server.requests[-1]
    assert (request.components, request.draws) == (2, 3)
    first, second = found["cka"]
    assert (first.mean, first.theory) == (0.5, 0.375)
    assert (second.sd, second.theory) == (0.125, None)
    assert "0.375000" in repr(found)


def test_calibrate_with_a_plan(server, client):
    plan = repscore.Calibration(
        ("cka", "nbs"),
        restarts=2,
        seed=9,
        max_steps=50,
        components=4,
        decoding=repscore.Decoding(folds=3),
    )

    runs = client.calibrate("m1", plan)

    sent = server.requests[-1].plan
    assert [spec.id for spec in sent.measures] == ["cka", "nbs"]
    assert (sent.restarts, sent.seed, sent.max_steps) == (2, 9, 50)
    assert (sent.principal_components, sent.decoding.folds) == (4, 3)
    assert [run.name for run in runs] == ["runs/r1", "runs/r1"]


def test_calibrate_by_measures_leaves_the_rest_to_the_server(server, client):
    client.calibrate("m1", "cka")

    sent = server.requests[-1].plan
    assert [spec.id for spec in sent.measures] == ["cka"]
    assert not sent.HasField("restarts")
    assert not sent.HasField("decoding")


def test_register_with_a_calibration(server, client):
    plan = repscore.Calibration(("cka",), restarts=2)
    client.register("m1", np.eye(3), calibrate=plan)
    with_plan = server.requests[-1]
    client.register("m2", np.eye(3))
    without = server.requests[-1]

    assert with_plan.calibration.restarts == 2
    assert not without.HasField("calibration")


def test_a_calibration(server, client):
    everything = client.calibration("m1")
    chosen = client.calibration("m1", "cka")

    assert [spec.id for spec in server.requests[-1].measures] == ["cka"]
    assert list(everything) == ["cka(full=1)"]
    calibration = chosen["cka"]
    point = calibration.points[0]
    assert point.component_r2 == (0.75, 0.25)
    assert point.accuracy == {"context": 0.625}
    assert point.accuracy_sd == {"context": 0.125}
    assert calibration.labels["context"].classes == 2
    assert calibration.component_thresholds[1].midpoint_to_one is None
    assert calibration.label_thresholds == {"context": 0.625}
    assert calibration.landmarks["noise"].value == 0.125


def test_a_score_with_its_calibration(server, client):
    context = repscore.Context(calibration=True)

    scores = client.score("m1", np.eye(3), "cka", context=context)

    assert server.requests[-1].context.calibration
    reading = scores["cka"].context.calibration
    assert reading is not None
    assert reading.components_captured == (1, 2, 3)
    assert reading.labels["context"].accuracy == 0.625
    assert reading.landmarks[1].kind == "condition_average"
    assert (reading.steps, reading.runs, reading.beyond_range) == (12.5, 3, False)
    assert repr(scores).endswith("0.82 <CKA>: captures PCs 1-3.")
    assert "&lt;CKA&gt;" in scores._repr_html_()
    assert client.score("m1", np.eye(3))["cka"].context.calibration is None


def test_devices_are_passed_on(server, client):
    array = np.eye(3)
    large = np.zeros((600, 400))

    client.score("m1", array, device="cuda:0")
    client.score("m1", {"a": array}, device="cuda:0")
    client.score("m1", large, device="cuda:0")
    client.compare(array, array, device="cuda:0")
    client.pairwise({"a": array, "b": array}, device="cuda:0")
    estimate = client.estimate("m1", array, device="cuda:0")
    client.optimize("m1", "cka", device="cuda:0").result()
    client.baselines("m1", device="cuda:0")
    client.perturb_components("m1", device="cuda:0")

    assert estimate.device == "cuda:0"
    assert [request.device for request in server.requests] == ["cuda:0"] * 9


def test_errors_name_the_field(server, client):
    server.failures = [
        {
            "code": grpc.StatusCode.INVALID_ARGUMENT,
            "message": "a class has fewer members than folds",
            "field": "decoding.folds",
        }
    ]

    with pytest.raises(repscore.InvalidInput) as error:
        client.decode("m1")

    assert error.value.field == "decoding.folds"
