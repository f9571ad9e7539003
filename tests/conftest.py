"""Fixtures of the tests that talk to a real server."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from server_process import BIN, ServerProcess


@pytest.fixture(scope="session")
def programs():
    """The built programs; without them there is nothing to test."""
    for name in ("repscored", "repscore"):
        if not (BIN / name).is_file():
            pytest.fail(f"{BIN / name} is not built: run deploy/build first")
    return BIN


@pytest.fixture(scope="module")
def server(programs, tmp_path_factory):
    """One server for all tests of a file. Each checks that it is still alive."""
    server = ServerProcess(tmp_path_factory.mktemp("server") / "data").start()
    yield server
    assert server.alive(), server.log.read_text()[-4000:]
    server.stop()


@pytest.fixture
def client(server):
    with server.client(timeout=120) as client:
        yield client
