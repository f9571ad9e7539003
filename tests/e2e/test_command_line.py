"""The repscore command as people and scripts use it."""

import json

import golden
import numpy as np
import pytest
from server_process import cli_json, run_cli


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays")
    reference, candidate = golden.pair()
    np.save(folder / "reference.npy", np.asfortranarray(reference))
    np.save(folder / "candidate.npy", candidate.astype(">f8"))
    np.savez_compressed(folder / "both.npz", a=candidate, b=2 * candidate)
    np.save(folder / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(folder / "nan.npy", np.full((30, 2), np.nan))
    return folder


@pytest.fixture(scope="module", autouse=True)
def reference(server, files):
    run_cli(
        server,
        *("datasets", "register", "g0", files / "reference.npy"),
        *("--title", "Golden", "--citation", "nobody", "--attribute", "k=v"),
    )


def test_datasets(server, client):
    listed = cli_json(server, "datasets", "list")["datasets"]
    shown = cli_json(server, "datasets", "show", "g0")

    assert [entry["name"] for entry in listed] == ["datasets/g0/versions/1"]
    assert shown["metadata"]["citation"] == "nobody"
    assert shown["digest"] == client.dataset("g0").digest
    assert "datasets/g0/versions/1" in run_cli(server, "datasets", "list").stdout
    client.register("gone", np.arange(10.0))
    run_cli(server, "datasets", "delete", "gone")
    assert [dataset.id for dataset in client.datasets()] == ["g0"]


def test_measures_are_those_of_the_server(server, client):
    listed = cli_json(server, "measures")["measures"]

    assert [m["id"] for m in listed] == [measure.id for measure in client.measures()]
    text = run_cli(server, "measures").stdout
    assert all(measure.id in text for measure in client.measures())
    assert "lambda" in run_cli(server, "measures", "ridge_r2").stdout


@pytest.mark.parametrize("name", ["candidate.npy", "both.npz:a"])
def test_score(server, files, name):
    flags = [word for measure in golden.SCORES for word in ("-m", measure)]

    reply = cli_json(server, "score", "g0", files / name, *flags)
    text = run_cli(server, "score", "g0", files / name, *flags).stdout

    values = [score["value"] for score in reply["results"][0]["scores"]]
    assert values == [
        pytest.approx(value, abs=1e-11) for value in golden.SCORES.values()
    ]
    assert "0.4893" in text


def test_optimize_and_runs(server, client, files, tmp_path):
    trace, output = tmp_path / "trace.json", tmp_path / "out.npy"

    text = run_cli(
        server,
        *("optimize", "g0", "-m", "cka", "--start", files / "candidate.npy"),
        *("--precision", "float64", "--max-steps", "3", "--track", "nbs"),
        *("--components", "2", "--trace", trace, "--output", output),
    ).stdout

    points = json.loads(trace.read_text())["points"]
    scores = [point["scores"][0] for point in points]
    assert scores == [pytest.approx(v, abs=1e-10) for v in golden.ADAM["cka"][:4]]
    assert len(points[0]["component_r2"]) == 2
    assert np.load(output).shape == (30, 25)
    run = next(iter(client.runs()))
    assert run.name in text
    assert cli_json(server, "runs", "list")["runs"][0]["name"] == run.name
    watched = run_cli(server, "runs", "watch", run.name).stdout
    assert run.name in watched or "0.9338" in watched


def test_joint_optimize(server):
    lines = run_cli(
        server,
        *("--json", "joint-optimize", "g0", "--target", "cka=0.8"),
        *("--maximize", "nbs", "--max-steps", "5"),
    ).stdout.splitlines()

    result = json.loads(lines[-1])["result"]
    assert len(result["verdicts"]) == 2


def test_detach_and_cancel(server, client):
    output = run_cli(
        server,
        *("optimize", "g0", "-m", "nbs", "--detach", "--max-steps", "1000000"),
        *("--stop-score", "2"),
    ).stdout
    name = next(word for word in output.split() if word.startswith("runs/"))

    run_cli(server, "runs", "cancel", name)

    assert client.watch(name).result().stop_reason == "cancelled"


@pytest.fixture(scope="module")
def tuned(server, tmp_path_factory):
    """A recording [3 x 20 x 12] in which a label can be read."""
    rng = np.random.default_rng(5)
    choice = np.arange(20) % 2
    activity = rng.normal(size=(3, 20, 12))
    activity[:, choice == 1, :4] += 3.0
    path = tmp_path_factory.mktemp("tuned") / "tuned.npy"
    np.save(path, activity)
    run_cli(
        server,
        *("datasets", "register", "tuned", path, "--axes", "time,condition,neuron"),
        *("--label", "choice=" + ",".join("LR"[c] for c in choice)),
    )
    return path


def test_decode(server, tuned):
    reply = cli_json(server, "decode", "tuned", tuned, "--components", "1", "12")
    text = run_cli(server, "decode", "tuned", "--label", "choice").stdout

    (label,) = reply["labels"]
    assert label["label"]["chance"] == 0.5
    assert label["accuracy"] > 0.9
    assert label["accuracy"] == pytest.approx(label["label"]["reference_accuracy"])
    assert len(label["bins"]) == 3
    assert label["component_accuracy"][1] == pytest.approx(label["accuracy"], abs=0.05)
    assert "choice" in text


def test_baselines_and_perturbations(server, tuned):
    baselines = cli_json(server, "baselines", "tuned", "-m", "cka", "--draws", "4")
    perturbed = cli_json(
        server, "perturb", "tuned", "-m", "nbs", "--components", "2", "--draws", "4"
    )

    landmarks = {
        mark["kind"]: mark["value"] for mark in baselines["measures"][0]["landmarks"]
    }
    assert {"condition_average", "noise", "surrogate"} <= set(landmarks)
    assert all(0.0 <= value <= 1.0 for value in landmarks.values())
    first, second = perturbed["measures"][0]["components"]
    assert first["theory"] == pytest.approx(1.0 - first["variance_share"])
    assert first["mean"] < second["mean"]


def test_restarts_with_decoding_and_snapshots(server, tuned, tmp_path):
    trace, snapshot = tmp_path / "trace.csv", tmp_path / "snapshot.npy"

    text = run_cli(
        server,
        *("optimize", "tuned", "-m", "nbs", "--restarts", "2", "--components", "3"),
        *("--decode", "choice", "--snapshot", "0.8", "--thresholds"),
        *("--max-steps", "300", "--trace", trace),
    ).stdout

    lines = trace.read_text().splitlines()
    assert lines[0].startswith("member,step,objective")
    assert lines[0].count("choice_accuracy") == 1
    assert {line.split(",")[0] for line in lines[1:]} == {"0", "1"}
    assert "decodes at score" in text
    assert "half way to 1" in text
    name = next(word for word in text.split() if "/snapshots/" in word)
    run_cli(server, "runs", "array", name, "--out", snapshot)
    assert np.load(snapshot).shape == (60, 12)
    score = cli_json(server, "score", "tuned", snapshot, "-m", "nbs")
    assert score["results"][0]["scores"][0]["value"] > 0.8


def test_grid_of_targets(server, tuned):
    lines = run_cli(
        server,
        *("--json", "joint-optimize", "tuned", "--grid", "2", "--boundary"),
        *("--target", "cka", "--target", "procrustes.angular_score"),
        *("--max-steps", "20"),
    ).stdout.splitlines()

    started, result = (json.loads(lines[i]) for i in (0, -1))
    targets = [member["targets"] for member in started["started"]["members"]]
    assert sorted(targets) == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert len(result["result"]["members"]) == 4
    assert result["result"]["allowed_range"]["coupling"]


def test_calibration_travels_with_scores(server, tuned):
    run_cli(
        server,
        *("calibrate", "tuned", "-m", "nbs", "--restarts", "2", "--components", "5"),
        *("--max-steps", "300", "--wait"),
    )

    calibration = cli_json(server, "calibration", "tuned", "-m", "nbs")["measures"][0]
    score = cli_json(server, "score", "tuned", tuned, "-m", "nbs", "--calibration")
    text = run_cli(server, "calibration", "tuned", "--thresholds").stdout

    scores = [point["score"] for point in calibration["points"]]
    assert scores == sorted(scores)
    assert calibration["labels"][0]["label"] == "choice"
    reading = score["results"][0]["scores"][0]["context"]["calibration"]
    assert reading["statement"]
    assert "choice" in text


def test_info(server):
    assert cli_json(server, "info")["version"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("score", "nope", "candidate.npy"), ("nope",)),
        (("score", "g0", "missing.npy"), ("missing.npy",)),
        (("score", "g0", "both.npz"), ("a", "b")),
        (("score", "g0", "object.npy"), ("object",)),
        (("score", "g0", "nan.npy"), ("candidate",)),
        (("score", "g0", "candidate.npy", "-m", "nope"), ("nope",)),
        (("optimize", "g0", "-m", "cka", "--lr", "nan"), ("learning_rate",)),
        (("datasets", "show", "../x"), ("name",)),
        (("runs", "cancel", "none"), ("none",)),
        (("decode", "g0", "--label", "nope"), ("nope",)),
        (("decode", "g0", "candidate.npy", "--folds", "1"), ("folds",)),
        (("baselines", "g0", "-m", "cka", "--kind", "nope"), ("nope", "kinds")),
        (("perturb", "g0", "-m", "cka", "--components", "0"), ("components",)),
        (("calibrate", "g0", "-m", "nope"), ("nope",)),
        (("optimize", "g0", "-m", "cka", "--restarts", "0"), ("restarts",)),
        (("runs", "array", "none/members/0/candidate", "--out", "x.npy"), ("none",)),
        (("nonsense",), ("subcommand",)),
    ],
)
def test_errors_are_one_sentence_on_stderr(server, files, arguments, words):
    arguments = [
        files / word if word.endswith((".npy", ".npz")) else word for word in arguments
    ]

    failed = run_cli(server, *arguments, check=False)

    assert failed.returncode not in (0, -6, -11)
    for word in words:
        assert word in failed.stderr
    assert failed.stdout == ""


def test_a_server_that_is_not_there(programs):
    class Nowhere:
        address = "127.0.0.1:1"

    failed = run_cli(Nowhere(), "--connect-timeout", "1", "info", check=False)

    assert failed.returncode != 0
    assert "127.0.0.1:1" in failed.stderr
