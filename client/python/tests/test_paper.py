"""The figures' command, against a server that plays scripted replies."""

import csv
import stat

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from repscore.paper.command import main
from repscore.paper.serving import connect
from repscore.v1 import runs_pb2

PNG = b"\x89PNG"


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def run(server, tmp_path, *words):
    return main([*words, "--address", server.address, "--out", str(tmp_path)])


def test_fig2_scores_candidates_beside_baselines(server, tmp_path):
    assert run(server, tmp_path, "fig2") == 0

    assert (tmp_path / "fig2.png").read_bytes().startswith(PNG)
    rows = rows_of(tmp_path / "fig2.csv")
    names = {row["name"] for row in rows if row["what"] == "candidate"}
    assert "half of the units" in names
    baselines = [row for row in rows if row["what"] == "baseline"]
    assert {row["name"] for row in baselines} == {"noise", "condition_average"}
    assert {float(row["score"]) for row in baselines} == {0.125, 0.75}


def test_fig2_takes_activations_of_a_reference(server, tmp_path):
    reference = np.random.default_rng(0).normal(size=(3, 4, 5))
    np.save(tmp_path / "recording.npy", reference)
    np.save(tmp_path / "model.npy", reference[:, :, :2])
    files = ["--reference", str(tmp_path / "recording.npy")]
    files += ["--activations", f"my model={tmp_path / 'model.npy'}"]

    assert run(server, tmp_path, "fig2", *files) == 0

    assert list(server.datasets) == ["paper-recording"]
    rows = rows_of(tmp_path / "fig2.csv")
    assert {r["name"] for r in rows if r["what"] == "candidate"} == {"my model"}


def test_fig3_tells_where_labels_decode(server, tmp_path):
    assert run(server, tmp_path, "fig3", "--quick") == 0

    assert (tmp_path / "fig3.png").read_bytes().startswith(PNG)
    rows = rows_of(tmp_path / "fig3.csv")
    assert {row["label"] for row in rows} == {"context"}
    assert [float(row["accuracy"]) for row in rows[:3]] == [0.0, 0.5, 1.0]
    thresholds = rows_of(tmp_path / "fig3-thresholds.csv")
    assert {row["score_where_decodable"] for row in thresholds} == {""}
    assert {row["recording"] for row in thresholds} == {"0.9"}
    assert rows_of(tmp_path / "fig3-components.csv")[0]["components"] == "1"


def test_fig4_tells_restarts_apart(server, tmp_path):
    server.members = 2
    server.snapshots = [0.5, 0.8]
    server.candidate = np.random.default_rng(0).normal(size=(60, 2))

    assert run(server, tmp_path, "fig4", "--quick") == 0

    assert (tmp_path / "fig4.png").read_bytes().startswith(PNG)
    assert (tmp_path / "fig4-data.png").read_bytes().startswith(PNG)
    rows = rows_of(tmp_path / "fig4.csv")
    assert {row["restart"] for row in rows} == {"0", "1"}
    assert {row["pc2_r2"] for row in rows} == {"0.5"}
    # Four measures on the toy, and two on each of four toys; five points each.
    assert len(rows) == (4 + 4 * 2) * 2 * 5


def test_fig5_puts_thresholds_beside_the_published_ones(server, tmp_path):
    folder = tmp_path / "data" / "diffscore-published-results" / "ultrametric"
    folder.mkdir(parents=True)
    (folder / "scores_at_threshold.csv").write_text(
        ",scores_at_threshold,pc_explained_variance,measure,dataset\n"
        "0,0.375,0.75,cka,ultrametric\n"
        "1,,0.25,cka,ultrametric\n"
    )
    (folder / "scores_vs_decoding_acc.csv").write_text(
        ",score,measure\n0,0.25,cka\n1,0.25,cka\n2,0.75,cka\n3,0.875,cka\n"
    )

    data = ["--data", str(tmp_path / "data")]
    assert run(server, tmp_path, "fig5", "--quick", *data) == 0

    assert (tmp_path / "fig5.png").read_bytes().startswith(PNG)
    rows = rows_of(tmp_path / "fig5.csv")
    tree = [row for row in rows if row["dataset"] == "ultrametric tree"]
    cka = [row for row in tree if row["measure"] == "cka"]
    assert [row["published"] for row in cka] == ["0.375", ""]
    assert [row["midpoint_to_one"] for row in cka] == ["0.25", ""]
    assert [row["midpoint_to_max"] for row in cka] == ["0.125", ""]
    run_of_cka = rows_of(tmp_path / "fig5-runs.csv")[0]
    assert run_of_cka["start"] == "0.0"
    assert run_of_cka["published_start"] == "0.25"
    # The first published point is stored twice.
    assert run_of_cka["published_steps_to_0.5"] == "1"
    assert run_of_cka["published_steps_to_0.8"] == "2"
    assert run_of_cka["published_steps_to_0.9"] == ""
    assert run_of_cka["steps_to_0.5"] == ""


def test_fig6_names_the_coupling(server, tmp_path, monkeypatch):
    server.members = 3
    server.allowed_range = runs_pb2.AllowedRange(
        first=[0.0, 1.0, 1.0],
        second=[0.0, 0.0, 1.0],
        coupling=runs_pb2.COUPLING_SECOND_IMPLIES_FIRST,
        bounds=[runs_pb2.TheoreticalBound(first=[0, 1], second=[0, 1])],
    )

    assert run(server, tmp_path, "fig6", "--quick") == 0

    assert (tmp_path / "fig6.png").read_bytes().startswith(PNG)
    costs = rows_of(tmp_path / "fig6-perturbation.csv")
    assert [row["theory"] for row in costs[:2]] == ["0.375", ""]
    ranges = rows_of(tmp_path / "fig6-range.csv")
    assert {row["coupling"] for row in ranges} == {"second_implies_first"}


def test_a_registered_dataset_is_the_reference(server, client, tmp_path):
    client.register("mine", np.eye(4), labels={"context": [0, 1, 0, 1]})

    assert run(server, tmp_path, "fig3", "--quick", "--dataset", "mine") == 0

    assert list(server.datasets) == ["mine"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fig2", "--data", "/nowhere"], "--data"),
        (["fig2", "--dataset", "a", "--reference", "b"], "exclude"),
        (["fig9"], "invalid choice"),
    ],
)
def test_a_bad_command_line_is_refused(words, message, capsys):
    with pytest.raises(SystemExit):
        main(words)

    assert message in capsys.readouterr().err


def test_errors_become_one_line(server, tmp_path, capsys):
    assert run(server, tmp_path, "fig3", "--dataset", "nothing") == 1

    assert capsys.readouterr().err == "repscore-paper: no datasets/nothing\n"


def test_a_server_that_is_not_there_is_named(tmp_path, capsys):
    words = ["fig4", "--server", str(tmp_path / "none"), "--out", str(tmp_path)]

    assert main(words) == 1

    assert str(tmp_path / "none") in capsys.readouterr().err


def test_an_embedded_server_is_started_and_ended(server, tmp_path):
    program = tmp_path / "repscored"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >"{tmp_path}/arguments"\n'
        f"echo repscored listening on {server.address}\n"
        f"trap 'echo ended >\"{tmp_path}/ended\"; exit 0' TERM\n"
        "while :; do sleep 0.05; done\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)

    with connect("embedded", str(program)) as client:
        version = client.info().version

    assert version == "9"
    assert "--listen 127.0.0.1:0" in (tmp_path / "arguments").read_text()
    assert (tmp_path / "ended").read_text() == "ended\n"


def test_an_embedded_server_that_fails_shows_its_log(tmp_path):
    program = tmp_path / "repscored"
    program.write_text("#!/bin/sh\necho port taken\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)

    with pytest.raises(RuntimeError, match="port taken"), connect(None, str(program)):
        pass


def test_labels_that_are_no_csv_are_named(server, tmp_path, capsys):
    np.save(tmp_path / "reference.npy", np.arange(12.0).reshape(4, 3))
    labels = tmp_path / "labels.csv"
    words = ("--reference", str(tmp_path / "reference.npy"), "--labels", str(labels))

    labels.write_bytes(b"\x93NUMPY")
    assert run(server, tmp_path, "fig3", *words) == 1
    labels.write_text("a,b\n1,2\n1\n")
    assert run(server, tmp_path, "fig3", *words) == 1

    error = capsys.readouterr().err
    assert "labels.csv is no CSV text" in error
    assert "a line has other columns" in error
