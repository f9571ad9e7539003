"""Scores of activations against a registered dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, overload

from repscore import _arrays, _convert, _folds, _requests
from repscore._connection import Connection
from repscore._folds import Folds
from repscore._requests import DatasetLike, MeasureLike
from repscore.context import Context
from repscore.models import Estimate, Measure
from repscore.scores import Scores, ScoreTable
from repscore.v1 import scoring_pb2, types_pb2

_INLINE_BYTES = 1 << 20
_MOST_LAYERS = 256


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and bool(value)
        and all(isinstance(size, int) for size in value)
    )


class ScoringMethods(Connection):
    """The scoring methods of a client."""

    def measures(self) -> list[Measure]:
        """Every measure of the server with its range, invariances and source."""
        request = scoring_pb2.ListMeasuresRequest()
        reply = self._call(
            lambda: self._scoring.ListMeasures(request, timeout=self._timeout)
        )
        return [_convert.measure(measure) for measure in reply.measures]

    def describe(self, measure: MeasureLike) -> Measure:
        """One measure with the claims that hold for its parameters.

        Args:
            measure: A specification, for instance "ridge_r2(lambda=100)".

        Raises:
            NotFound: There is no such measure.
            InvalidInput: A parameter is unknown or out of range.
        """
        (id,) = _requests.measure_ids(measure)
        request = scoring_pb2.DescribeMeasureRequest(
            measure=types_pb2.MeasureSpec(id=id)
        )
        reply = self._call(
            lambda: self._scoring.DescribeMeasure(request, timeout=self._timeout)
        )
        return _convert.measure(reply.measure)

    def estimate(
        self,
        dataset: DatasetLike,
        activations: Any,
        measures: MeasureLike | Iterable[MeasureLike] = "cka",
        folds: Folds | None = None,
        *,
        context: Context | None = None,
        dtype: Any = "float64",
        device: str = "",
    ) -> Estimate:
        """Time, memory and path of a score before its data are sent.

        Args:
            dataset: The reference.
            activations: An array, or its shape as a tuple of integers:
                (n, p) or (time, condition, p).
            measures: As in `score`.
            folds: As in `score`.
            context: As in `score`.
            dtype: Element type behind a shape; an array has its own.
            device: As in `score`.

        Raises:
            InvalidInput: Row counts differ or a parameter is out of range. A
                score that does not fit is no error here: see `Estimate.fits`.
            NotFound: There is no such dataset or measure.
        """
        if _is_shape(activations):
            spec = _arrays.shape_spec(activations, dtype)
        else:
            spec = _arrays.encode(activations).spec
        ids = _requests.measure_ids(measures)
        lists = _folds.fold_lists(folds, ids, lambda: _arrays.row_count(spec))
        request = scoring_pb2.EstimateScoreRequest(
            dataset=_requests.dataset_name(dataset),
            candidate=spec,
            measures=_folds.measure_specs(ids, lists),
            context=_requests.context_options(context),
            device=device,
        )
        reply = self._call(
            lambda: self._scoring.EstimateScore(request, timeout=self._timeout)
        )
        return _convert.estimate(reply)

    @overload
    def score(
        self,
        dataset: DatasetLike,
        activations: Mapping[str, Any],
        measures: MeasureLike | Iterable[MeasureLike] = ...,
        folds: Folds | None = ...,
        *,
        row_ids: Iterable[Any] | None = ...,
        context: Context | None = ...,
        device: str = ...,
    ) -> ScoreTable: ...

    @overload
    def score(
        self,
        dataset: DatasetLike,
        activations: Any,
        measures: MeasureLike | Iterable[MeasureLike] = ...,
        folds: Folds | None = ...,
        *,
        row_ids: Iterable[Any] | None = ...,
        context: Context | None = ...,
        device: str = ...,
    ) -> Scores: ...

    def score(
        self,
        dataset: DatasetLike,
        activations: Any,
        measures: MeasureLike | Iterable[MeasureLike] = "cka",
        folds: Folds | None = None,
        *,
        row_ids: Iterable[Any] | None = None,
        context: Context | None = None,
        device: str = "",
    ) -> Scores | ScoreTable:
        """Compares activations with a dataset, row by row.

        All measures share one pass over the data; large arrays are scored
        while they arrive.

        Args:
            dataset: The reference.
            activations: [n x p] or [time x condition x p] with the reference's
                rows, n = `Dataset.scored_rows`; or several by name, for
                instance the layers of a model. Up to 1 MiB of them go in one
                call.
            measures: One or several.
            folds: For measures with folds=explicit: the validation rows of
                every fold, or (training, validation) pairs as scikit-learn's
                splitters give them. Only pairs may overlap or leave rows out.
                Rows are those of the dataset, repetitions averaged.
            row_ids: Identity of every row (or condition) of the activations,
                for a dataset that was registered with row ids: rows are put
                into its order, and rows with equal ids averaged. Default: rows
                come in the dataset's order.
            context: Ceiling, interval, chance level, baseline and calibration
                beside every score.
            device: "auto" (default), "cpu" or for instance "cuda:0".

        Returns:
            Scores by measure; for several candidates a table of them by name.

        Raises:
            InvalidInput: Row counts differ, row ids are missing or extra, an
                entry is not finite, the candidate has no variance, or a
                parameter is out of range.
            NotFound: There is no such dataset or measure.
            LimitExceeded: The score needs more memory than a request may take.
        """
        ids = _requests.measure_ids(measures)
        texts = _requests.row_ids(row_ids)
        several = isinstance(activations, Mapping)
        candidates = activations if several else {"": activations}

        def count_rows() -> int:
            if texts or not candidates:
                return self._scored_rows(dataset)
            first = next(iter(candidates.values()))
            return _arrays.row_count(_arrays.encode(first).spec)

        lists = _folds.fold_lists(folds, ids, count_rows)
        header = scoring_pb2.StreamScoreHeader(
            dataset=_requests.dataset_name(dataset),
            measures=_folds.measure_specs(ids, lists),
            context=_requests.context_options(context),
            row_ids=texts,
            device=device,
        )
        if several:
            return self._score_all(header, ids, candidates)
        return self._score(header, ids, _arrays.encode(activations))

    def _score_all(
        self,
        header: scoring_pb2.StreamScoreHeader,
        ids: list[str],
        candidates: Mapping[str, Any],
    ) -> ScoreTable:
        """In one call where they fit into one message, else one by one."""
        table = ScoreTable()
        waiting: dict[str, _arrays.Encoded] | None = {}
        size = 0
        for name, array in candidates.items():
            encoded = _arrays.encode(array)
            if waiting is None:
                table[name] = self._score(header, ids, encoded)
                continue
            waiting[name] = encoded
            size += encoded.size
            if size > _INLINE_BYTES or len(waiting) > _MOST_LAYERS:
                for waited, layer in waiting.items():
                    table[waited] = self._score(header, ids, layer)
                waiting = None
        if waiting:
            request = self._request(header)
            for name, layer in waiting.items():
                request.layers.add(name=str(name), candidate=layer.tensor())
            reply = self._call(
                lambda: self._scoring.Score(request, timeout=self._timeout)
            )
            for name, part in zip(waiting, reply.layers):
                table[name] = _convert.scores(ids, reply, part)
        return table

    def _score(
        self,
        header: scoring_pb2.StreamScoreHeader,
        ids: list[str],
        encoded: _arrays.Encoded,
    ) -> Scores:
        if encoded.size <= _INLINE_BYTES:
            request = self._request(header)
            request.candidate.CopyFrom(encoded.tensor())
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

    @staticmethod
    def _request(header: scoring_pb2.StreamScoreHeader) -> scoring_pb2.ScoreRequest:
        return scoring_pb2.ScoreRequest(
            dataset=header.dataset,
            measures=header.measures,
            context=header.context if header.HasField("context") else None,
            row_ids=header.row_ids,
            device=header.device,
        )
