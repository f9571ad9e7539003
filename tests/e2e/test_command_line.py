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
