"""A real repscored in a process of its own, on a free port."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import repscore

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("REPSCORE_BIN_DIR", ROOT / "build" / "bin"))
_LISTENING = re.compile(r"repscored listening on ([^\s\"]+:\d+)")
_START_SECONDS = 60

# Idle threads sleep instead of spinning: tests share their machine.
_GENTLE = {"OMP_WAIT_POLICY": "passive"}


class ServerProcess:
    """Starts, kills and restarts a server that keeps its directory and port."""

    # Another server in the place of the ordinary one: one with an emulated GPU.
    program = os.environ.get("REPSCORE_SERVER_PROGRAM", "repscored")

    def __init__(
        self, data_dir: Path, *options: str, **environment: str | None
    ) -> None:
        self.data_dir = data_dir
        self.log = data_dir.parent / f"{data_dir.name}.log"
        self._options = options
        self._environment = environment
        self._process: subprocess.Popen | None = None
        self._return: threading.Timer | None = None
        self.address = "127.0.0.1:0"

    def start(self, **environment: str | None) -> ServerProcess:
        """Starts and waits until the server says where it listens.

        None takes a variable of the environment away.
        """
        offset = self.log.stat().st_size if self.log.exists() else 0
        variables = {**_GENTLE, **os.environ, **self._environment, **environment}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(BIN / self.program),
                    *("--listen", self.address),
                    *("--data-dir", str(self.data_dir)),
                    *self._options,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={k: v for k, v in variables.items() if v is not None},
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            match = _LISTENING.search(self.log.read_bytes()[offset:].decode())
            if match:
                self.address = match.group(1)
                return self
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"repscored did not start:\n{self.log.read_text()[-4000:]}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def kill_and_return(self, after: float = 0.3) -> None:
        """kill -9, and a start in the background.

        Waits for an earlier one: clients still read what was sent before it.
        """
        self.await_return()
        self.kill()
        self._return = threading.Timer(after, self.start)
        self._return.start()

    def await_return(self) -> None:
        """Waits for the start that `kill_and_return` has begun."""
        if self._return is not None:
            self._return.join()

    def terminate(self, timeout: float = 30) -> int:
        """SIGTERM; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout)

    def wait(self, timeout: float = 30) -> int:
        """Waits for an end that is under way; the exit status."""
        return self._process.wait(timeout)

    def stop(self) -> None:
        """Ends the server however it is."""
        self.await_return()
        if self.alive():
            self.kill()

    def client(self, **options: object) -> repscore.Client:
        return repscore.Client(self.address, **options)


def run_cli(
    server: ServerProcess, *arguments: object, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Runs the repscore command against a server."""
    return subprocess.run(
        [str(BIN / "repscore"), "--server", server.address, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=check,
        timeout=300,
    )


def cli_json(server: ServerProcess, *arguments: object) -> dict:
    """Runs the repscore command with --json and parses what it prints."""
    return json.loads(run_cli(server, "--json", *arguments).stdout)
