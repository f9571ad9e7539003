"""A connection to a server, with what all its methods share."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Callable, TypeVar

import grpc

from repscore import _channel, _requests
from repscore._requests import DatasetLike
from repscore.errors import Busy, Unavailable, from_rpc_error
from repscore.models import Dataset
from repscore.v1 import (
    admin_pb2_grpc,
    analysis_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    comparison_pb2_grpc,
    runs_pb2_grpc,
    scoring_pb2_grpc,
)

_T = TypeVar("_T")
_Self = TypeVar("_Self", bound="Connection")


class Connection:
    """A channel, its stubs and its rule for trying again.

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

    def __init__(
        self,
        address: str | None = None,
        *,
        tls: _channel.Tls = None,
        timeout: float | None = None,
        retry_for: float = 5.0,
        reconnect_for: float = 60.0,
    ) -> None:
        self.address = _channel.normalise(address)
        self._channel = _channel.connect(self.address, tls)
        self._timeout = timeout
        self._retry_for = retry_for
        self._reconnect_for = reconnect_for
        self._scoring = scoring_pb2_grpc.ScoringServiceStub(self._channel)
        self._comparison = comparison_pb2_grpc.ComparisonServiceStub(self._channel)
        self._catalog = catalog_pb2_grpc.CatalogServiceStub(self._channel)
        self._analysis = analysis_pb2_grpc.AnalysisServiceStub(self._channel)
        self._runs = runs_pb2_grpc.RunsServiceStub(self._channel)
        self._admin = admin_pb2_grpc.AdminServiceStub(self._channel)

    def close(self) -> None:
        """Closes the connection; open runs without `detach` are cancelled."""
        self._channel.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r})"

    def _call(self, attempt: Callable[[], _T]) -> _T:
        """Calls until it works, it fails for good, or `retry_for` is over."""
        give_up = time.monotonic() + self._retry_for
        delay = 0.1
        while True:
            try:
                return attempt()
            except grpc.RpcError as error:
                failure = from_rpc_error(error)
            wait = failure.retry_after or delay
            if (
                not isinstance(failure, (Busy, Unavailable))
                or time.monotonic() + wait > give_up
            ):
                raise failure
            time.sleep(wait)
            delay = min(2 * delay, 2.0)

    def _scored_rows(self, dataset: DatasetLike) -> int:
        """Rows of a dataset that are compared; asks the server for a name's."""
        if isinstance(dataset, Dataset):
            return dataset.scored_rows or dataset.rows
        request = catalog_pb2.GetDatasetRequest(name=_requests.dataset_name(dataset))
        found = self._call(
            lambda: self._catalog.GetDataset(request, timeout=self._timeout)
        ).dataset
        return found.scored_rows or found.rows
