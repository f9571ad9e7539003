"""The Python of the READMEs, run as it stands against a server."""

import re
from pathlib import Path

import numpy as np
import pytest

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
        exec(compile(code, page, "exec"), names)  # noqa: S102

    assert isinstance(names["client"], repscore.Client)
