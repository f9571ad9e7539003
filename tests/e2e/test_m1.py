"""A public recording of monkey M1 from registration to joint optimisation.

Reference values: independent float64 computation on the same files. Skipped
where the recordings are not at hand.
"""

import json

import numpy as np
import oracles
import pytest
from recordings import condition_average, m1_activity, m1_time_ms
from server_process import cli_json, run_cli

TOLERANCE = 1e-5

# Reference: the recording; candidate: its condition average.
CONDITION_AVERAGE = {
    "cka": 0.7866937714,
    "cka.debiased": 0.7866447209,
    "nbs": 0.7248371986,
    "cka.angular_score": 0.5764178211,
    "procrustes.angle": 0.7599982758,
    "procrustes.angular_score": 0.5161700707,
    "linear_r2": 0.5253889645,
    "linear_r2(direction=reference_to_candidate)": 0.9954423654,
    "ridge_r2(lambda=100,folds=rows_contiguous(5))": 0.60745779,
    "ridge_r2(lambda=100,folds=rows_contiguous(5),denominator=validation_mean)": (
        0.04000882
    ),
    "ridge_r2(lambda=100,folds=rows_contiguous(5),pooling=pooled)": 0.48629323,
    "ridge_r2(lambda=100,folds=conditions_contiguous(5))": 0.28936850,
    "ridge_r2(lambda=100,folds=conditions_contiguous(5),denominator=validation_mean)": (
        -0.06850402
    ),
    "ridge_r2(lambda=100,folds=conditions_contiguous(5),pooling=pooled)": 0.28359836,
}
SHUFFLED = {
    "ridge_r2(lambda=100,folds=explicit)": 0.50438708,
    "ridge_r2(lambda=100,folds=explicit,denominator=validation_mean)": 0.49989261,
    "ridge_r2(lambda=100,folds=explicit,pooling=pooled)": 0.50281105,
}
ITSELF = {
    "cka": 1.0,
    "nbs": 1.0,
    "procrustes.angular_score": 1.0,
    "linear_r2": 1.0,
    "ridge_r2(lambda=100,folds=rows_contiguous(5))": 0.98848897,
    "ridge_r2(lambda=100,folds=rows_contiguous(5),denominator=validation_mean)": (
        0.96747009
    ),
    "ridge_r2(lambda=100,folds=rows_contiguous(5),pooling=pooled)": 0.98585248,
    "ridge_r2(lambda=100,folds=conditions_contiguous(5))": 0.97385123,
}
COMPONENT_R2 = [0.78689623, 0.09887502, 0.78519342, 0.13420473, 0.27494466, 0.12616316]

OPTIMISED = [
    "cka",
    "cka.angular_score",
    "cka.debiased",
    "nbs",
    "procrustes.angular_score",
    "linear_r2",
    "ridge_r2(lambda=100,folds=none)",
    "ridge_r2(lambda=100,folds=rows_contiguous(5))",
]


@pytest.fixture(scope="module")
def activity(server):
    array = m1_activity()
    with server.client() as client:
        client.register(
            "m1",
            array,
            time_ms=m1_time_ms(),
            labels={"direction": range(array.shape[1])},
            citation="Hatsopoulos et al. 2007",
        )
    return array


def test_condition_average_from_python(client, activity):
    average = condition_average(activity)

    scores = client.score("m1", average, list(CONDITION_AVERAGE))

    for measure, expected in CONDITION_AVERAGE.items():
        assert scores[measure] == pytest.approx(expected, abs=TOLERANCE), measure
    assert scores["linear_r2"] == pytest.approx(scores["nbs"] ** 2, abs=1e-9)


def test_condition_average_from_the_command_line(server, activity, tmp_path):
    np.save(tmp_path / "recording.npy", activity)
    np.save(tmp_path / "average.npy", condition_average(activity))
    run_cli(server, "datasets", "register", "m1-cli", tmp_path / "recording.npy")
    flags = [word for measure in CONDITION_AVERAGE for word in ("-m", measure)]

    reply = cli_json(server, "score", "m1-cli", tmp_path / "average.npy", *flags)

    scores = reply["results"][0]["scores"]
    for score, expected in zip(scores, CONDITION_AVERAGE.values()):
        assert score["value"] == pytest.approx(expected, abs=TOLERANCE), score


def test_condition_average_with_shuffled_folds(client, activity):
    model_selection = pytest.importorskip("sklearn.model_selection")
    rows = activity.reshape(-1, activity.shape[2])
    folds = list(model_selection.KFold(5, shuffle=True, random_state=0).split(rows))

    scores = client.score(
        "m1", condition_average(activity), list(SHUFFLED), folds=folds
    )

    for measure, expected in SHUFFLED.items():
        assert scores[measure] == pytest.approx(expected, abs=TOLERANCE), measure


def test_the_recording_with_itself(client, activity):
    scores = client.score("m1", activity, list(ITSELF))

    for measure, expected in ITSELF.items():
        assert scores[measure] == pytest.approx(expected, abs=TOLERANCE), measure


def test_components_captured_by_the_condition_average(client, activity):
    run = client.optimize(
        "m1",
        "cka",
        start=condition_average(activity).astype(np.float64),
        components=6,
        max_steps=1,
        precision="float64",
    )

    first = next(iter(run))

    np.testing.assert_allclose(first.component_r2, COMPONENT_R2, atol=TOLERANCE)


@pytest.mark.parametrize("measure", OPTIMISED)
def test_noise_reaches_the_recording(client, activity, measure):
    run = client.optimize("m1", measure, seed=1, max_steps=3000, components=2)

    steps = [point.step for point in run]
    result = run.result()

    assert steps == list(range(len(steps)))
    assert result.stop_reason == "score_reached", result
    assert client.score("m1", result.candidate, measure)[measure] > 0.985
    assert result.trace[-1].component_r2[0] > result.trace[0].component_r2[0]


def test_targets_inside_and_outside_of_the_reachable_region(client, activity):
    average = condition_average(activity).reshape(-1, activity.shape[2])
    rows = activity.reshape(-1, activity.shape[2])
    inside = {
        "cka": oracles.cka(average, rows),
        "procrustes.angular_score": oracles.angular_score(oracles.nbs(average, rows)),
    }
    outside = {"cka": 0.05, "procrustes.angular_score": 0.9}
    options = {"goal_tolerance": 0.005, "learning_rate": 0.05}

    reached = client.joint_optimize(
        "m1", targets=inside, max_steps=2000, **options
    ).result()
    missed = client.joint_optimize(
        "m1", targets=outside, max_steps=300, **options
    ).result()

    assert reached.stop_reason == "goals_reached"
    for verdict, target in zip(reached.verdicts, inside.values()):
        assert verdict.reached
        assert verdict.value == pytest.approx(target, abs=0.01)
    assert missed.stop_reason != "goals_reached"
    assert not all(verdict.reached for verdict in missed.verdicts)


def test_optimise_from_the_command_line(server, activity, tmp_path):
    trace, output = tmp_path / "trace.csv", tmp_path / "optimised.npy"

    lines = run_cli(
        server,
        *("--json", "optimize", "m1", "-m", "cka", "--seed", "1"),
        *("--max-steps", "20", "--trace", trace, "--output", output),
    ).stdout.splitlines()

    events = [json.loads(line) for line in lines]
    assert "started" in events[0]
    assert "result" in events[-1]
    assert len(trace.read_text().splitlines()) == 22
    assert np.load(output).shape == (968, 141)
