"""The server behind an experiment: one that runs already, or one of our own."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from repscore.client import Client

_LISTENING = re.compile(r"repscored listening on ([^\s\"]+:\d+)")
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05


def find_program(program: str | None) -> str:
    """The path of repscored.

    Raises:
        FileNotFoundError: It is not where it was said to be, or not on PATH.
    """
    found = shutil.which(program or "repscored")
    if found is None:
        where = program or "repscored is not on PATH"
        raise FileNotFoundError(
            f"no server: {where}; give --address or --server PATH of repscored"
        )
    return found


def _wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        match = _LISTENING.search(log.read_text(errors="replace"))
        if match:
            return match.group(1)
        time.sleep(_POLL_SECONDS)
    raise RuntimeError(f"repscored did not start:\n{log.read_text(errors='replace')}")


@contextlib.contextmanager
def _own_server(program: str) -> Iterator[str]:
    """Runs a server with an empty store; ends it afterwards."""
    with tempfile.TemporaryDirectory(prefix="repscore-paper-") as folder:
        log = Path(folder) / "log"
        command = [program, "--listen", "127.0.0.1:0", "--data-dir", f"{folder}/data"]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield _wait_for_address(process, log)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def connect(address: str | None, program: str | None) -> Iterator[Client]:
    """A client of the server at an address, or of one that is started for it.

    Args:
        address: As of `Client`; None or "embedded": start a server.
        program: Path of repscored; default: found on PATH.
    """
    if address and address != "embedded":
        with Client(address) as client:
            yield client
        return
    with _own_server(find_program(program)) as started, Client(started) as client:
        yield client
