"""Python and command lines of the pages, run as they stand against a server."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from server_process import ServerProcess, run_cli

import repscore

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "client/python/README.md"]
TIMES, CONDITIONS, UNITS = 4, 40, 20
STIMULI, PRESENTATIONS = 30, 3
ADDRESS = '"localhost:50051"'


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What the pages speak of without making it."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(4)
    recording = random.normal(size=(TIMES, CONDITIONS, UNITS))
    recording += 2 * random.normal(size=(8, UNITS))[np.arange(CONDITIONS) % 8]
    np.save("activity.npy", recording)
    stimuli = [f"s{i}" for i in range(STIMULI)] * PRESENTATIONS
    shared = random.normal(size=(STIMULI, UNITS))
    rows = STIMULI * PRESENTATIONS
    responses = np.tile(shared, (PRESENTATIONS, 1)) + random.normal(size=(rows, UNITS))
    return {
        "directions": [i % 8 for i in range(CONDITIONS)],
        "activations": random.normal(size=(TIMES, CONDITIONS, 12)),
        "a": random.normal(size=(TIMES * CONDITIONS, 9)),
        "b": random.normal(size=(TIMES * CONDITIONS, 7)),
        "responses": responses,
        "stimuli": stimuli,
        "my_stimuli": [f"s{i}" for i in range(STIMULI)],
        "of_stimuli": shared @ random.normal(size=(UNITS, 8)),
        "c": random.normal(size=(TIMES * CONDITIONS, 5)),
    }


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_the_page_runs(server, names, page):
    found = blocks(page)
    assert found

    for block in found:
        code = block.replace(ADDRESS, repr(server.address))
        exec(compile(code, page, "exec"), names)

    assert isinstance(names["client"], repscore.Client)


def command_lines(page):
    """Arguments of every repscore command of the page, in order."""
    text = (ROOT / page).read_text().replace("\\\n", " ")
    found = re.findall(
        r"^    (?:\$ build/bin/)?repscore ([a-z].*)$|`repscore ([a-z][^`]*)`",
        text,
        re.MULTILINE,
    )
    lines = [first or second for first, second in found]
    # Of these only the name is said, or a placeholder is in it.
    return [
        line for line in lines if " " in line and not re.search(r"\b(ID|NAME)\b", line)
    ]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """What the command lines name."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(5)
    labels = np.arange(CONDITIONS) % 2
    recording = random.normal(size=(TIMES, CONDITIONS, UNITS))
    recording[:, labels == 1, 0] += 2
    np.save("activity.npy", recording)
    for name in ("activations", "model", "a", "b"):
        np.save(f"{name}.npy", random.normal(size=(TIMES, CONDITIONS, 12)))
    for name in ("targets", "directions", "context", "labels"):
        Path(f"{name}.txt").write_text("".join(f"{'lr'[i]}\n" for i in labels))
    Path("scores.csv").write_text("system,cka,nbs\none,0.1,0.2\ntwo,0.3,0.1\n")
    return tmp_path


@pytest.mark.parametrize("page", ["README.md", "docs/calibration.md"])
def test_the_command_lines_of_the_page_run(files, page):
    lines = command_lines(page)
    assert len(lines) > 3
    server = ServerProcess(files / "data").start()
    try:
        pairs = run_cli(
            server,
            *("pairwise", "x=a.npy", "y=b.npy", "z=model.npy"),
            *("-m", "procrustes.angle", "--json"),
        )
        Path("pairs.json").write_text(pairs.stdout)
        for page_line in lines:
            # The recording of the page has other rows.
            line = page_line.replace("3200x", f"{TIMES * CONDITIONS}x")
            done = run_cli(server, *shlex.split(line), check=False)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
    finally:
        server.stop()
