"""Optimisation runs: start, follow, look up, cancel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import grpc

from repscore import _convert, _folds, _requests
from repscore._connection import Connection
from repscore._folds import Folds
from repscore._requests import DatasetLike, MeasureLike
from repscore.errors import from_rpc_error
from repscore.runs import Run
from repscore.trace import RunInfo
from repscore.v1 import runs_pb2, scoring_pb2


class OptimizationMethods(Connection):
    """The run methods of a client."""

    def optimize(
        self,
        dataset: DatasetLike,
        measure: MeasureLike,
        *,
        seed: int = 0,
        start: Any = None,
        features: int | None = None,
        learning_rate: float | None = None,
        betas: tuple[float, float] | None = None,
        stop_score: float | None = None,
        max_steps: int | None = None,
        max_time: float | None = None,
        plateau: tuple[int, float] | None = None,
        every: int | None = None,
        track: MeasureLike | Iterable[MeasureLike] = (),
        components: int = 0,
        precision: str | None = None,
        folds: Folds | None = None,
        detach: bool = False,
        return_candidate: bool = True,
    ) -> Run:
        """Moves a candidate towards a dataset under one measure with Adam.

        Iterate over the returned run to see the trace live.

        Args:
            dataset: The reference.
            measure: What to optimise: scores rise, distances fall.
            seed: Of the standard normal start [n x features].
            start: An array to start from instead, or a registered dataset.
            features: Columns of the start; default as many as the reference.
            learning_rate: Adam's step size; default 0.1.
            betas: Adam's decay rates; default (0.9, 0.999).
            stop_score: Stop when strictly better; default 0.99 for scores. A
                value above 1 never stops.
            max_steps: Default 1000.
            max_time: Seconds of the run's own computation.
            plateau: (steps, rise): stop when the best objective has not risen
                by this much in so many steps.
            every: A point every this many steps; default 1.
            track: Measures to evaluate at every point beside the objective.
            components: Show the R2 of so many leading principal components of
                the reference.
            precision: "mixed" (default) or "float64".
            folds: As in `score`.
            detach: Keep the run going when this client goes away.
            return_candidate: Fetch the optimised candidate with the result.

        Raises:
            InvalidInput: A parameter is out of range, or the start does not
                have the reference's rows.
            NotFound: There is no such dataset or measure.
            Busy: Too many runs are waiting.
        """
        ids, tracked = _requests.measure_ids(measure), _requests.measure_ids(track)
        lists = _folds.fold_lists(
            folds, [*ids, *tracked], lambda: self._scored_rows(dataset)
        )
        request = scoring_pb2.OptimizeRequest(
            dataset=_requests.dataset_name(dataset),
            measure=_folds.measure_specs(ids, lists)[0],
            start=_requests.start_point(start, seed, features),
            adam=_requests.adam(learning_rate, betas),
            stopping=_requests.stopping(
                stop_score=stop_score,
                max_steps=max_steps,
                max_time=max_time,
                plateau=plateau,
            ),
            trace=_requests.trace(
                every, _folds.measure_specs(tracked, lists), components
            ),
            precision=_requests.precision(precision),
            detach=detach,
            return_candidate=return_candidate,
        )
        return self._run(self._scoring.Optimize(request), return_candidate)

    def joint_optimize(
        self,
        dataset: DatasetLike,
        *,
        maximize: MeasureLike | Iterable[MeasureLike] = (),
        targets: Mapping[str, float] | None = None,
        floors: Mapping[str, float] | None = None,
        weights: Mapping[str, float] | None = None,
        target_loss: str = "absolute",
        moves: str = "candidate",
        seed: int = 0,
        start: Any = None,
        features: int | None = None,
        learning_rate: float | None = None,
        betas: tuple[float, float] | None = None,
        goal_tolerance: float | None = None,
        max_steps: int | None = None,
        max_time: float | None = None,
        plateau: tuple[int, float] | None = None,
        every: int | None = None,
        track: MeasureLike | Iterable[MeasureLike] = (),
        components: int = 0,
        precision: str | None = None,
        folds: Folds | None = None,
        detach: bool = False,
        return_candidate: bool = True,
    ) -> Run:
        """Moves a candidate under several goals at once.

        Args:
            dataset: The reference.
            maximize: Measures to make as good as possible.
            targets: Value to reach by measure.
            floors: Value to stay above by measure.
            weights: Weight by measure; default 1.
            target_loss: "absolute" or "squared" distance from targets.
            moves: "candidate", or "both" to move a copy of the reference too.
            goal_tolerance: Stop when every goal holds within this.
            seed: As in `optimize`, and so are all others.
            start: See `optimize`.
            features: See `optimize`.
            learning_rate: See `optimize`.
            betas: See `optimize`.
            max_steps: See `optimize`.
            max_time: See `optimize`.
            plateau: See `optimize`.
            every: See `optimize`.
            track: See `optimize`.
            components: See `optimize`.
            precision: See `optimize`.
            folds: See `optimize`.
            detach: See `optimize`.
            return_candidate: See `optimize`.

        Raises:
            InvalidInput: As `optimize`; and when there is no goal.
        """
        targets, floors = targets or {}, floors or {}
        maximized, tracked = (
            _requests.measure_ids(maximize),
            _requests.measure_ids(track),
        )
        lists = _folds.fold_lists(
            folds,
            [*maximized, *targets, *floors, *tracked],
            lambda: self._scored_rows(dataset),
        )
        request = scoring_pb2.JointOptimizeRequest(
            dataset=_requests.dataset_name(dataset),
            terms=_requests.terms(
                _folds.measure_specs(maximized, lists),
                _folds.measure_specs(targets, lists),
                list(targets.values()),
                _folds.measure_specs(floors, lists),
                list(floors.values()),
                weights or {},
                target_loss,
            ),
            moves=_requests.moves(moves),
            start=_requests.start_point(start, seed, features),
            adam=_requests.adam(learning_rate, betas),
            stopping=_requests.stopping(
                stop_score=None,
                max_steps=max_steps,
                max_time=max_time,
                plateau=plateau,
                goal_tolerance=goal_tolerance,
            ),
            trace=_requests.trace(
                every, _folds.measure_specs(tracked, lists), components
            ),
            precision=_requests.precision(precision),
            detach=detach,
            return_candidate=return_candidate,
        )
        return self._run(self._scoring.JointOptimize(request), return_candidate)

    def _run(
        self,
        call: Any,
        return_candidate: bool,
        after: int = 0,
        started: runs_pb2.RunEvent | None = None,
    ) -> Run:
        return Run(
            self._runs,
            call,
            return_candidate=return_candidate,
            reconnect_for=self._reconnect_for,
            after=after,
            started=started,
        )

    def runs(self) -> Iterator[RunInfo]:
        """All stored runs, newest first, fetched as you go."""
        request = runs_pb2.ListRunsRequest(page_size=50)
        while True:
            reply = self._call(
                lambda: self._runs.ListRuns(request, timeout=self._timeout)
            )
            yield from (_convert.run(run) for run in reply.runs)
            if not reply.next_page_token:
                return
            request.page_token = reply.next_page_token

    def run(self, run: str | Run | RunInfo) -> RunInfo:
        """One stored run as it is now.

        Raises:
            NotFound: There is no such run.
        """
        request = runs_pb2.GetRunRequest(name=_requests.run_name(run))
        reply = self._call(lambda: self._runs.GetRun(request, timeout=self._timeout))
        return _convert.run(reply.run)

    def watch(
        self,
        run: str | Run | RunInfo,
        after: int = 0,
        *,
        return_candidate: bool = True,
    ) -> Run:
        """Follows a stored run, past and live. Closing it leaves the run alone.

        Args:
            run: Its name.
            after: Show points with a larger `TracePoint.sequence` only.
            return_candidate: Fetch the optimised candidate with the result.

        Raises:
            NotFound: There is no such run.
        """
        request = runs_pb2.WatchRunRequest(
            name=_requests.run_name(run), return_candidate=return_candidate
        )
        call = self._runs.WatchRun(request)
        if after <= 0:
            return self._run(call, return_candidate)
        try:
            started = next(iter(call)).event
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        finally:
            call.cancel()
        request.after_sequence = after
        call = self._runs.WatchRun(request)
        return self._run(call, return_candidate, after, started)

    def cancel(self, run: str | Run | RunInfo) -> RunInfo:
        """Stops a run within one step. A finished run is left as it is.

        Raises:
            NotFound: There is no such run.
        """
        request = runs_pb2.CancelRunRequest(name=_requests.run_name(run))
        reply = self._call(lambda: self._runs.CancelRun(request, timeout=self._timeout))
        return _convert.run(reply.run)
