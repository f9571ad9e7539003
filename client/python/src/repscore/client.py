"""The client: register reference datasets, score activations, optimise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, overload

from repscore import _arrays, _convert, _requests
from repscore._catalog import CatalogMethods
from repscore._optimization import OptimizationMethods
from repscore._requests import DatasetLike, Folds, MeasureLike
from repscore.models import Measure, Scores, ScoreTable, ServerInfo
from repscore.v1 import admin_pb2, scoring_pb2

_INLINE_BYTES = 1 << 20


class Client(CatalogMethods, OptimizationMethods):
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

    def measures(self) -> list[Measure]:
        """Every measure of the server with its range, invariances and source."""
        request = scoring_pb2.ListMeasuresRequest()
        reply = self._call(
            lambda: self._scoring.ListMeasures(request, timeout=self._timeout)
        )
        return [_convert.measure(measure) for measure in reply.measures]

    @overload
    def score(
        self,
        dataset: DatasetLike,
        activations: Mapping[str, Any],
        measures: MeasureLike | Iterable[MeasureLike] = ...,
        folds: Folds | None = ...,
    ) -> ScoreTable: ...

    @overload
    def score(
        self,
        dataset: DatasetLike,
        activations: Any,
        measures: MeasureLike | Iterable[MeasureLike] = ...,
        folds: Folds | None = ...,
    ) -> Scores: ...

    def score(
        self,
        dataset: DatasetLike,
        activations: Any,
        measures: MeasureLike | Iterable[MeasureLike] = "cka",
        folds: Folds | None = None,
    ) -> Scores | ScoreTable:
        """Compares activations with a dataset, row by row.

        All measures share one pass over the data; large arrays are scored
        while they arrive.

        Args:
            dataset: The reference.
            activations: [n x p] or [time x condition x p] with the reference's
                rows; or several by name.
            measures: One or several.
            folds: For measures with folds=explicit: the validation rows of
                every fold, or (training, validation) pairs as scikit-learn's
                splitters give them.

        Returns:
            Scores by measure; for several candidates a dict of them by name.

        Raises:
            InvalidInput: Row counts differ, an entry is not finite, the
                candidate has no variance, or a parameter is out of range.
            NotFound: There is no such dataset or measure.
        """
        ids = _requests.measure_ids(measures)
        rows = _requests.fold_rows(folds, ids)
        header = scoring_pb2.StreamScoreHeader(
            dataset=_requests.dataset_name(dataset),
            measures=_requests.measure_specs(ids, rows),
        )
        if isinstance(activations, Mapping):
            return ScoreTable(
                {
                    name: self._score(header, ids, array)
                    for name, array in activations.items()
                }
            )
        return self._score(header, ids, activations)

    def _score(
        self, header: scoring_pb2.StreamScoreHeader, ids: list[str], array: Any
    ) -> Scores:
        encoded = _arrays.encode(array)
        if encoded.size <= _INLINE_BYTES:
            request = scoring_pb2.ScoreRequest(
                dataset=header.dataset,
                candidate=encoded.tensor(),
                measures=header.measures,
            )
            reply = self._call(
                lambda: self._scoring.Score(request, timeout=self._timeout)
            )
            return _convert.scores(ids, reply)
        header.candidate.CopyFrom(encoded.spec)
        streamed = self._call(
            lambda: self._scoring.StreamScore(
                _requests.score_stream(header, encoded), timeout=self._timeout
            )
        )
        return _convert.scores(ids, streamed)
