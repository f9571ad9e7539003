"""ComparisonService in a few lines: distances between sums of elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from repscore.v1 import comparison_pb2, comparison_pb2_grpc, types_pb2

DTYPES = {
    types_pb2.DATA_TYPE_FLOAT32: "<f4",
    types_pb2.DATA_TYPE_FLOAT64: "<f8",
    types_pb2.DATA_TYPE_FLOAT16: "<f2",
    types_pb2.DATA_TYPE_INT8: "<i1",
    types_pb2.DATA_TYPE_INT16: "<i2",
    types_pb2.DATA_TYPE_INT32: "<i4",
    types_pb2.DATA_TYPE_INT64: "<i8",
    types_pb2.DATA_TYPE_UINT8: "<u1",
    types_pb2.DATA_TYPE_UINT16: "<u2",
    types_pb2.DATA_TYPE_UINT32: "<u4",
    types_pb2.DATA_TYPE_UINT64: "<u8",
    types_pb2.DATA_TYPE_BOOL: "?",
}


def array_of(spec: types_pb2.TensorSpec, data: bytes) -> np.ndarray:
    return np.frombuffer(data, DTYPES[spec.data_type]).reshape(tuple(spec.shape))


class FakeComparison(comparison_pb2_grpc.ComparisonServiceServicer):
    """Remembers requests; a registered dataset has the sum 100."""

    requests: list[Any]

    def _maybe_fail(self, context):
        raise NotImplementedError

    def Compare(self, request, context):
        self.requests.append(request)
        self._maybe_fail(context)
        reply = comparison_pb2.CompareResponse()
        candidate = array_of(request.candidate.spec, request.candidate.data)
        reference = array_of(request.reference.spec, request.reference.data)
        for spec in request.measures:
            value = abs(float(candidate.sum() - reference.sum()))
            reply.scores.add(measure=f"{spec.id}(full=1)", value=value)
        reply.provenance.backend = "cpu"
        return reply

    def _sums(self, systems):
        return np.array(
            [
                array_of(system.tensor.spec, system.tensor.data).sum()
                if system.HasField("tensor")
                else 100.0
                for system in systems
            ]
        )

    def ComparePairwise(self, request, context):
        self.requests.append(request)
        self._maybe_fail(context)
        count = len(request.systems)
        for done in range(1, 4):
            progress = comparison_pb2.PairwiseProgress(pairs_done=done, pairs_total=3)
            yield comparison_pb2.ComparePairwiseResponse(progress=progress)
        if request.systems[0].name == "lost":
            return
        sums = self._sums(request.systems)
        result = comparison_pb2.PairwiseResult(
            names=[system.name for system in request.systems]
        )
        for index, spec in enumerate(request.measures):
            values = np.abs(sums[:, None] - sums[None])
            lead = request.known_systems
            if lead:
                block = np.array(request.known[index].values).reshape(lead, lead)
                values[:lead, :lead] = block
            assert values.size == count**2
            result.matrices.add(measure=f"{spec.id}(full=1)", values=values.ravel())
        yield comparison_pb2.ComparePairwiseResponse(result=result)

    def EmbedDistances(self, request, context):
        self.requests.append(request)
        side = int(len(request.distances) ** 0.5)
        reply = comparison_pb2.EmbedDistancesResponse(
            points=np.arange(side * request.dimensions),
            stress=0.25,
            distortion=1.5,
            explained=0.75,
            frechet_medoid=1,
            nearest=np.arange(side * request.neighbors),
        )
        if request.clusters:
            reply.medoids.extend(range(request.clusters))
            reply.assignment.extend([0] * side)
            reply.silhouette = 0.5
        return reply

    def ComputeFrechetMean(self, request, context):
        self.requests.append(request)
        reply = comparison_pb2.ComputeFrechetMeanResponse(
            distances=self._sums(request.systems),
            variance=2.0,
            iterations=3,
            converged=True,
        )
        reply.mean.spec.data_type = types_pb2.DATA_TYPE_FLOAT64
        reply.mean.spec.shape[:] = [2, 3]
        reply.mean.data = np.arange(6.0).tobytes()
        return reply

    def AggregateScores(self, request, context):
        self.requests.append(request)
        systems, measures = len(request.systems), len(request.measures)
        scores = np.array(request.scores).reshape(systems, measures)
        means = scores.mean(axis=1)
        ranks = np.where(np.isnan(means), np.nan, (-means).argsort().argsort() + 1.0)
        return comparison_pb2.AggregateScoresResponse(
            arithmetic_mean=means,
            z_score_mean=means,
            mean_rank=ranks,
            kendall=np.eye(measures).ravel(),
            spearman=np.eye(measures).ravel(),
            systems_left_out=int(np.isnan(means).sum()),
        )
