"""The gRPC channel under a client."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Union

import grpc

Tls = Union[None, bool, str, "os.PathLike[str]", grpc.ChannelCredentials]

DEFAULT_ADDRESS = "localhost:50051"
_DEFAULT_PORT = 50051
_LOCAL = ("localhost", "127.", "[::1]", "unix:")
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


def normalise(address: str | None) -> str:
    """The address with its port; the environment's, then the default one."""
    address = address or os.environ.get("REPSCORE_ADDRESS") or DEFAULT_ADDRESS
    if address.startswith("unix:") or "://" in address:
        return address
    host, colon, port = address.rpartition(":")
    has_port = bool(colon) and port.isdigit() and not host.endswith(":")
    return address if has_port else f"{address}:{_DEFAULT_PORT}"


def connect(address: str, tls: Tls) -> grpc.Channel:
    """Opens a channel; it connects at the first call.

    Loopback addresses never go through an HTTP proxy of the environment.
    """
    options = [*_OPTIONS, ("grpc.enable_http_proxy", int(not is_local(address)))]
    if tls is None or tls is False:
        return grpc.insecure_channel(address, options=options)
    if tls is True:
        credentials = grpc.ssl_channel_credentials()
    elif isinstance(tls, grpc.ChannelCredentials):
        credentials = tls
    else:
        roots = Path(os.fspath(tls)).read_bytes()
        credentials = grpc.ssl_channel_credentials(root_certificates=roots)
    return grpc.secure_channel(address, credentials, options=options)


def is_local(address: str) -> bool:
    """The server is on this machine."""
    return address.startswith(_LOCAL)
