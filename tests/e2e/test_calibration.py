"""What a score means: the chain from a registered plan to the reading beside a
score, on a recording whose label lives in a component of little variance."""

import time

import grpc
import numpy as np
import pytest
from stream import analysis_stub, catalog_stub, register_messages

from repscore import _arrays
from repscore.v1 import (
    analysis_pb2,
    catalog_pb2,
    runs_pb2,
    runs_pb2_grpc,
    scoring_pb2,
    scoring_pb2_grpc,
    types_pb2,
)

TIMES, CONDITIONS, FEATURES = 3, 80, 30
DATASET = "datasets/planted"
TIMEOUT = 120


def recording():
    """Variances fall off as 1 / k^2; "small" is read from component 5 alone,
    "large" from component 1."""
    random = np.random.default_rng(3)
    parts = random.normal(size=(TIMES * CONDITIONS, FEATURES))
    small = np.tile(np.repeat([-1.0, 1.0], CONDITIONS // 2), TIMES)
    large = np.tile(np.tile([-1.0, 1.0], CONDITIONS // 2), TIMES)
    parts[:, 4] = 0.1 * parts[:, 4] + small
    parts[:, 0] = 0.1 * parts[:, 0] + large
    parts /= np.arange(1, FEATURES + 1)
    rotation, _ = np.linalg.qr(random.normal(size=(FEATURES, FEATURES)))
    return (10 * parts @ rotation).reshape(TIMES, CONDITIONS, FEATURES)


RECORDING = recording()
LABELS = [
    catalog_pb2.Label(
        name="small", values=["a" if i < CONDITIONS // 2 else "b" for i in range(80)]
    ),
    catalog_pb2.Label(
        name="large", values=["a" if i % 2 else "b" for i in range(CONDITIONS)]
    ),
]


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.address) as channel:
        yield channel


@pytest.fixture(scope="module")
def calibrated(channel):
    """The dataset, registered with a plan whose runs have ended."""
    plan = catalog_pb2.CalibrationPlan(
        measures=[
            types_pb2.MeasureSpec(id="cka"),
            types_pb2.MeasureSpec(id="procrustes.angular_score"),
        ],
        restarts=2,
        max_steps=400,
        principal_components=8,
    )
    catalog_stub(channel).RegisterDataset(
        register_messages(
            "planted",
            RECORDING.tobytes(),
            RECORDING.shape,
            labels=LABELS,
            calibration=plan,
        )
    )
    stub = runs_pb2_grpc.RunsServiceStub(channel)
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        runs = stub.ListRuns(runs_pb2.ListRunsRequest()).runs
        if len(runs) == 2 and all(
            run.state == runs_pb2.RUN_STATE_SUCCEEDED for run in runs
        ):
            return analysis_stub(channel).GetCalibration(
                analysis_pb2.GetCalibrationRequest(dataset=DATASET), timeout=TIMEOUT
            )
        time.sleep(0.1)
    raise AssertionError("the calibration did not end")


def at_score(calibration, score):
    return min(calibration.points, key=lambda point: abs(point.score - score))


def test_cka_is_high_before_the_small_label_decodes(calibrated):
    by_name = {m.measure.split("(")[0]: m for m in calibrated.measures}
    cka, procrustes = by_name["cka"], by_name["procrustes.angular_score"]
    small = [label.label for label in cka.labels].index("small")
    component = 4

    assert cka.labels[small].reference_accuracy > 0.95
    # The recording's own level is far away at a high CKA, and reached at the
    # same value of the angular Procrustes score.
    assert at_score(cka, 0.9).accuracy[small] < 0.85
    assert at_score(procrustes, 0.9).accuracy[small] > 0.95
    captured = [
        m.component_thresholds[component].midpoint_to_one for m in (cka, procrustes)
    ]
    assert captured[1] < captured[0] or not cka.component_thresholds[
        component
    ].HasField("midpoint_to_one")


def test_a_score_says_what_it_means(channel, calibrated):
    noise = np.random.default_rng(0).normal(size=RECORDING.shape)
    mixed = RECORDING + 2.0 * noise
    request = scoring_pb2.ScoreRequest(
        dataset=DATASET,
        candidate=_arrays.encode(mixed).tensor(),
        measures=[types_pb2.MeasureSpec(id="cka"), types_pb2.MeasureSpec(id="nbs")],
        context=types_pb2.ContextOptions(calibration=True),
    )

    reply = scoring_pb2_grpc.ScoringServiceStub(channel).Score(request)

    reading = reply.scores[0].context.calibration
    assert reading.runs == 2
    assert reading.components == 8
    assert {label.label.label for label in reading.labels} == {"small", "large"}
    assert any(mark.kind == "condition_average" for mark in reading.landmarks)
    assert f"{reply.scores[0].value:.2f}" in reading.statement
    [note] = reply.scores[1].context.notes
    assert note.reason == "CALIBRATION_MISSING"
    assert "CalibrateDataset" in note.message
