"""StreamScore and registration message by message, cut as a test likes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import grpc
import numpy as np
from server_process import ServerProcess

from repscore import _arrays
from repscore.v1 import (
    analysis_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    scoring_pb2,
    scoring_pb2_grpc,
    types_pb2,
)


def cut(data: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """The data in pieces of these sizes, the rest in the last piece."""
    start = 0
    for size in sizes:
        if start < len(data):
            yield data[start : start + size]
            start += size
    if start < len(data):
        yield data[start:]


def stream_score(
    server: ServerProcess,
    dataset: str,
    array: np.ndarray,
    measures: list[str],
    sizes: Iterable[int],
) -> list[float]:
    """Scores of an array that is sent in chunks of these sizes."""
    encoded = _arrays.encode(array)
    header = scoring_pb2.StreamScoreHeader(
        dataset=f"datasets/{dataset}",
        candidate=encoded.spec,
        measures=[types_pb2.MeasureSpec(id=id) for id in measures],
    )

    def messages() -> Iterator[scoring_pb2.StreamScoreRequest]:
        yield scoring_pb2.StreamScoreRequest(header=header)
        for data in cut(encoded.tensor().data, sizes):
            chunk = scoring_pb2.DataChunk(data=data)
            yield scoring_pb2.StreamScoreRequest(chunk=chunk)

    with grpc.insecure_channel(server.address) as channel:
        stub = scoring_pb2_grpc.ScoringServiceStub(channel)
        return [score.value for score in stub.StreamScore(messages()).scores]


def register_messages(
    name: str,
    data: bytes,
    shape: tuple[int, ...],
    *,
    data_type: int = types_pb2.DATA_TYPE_FLOAT64,
    sha256: str | None = None,
    chunk_bytes: int = 1 << 16,
    labels: Iterable[catalog_pb2.Label] = (),
    calibration: catalog_pb2.CalibrationPlan | None = None,
) -> Iterator[catalog_pb2.RegisterDatasetRequest]:
    """All messages of a registration, right or wrong."""
    digest = hashlib.sha256(data).hexdigest() if sha256 is None else sha256
    spec = types_pb2.TensorSpec(data_type=data_type, shape=shape)
    header = catalog_pb2.RegisterDatasetHeader(
        dataset_id=name,
        spec=spec,
        sha256=digest,
        labels=labels,
        calibration=calibration,
    )
    yield catalog_pb2.RegisterDatasetRequest(header=header)
    for start in range(0, len(data), chunk_bytes):
        chunk = catalog_pb2.DatasetChunk(data=data[start : start + chunk_bytes])
        yield catalog_pb2.RegisterDatasetRequest(chunk=chunk)


def analysis_stub(channel: grpc.Channel) -> analysis_pb2_grpc.AnalysisServiceStub:
    return analysis_pb2_grpc.AnalysisServiceStub(channel)


def catalog_stub(channel: grpc.Channel) -> catalog_pb2_grpc.CatalogServiceStub:
    return catalog_pb2_grpc.CatalogServiceStub(channel)
