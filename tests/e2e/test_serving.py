"""What an operator sees: health, reflection, configuration, shutdown."""

import os
import subprocess
import time

import grpc
import numpy as np
import pytest
from server_process import BIN, ServerProcess


def raw(channel, method):
    return channel.unary_unary(
        method, request_serializer=lambda b: b, response_deserializer=lambda b: b
    )


def test_health_says_serving(server):
    with grpc.insecure_channel(server.address) as channel:
        status = raw(channel, "/grpc.health.v1.Health/Check")(b"")

    assert status == b"\x08\x01"


def test_reflection_lists_the_services(server):
    with grpc.insecure_channel(server.address) as channel:
        call = channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            request_serializer=lambda b: b,
            response_deserializer=lambda b: b,
        )
        reply = next(call(iter([b"\x3a\x01*"])))

    for service in ("Scoring", "Catalog", "Runs", "Admin"):
        assert f"repscore.v1.{service}Service".encode() in reply


def check_config(*arguments, **environment):
    return subprocess.run(
        [str(BIN / "repscored"), "--check-config", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=60,
    )


def test_devices_are_printed_without_serving(programs, tmp_path):
    done = subprocess.run(
        [str(BIN / "repscored"), "--devices", "--data-dir", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    name, memory, description = done.stdout.splitlines()[0].split("\t")
    assert name == "cpu"
    assert float(memory.removesuffix(" GiB")) > 0
    assert "OpenBLAS" in description
    assert not (tmp_path / "data").exists()


def test_a_device_that_is_not_there_stops_the_start(programs, tmp_path):
    done = subprocess.run(
        [
            *(str(BIN / "repscored"), "--listen", "127.0.0.1:0"),
            *("--device", "cuda:99,cpu", "--data-dir", str(tmp_path / "data")),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 69
    assert "device: 'cuda:99' is not there" in done.stderr + done.stdout


def test_check_config(programs, tmp_path):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text("lanes = 1\n")
    bad.write_text("lanes = 1\nlaness = 2\n")

    assert check_config("--config", good).returncode == 0
    failed = check_config("--config", bad)
    assert failed.returncode != 0
    assert "laness" in failed.stderr
    assert check_config("--lanes", "0").returncode != 0
    assert check_config("--no-such-flag").returncode != 0
    assert check_config("--config", tmp_path / "missing.toml").returncode != 0


def test_flags_win_over_environment_over_file(programs, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("lanes = 3\n")
    data = tmp_path / "data"
    for options, environment, lanes in (
        (("--config", str(file)), {}, 3),
        (("--config", str(file)), {"REPSCORE_LANES": "2"}, 2),
        (("--config", str(file), "--lanes", "1"), {"REPSCORE_LANES": "2"}, 1),
    ):
        # Devices have lanes of their own.
        options = ("--device", "cpu", *options)
        server = ServerProcess(data, *options, **environment).start()
        try:
            with server.client() as client:
                assert client.info().lanes == lanes
        finally:
            server.stop()


def test_one_server_per_directory(server):
    second = ServerProcess(server.data_dir)
    second.log = server.log.with_suffix(".second.log")

    with pytest.raises(RuntimeError):
        second.start()
    assert server.alive()


def test_sigterm_ends_an_idle_server_cleanly(programs, tmp_path):
    server = ServerProcess(tmp_path / "data").start()
    with server.client() as client:
        client.register("ref", np.arange(10.0))

    start = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - start < 15


def test_everything_registered_is_there_after_a_restart(programs, tmp_path):
    server = ServerProcess(tmp_path / "data").start()
    with server.client() as client:
        dataset = client.register("ref", np.arange(10.0), citation="someone")
        run = client.optimize("ref", "cka", max_steps=3)
        result = run.result()
        assert server.terminate() == 0
        server.start()
        try:
            assert client.dataset("ref") == dataset
            assert list(client.watch(run.name)) == list(result.trace)
        finally:
            server.stop()
