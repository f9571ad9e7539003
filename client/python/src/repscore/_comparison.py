"""Comparisons without a dataset: two or many systems with each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable, Literal

import numpy as np
import numpy.typing as npt

from repscore import _arrays, _convert, _folds, _requests
from repscore._folds import Folds
from repscore._requests import MeasureLike
from repscore._scoring import ScoringMethods
from repscore.comparisons import Aggregation, Embedding, FrechetMean, Pairwise
from repscore.context import Context
from repscore.errors import ServerError
from repscore.models import Dataset, Measure
from repscore.scores import Scores
from repscore.v1 import comparison_pb2, types_pb2

Progress = Callable[[int, int], None]

_METHODS = {
    "classical": comparison_pb2.MDS_METHOD_CLASSICAL,
    "metric": comparison_pb2.MDS_METHOD_METRIC,
}
_MISSING = {
    "complete_cases": comparison_pb2.MISSING_SCORES_COMPLETE_CASES,
    "ignore": comparison_pb2.MISSING_SCORES_IGNORE,
    "zero": comparison_pb2.MISSING_SCORES_ZERO,
}


def _floats(values: Iterable[float]) -> npt.NDArray[np.float64]:
    return np.array(list(values), dtype=np.float64)


def _indices(values: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.array(list(values), dtype=np.int64)


def _square(values: Iterable[float], side: int) -> npt.NDArray[np.float64]:
    return _floats(values).reshape(side, side)


def _systems(
    systems: Mapping[str, Any], names: Iterable[str]
) -> list[comparison_pb2.System]:
    messages = []
    for name in names:
        rows = systems[name]
        if isinstance(rows, (str, Dataset)):
            dataset = _requests.dataset_name(rows)
            messages.append(comparison_pb2.System(name=name, dataset=dataset))
        else:
            tensor = _arrays.encode(rows).tensor()
            messages.append(comparison_pb2.System(name=name, tensor=tensor))
    return messages


def _known(
    known: Pairwise, names: list[str], measures: Iterable[Measure]
) -> list[comparison_pb2.PairwiseMatrix]:
    """The matrices of systems that were compared before."""
    places = [known.names.index(name) for name in names]
    matrices = []
    for measure in measures:
        try:
            matrix = known[measure.canonical]
        except KeyError as error:
            raise ValueError(f"known: has {error.args[0]}") from None
        values = matrix[np.ix_(places, places)].ravel().tolist()
        matrices.append(
            comparison_pb2.PairwiseMatrix(measure=measure.canonical, values=values)
        )
    return matrices


class ComparisonMethods(ScoringMethods):
    """The scoring methods, and those that need no registered dataset.

    All arrays of a call go in one message, which the server limits
    (`ServerInfo.max_message_bytes`); register larger ones and pass their
    `Dataset` where systems are asked for.
    """

    def compare(
        self,
        candidate: Any,
        reference: Any,
        measures: MeasureLike | Iterable[MeasureLike] = "cka",
        folds: Folds | None = None,
        *,
        context: Context | None = None,
        device: str = "",
    ) -> Scores:
        """Compares two arrays with each other; nothing is stored.

        Args:
            candidate: [n x p] or [time x condition x p].
            reference: [n x q] or [time x condition x q], the same rows.
            measures: One or several.
            folds: As in `score`.
            context: As in `score`; there are no groups and no repetitions.
            device: As in `score`.

        Raises:
            InvalidInput: Row counts differ, an entry is not finite, one side
                has no variance, or a parameter is out of range.
            NotFound: There is no such measure.
            LimitExceeded: Both arrays do not fit into one message.
        """
        ids = _requests.measure_ids(measures)
        sent = _arrays.encode(candidate).tensor()
        lists = _folds.fold_lists(folds, ids, lambda: _arrays.row_count(sent.spec))
        request = comparison_pb2.CompareRequest(
            candidate=sent,
            reference=_arrays.encode(reference).tensor(),
            measures=_folds.measure_specs(ids, lists),
            context=_requests.context_options(context),
            device=device,
        )
        reply = self._call(
            lambda: self._comparison.Compare(request, timeout=self._timeout)
        )
        return Scores(
            _convert.by_measure(ids, reply.scores),
            provenance=_convert.provenance(reply.provenance),
        )

    def pairwise(
        self,
        systems: Mapping[str, Any],
        measures: MeasureLike | Iterable[MeasureLike] = "procrustes.angle",
        *,
        known: Pairwise | None = None,
        progress: Progress | None = None,
        device: str = "",
    ) -> Pairwise:
        """Compares every system with every other.

        Args:
            systems: Two or more by name, all with the same rows: arrays, or
                registered datasets as `Dataset` or name.
            measures: Symmetric ones.
            known: A matrix from before. Its systems that are among `systems`
                come first in the result and are not compared again, as if
                their rows had not changed.
            progress: Called with the pairs done and the pairs in all.
            device: As in `score`.

        Raises:
            InvalidInput: Rows differ, an entry is not finite, or a measure is
                not symmetric.
            NotFound: There is no such dataset or measure.
            ValueError: `known` lacks a measure.
        """
        infos = {id: self.describe(id) for id in _requests.measure_ids(measures)}
        old = [name for name in known.names if name in systems] if known else []
        names = [*old, *(name for name in systems if name not in set(old))]
        request = comparison_pb2.ComparePairwiseRequest(
            systems=_systems(systems, names),
            measures=[types_pb2.MeasureSpec(id=id) for id in infos],
            known_systems=len(old),
            known=_known(known, old, infos.values()) if known and old else (),
            device=device,
        )
        result = self._call(lambda: self._pairwise(request, progress))
        return Pairwise(
            names=tuple(result.names),
            matrices={
                id: _square(matrix.values, len(result.names))
                for id, matrix in zip(infos, result.matrices)
            },
            measures=infos,
            provenance=_convert.provenance(result.provenance),
        )

    def _pairwise(
        self,
        request: comparison_pb2.ComparePairwiseRequest,
        progress: Progress | None,
    ) -> comparison_pb2.PairwiseResult:
        stream: Any = self._comparison.ComparePairwise(request, timeout=self._timeout)
        result: comparison_pb2.PairwiseResult | None = None
        try:
            for event in stream:
                if event.HasField("result"):
                    result = event.result
                elif progress is not None:
                    progress(event.progress.pairs_done, event.progress.pairs_total)
        finally:
            stream.cancel()
        if result is None:
            raise ServerError("the comparison ended without a result")
        return result

    def embed(
        self,
        distances: Any,
        dimensions: int = 2,
        method: Literal["classical", "metric"] = "classical",
        clusters: int = 0,
        neighbors: int = 0,
    ) -> Embedding:
        """Points, clusters and neighbours from a matrix of distances.

        Args:
            distances: [k x k], symmetric, not negative, zero diagonal, for
                instance `Pairwise.distances()`.
            dimensions: Of the points, 1 to k - 1.
            method: "classical" (eigenvectors of the double-centred squares) or
                "metric" (SMACOF on raw stress).
            clusters: k-medoids; 0: none.
            neighbors: Nearest others of every system; 0: none.

        Raises:
            InvalidInput: The matrix is no matrix of distances, or a number is
                out of range.
            ValueError: The array is not square, or there is no such method.
        """
        matrix = np.asarray(distances, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"distances: {matrix.shape} is not square")
        side = len(matrix)
        request = comparison_pb2.EmbedDistancesRequest(
            distances=matrix.ravel().tolist(),
            dimensions=dimensions,
            method=_requests.choose(_METHODS, method, "method"),
            clusters=clusters,
            neighbors=neighbors,
        )
        reply = self._call(
            lambda: self._comparison.EmbedDistances(request, timeout=self._timeout)
        )
        return Embedding(
            points=_floats(reply.points).reshape(side, -1),
            stress=reply.stress,
            distortion=reply.distortion,
            explained=reply.explained,
            non_euclidean=reply.non_euclidean,
            iterations=reply.iterations,
            frechet_medoid=reply.frechet_medoid,
            medoids=_indices(reply.medoids),
            assignment=_indices(reply.assignment),
            silhouette=reply.silhouette if reply.medoids else None,
            nearest=_indices(reply.nearest).reshape(side, neighbors),
        )

    def frechet_mean(
        self,
        systems: Mapping[str, Any],
        *,
        unit_norm: bool = False,
        tolerance: float | None = None,
        max_iterations: int | None = None,
    ) -> FrechetMean:
        """The mean of several systems by generalised Procrustes analysis.

        Args:
            systems: As in `pairwise`.
            unit_norm: Scale every system to unit norm first.
            tolerance: Relative fall of the variance that ends the iteration,
                in [0, 1). Default 1e-9.
            max_iterations: 1 to 100,000. Default 200.

        Raises:
            InvalidInput: Rows differ, an entry is not finite, or a number is
                out of range.
            NotFound: There is no such dataset.
        """
        names = list(systems)
        request = comparison_pb2.ComputeFrechetMeanRequest(
            systems=_systems(systems, names), unit_norm=unit_norm
        )
        if tolerance is not None:
            request.tolerance = tolerance
        if max_iterations is not None:
            request.max_iterations = max_iterations
        reply = self._call(
            lambda: self._comparison.ComputeFrechetMean(request, timeout=self._timeout)
        )
        return FrechetMean(
            mean=_arrays.decode(reply.mean.spec, bytearray(reply.mean.data)),
            distances=dict(zip(names, reply.distances)),
            variance=reply.variance,
            iterations=reply.iterations,
            converged=reply.converged,
        )

    def aggregate(
        self,
        scores: Mapping[str, Mapping[str, float]],
        missing: Literal["complete_cases", "ignore", "zero"] = "complete_cases",
    ) -> Aggregation:
        """One ranking of systems from several measures of each.

        Args:
            scores: Scores by measure for every system: what `score` returns
                for several candidates, or plain dicts. A score that is not
                there, None or NaN is missing.
            missing: What a missing score means. "complete_cases": its system
                is left out; "ignore": means are over the scores there are;
                "zero": it counts as 0,
                which a missing distance cannot.

        Raises:
            InvalidInput: A score is infinite, or there are none.
            NotFound: There is no such measure.
            ValueError: There is no such rule for missing scores.
        """
        systems = list(scores)
        measures = list(dict.fromkeys(id for row in scores.values() for id in row))
        values = [
            np.nan if row.get(id) is None else float(row[id])
            for row in scores.values()
            for id in measures
        ]
        request = comparison_pb2.AggregateScoresRequest(
            systems=systems,
            measures=[_without_folds(id) for id in measures],
            scores=values,
            missing=_requests.choose(_MISSING, missing, "missing"),
        )
        reply = self._call(
            lambda: self._comparison.AggregateScores(request, timeout=self._timeout)
        )
        return Aggregation(
            systems=tuple(systems),
            measures=tuple(measures),
            arithmetic_mean=dict(zip(systems, reply.arithmetic_mean)),
            z_score_mean=dict(zip(systems, reply.z_score_mean)),
            mean_rank=dict(zip(systems, reply.mean_rank)),
            kendall=_square(reply.kendall, len(measures)),
            spearman=_square(reply.spearman, len(measures)),
            systems_left_out=reply.systems_left_out,
        )


def _without_folds(id: str) -> types_pb2.MeasureSpec:
    """The measure, by its bare name where it would need row lists.

    Only its orientation matters, which folds do not change.
    """
    return types_pb2.MeasureSpec(id=id.split("(")[0] if "explicit" in id else id)
