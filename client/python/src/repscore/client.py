"""The client: register reference datasets, score activations, compare, optimise."""

from __future__ import annotations

from collections.abc import Sequence

from repscore import _convert
from repscore._analysis import AnalysisMethods
from repscore._catalog import CatalogMethods
from repscore._comparison import ComparisonMethods
from repscore._optimization import OptimizationMethods
from repscore.models import SelfTest, ServerInfo
from repscore.v1 import admin_pb2


class Client(CatalogMethods, ComparisonMethods, OptimizationMethods, AnalysisMethods):
    """A connection to a repscore server. Thread-safe; a context manager.

    Arguments named `dataset` take an id ("m1": its latest version), a full
    name ("datasets/m1/versions/2") or a `Dataset`. Measures are specifications
    such as "cka" or "ridge_r2(lambda=100,folds=rows_contiguous(5))", or
    `Measure` objects. Arrays are NumPy arrays of any memory order and byte
    order, torch tensors, or anything `numpy.asarray` takes: [n] is one unit,
    [n x p] has samples in rows, and [time x condition x p] folds to rows
    time-major.

    All methods raise a `RepscoreError` when the server refuses or fails, with
    `InvalidInput.field` naming the field at fault.

    Args:
        address: "host:port", "host" (port 50051) or "unix:/path". Default: the
            environment variable REPSCORE_ADDRESS, else localhost:50051.
        tls: None for plain text, True for TLS with the system's root
            certificates, the path of a PEM file with root certificates, or
            `grpc.ChannelCredentials`.
        timeout: Seconds that any one call may take; None for no limit. Streams
            of runs have none.
        retry_for: Seconds of trying again while the server is full or away.
        reconnect_for: Seconds that a run's stream waits for a server that is
            away before it gives up.
    """

    def info(self) -> ServerInfo:
        """Version, devices and limits of the server."""
        request = admin_pb2.GetServerInfoRequest()
        reply = self._call(
            lambda: self._admin.GetServerInfo(request, timeout=self._timeout)
        )
        return _convert.server_info(reply)

    def self_test(self, devices: str | Sequence[str] = ()) -> SelfTest:
        """Computes golden values again on devices of the server.

        A device that gives wrong numbers is part of the result, no exception.

        Args:
            devices: One or several of `info().devices`, such as "cuda:0". Empty:
                all.
        """
        if isinstance(devices, str):
            devices = [devices]
        request = admin_pb2.RunSelfTestRequest(devices=devices)
        reply = self._call(
            lambda: self._admin.RunSelfTest(request, timeout=self._timeout)
        )
        return _convert.self_test(reply)
