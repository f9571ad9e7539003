"""What a score means: calibrations from registration to the reading of a score."""

import time

import numpy as np
import pytest

import repscore
from repscore import synthetic

MEASURES = ("cka", "procrustes.angular_score")
RESTARTS = 2
PLAN = repscore.Calibration(MEASURES, restarts=RESTARTS, components=10, max_steps=300)
WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def calibrated(server):
    """A tree whose calibration started with its registration, and is finished."""
    tree = synthetic.ultrametric(seed=2)
    with server.client() as client:
        client.register("tree", tree.array, labels=tree.labels, calibrate=PLAN)
        give_up = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < give_up:
            runs = list(client.runs())
            if len(runs) == len(MEASURES) and all(run.finished for run in runs):
                break
            time.sleep(0.1)
        assert {run.state for run in runs} == {"succeeded"}
    return tree


def test_nothing_is_computed_again(client, calibrated):
    before = {run.name for run in client.runs()}

    runs = client.calibrate("tree", PLAN)

    assert {run.name for run in runs} == before
    assert all(run.members == RESTARTS for run in runs)


def test_a_calibration_rises_with_similarity(client, calibrated):
    found = client.calibration("tree", MEASURES)

    assert tuple(found) == MEASURES
    for measure, calibration in found.items():
        scores = [point.score for point in calibration.points]
        assert scores == sorted(scores)
        assert scores[-1] > 0.95, measure
        assert calibration.runs == RESTARTS
        first, last = calibration.points[0], calibration.points[-1]
        assert last.accuracy["category"] > first.accuracy["category"] + 0.5
        assert np.mean(last.component_r2) > np.mean(first.component_r2)
        assert len(calibration.component_thresholds) == 10
        assert "noise" in calibration.landmarks


def test_a_score_says_what_it_means(client, calibrated):
    rows = calibrated.array
    noise = np.random.default_rng(0).normal(size=rows.shape)
    candidates = {"the tree": rows, "noise": noise, "between": rows + 0.3 * noise}

    table = client.score(
        "tree", candidates, MEASURES, context=repscore.Context(calibration=True)
    )

    for measure in MEASURES:
        readings = {
            name: scores[measure].context.calibration for name, scores in table.items()
        }
        for name, reading in readings.items():
            assert reading is not None, (measure, name)
            assert reading.runs == RESTARTS
            assert "tree" in reading.statement or "dataset" in reading.statement
        captured = {
            name: len(reading.components_captured) for name, reading in readings.items()
        }
        assert captured["noise"] < captured["between"] <= captured["the tree"] == 10
        assert readings["the tree"].beyond_range
        assert not readings["between"].beyond_range
        accuracy = readings["between"].labels["category"]
        assert 0.1 < accuracy.accuracy <= 1
        assert accuracy.label.reference_accuracy > 0.9


def test_the_same_score_means_more_under_procrustes(client, calibrated):
    found = client.calibration("tree", MEASURES)

    late = {
        measure: [t.midpoint_to_one or 1.0 for t in calibration.component_thresholds][
            5:
        ]
        for measure, calibration in found.items()
    }

    assert max(late["procrustes.angular_score"]) < min(late["cka"])


def test_without_runs_there_is_a_note_and_an_error(client, calibrated):
    client.register("bare", calibrated.array + 1)

    scores = client.score(
        "bare", calibrated.array, "cka", context=repscore.Context(calibration=True)
    )

    assert scores["cka"].context.calibration is None
    assert scores["cka"].context.notes
    with pytest.raises(repscore.NotFound) as error:
        client.calibration("bare", "cka")
    assert error.value.field == "measures[0]"


def test_a_measure_without_gradient_cannot_be_calibrated(client, calibrated):
    with pytest.raises(repscore.InvalidInput) as error:
        client.calibrate("tree", "knn.mutual")

    assert error.value.field.startswith("plan.measures[0]")
