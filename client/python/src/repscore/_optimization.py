"""Optimisation runs: start, follow, look up, cancel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt

from repscore import _arrays, _convert_runs, _folds, _requests, _requests_runs
from repscore._connection import Connection
from repscore._folds import Folds
from repscore._requests import DatasetLike, MeasureLike
from repscore._requests_runs import Targets
from repscore.decoding import Decoding
from repscore.errors import ServerError, from_rpc_error
from repscore.optimizers import Grid, Lbfgs, Schedule
from repscore.runs import Run
from repscore.trace import RunArray, RunInfo
from repscore.v1 import runs_pb2, scoring_pb2, types_pb2


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
        restarts: int | None = None,
        learning_rate: float | None = None,
        betas: tuple[float, float] | None = None,
        schedule: Schedule | None = None,
        lbfgs: Lbfgs | bool = False,
        stop_score: float | None = None,
        max_steps: int | None = None,
        max_time: float | None = None,
        plateau: tuple[int, float] | None = None,
        every: int | None = None,
        track: MeasureLike | Iterable[MeasureLike] = (),
        components: int = 0,
        decode: Decoding | bool = False,
        decode_every: int | None = None,
        snapshots: Iterable[float] = (),
        precision: str | None = None,
        folds: Folds | None = None,
        detach: bool = False,
        return_candidate: bool = True,
        device: str = "",
    ) -> Run:
        """Moves a candidate towards a dataset under one measure.

        Iterate over the returned run to see the trace live; with several
        restarts the points of all come interleaved, see `TracePoint.member`.

        Args:
            dataset: The reference.
            measure: What to optimise: scores rise, distances fall.
            seed: Of the standard normal start [n x features].
            start: "surrogate" for Gaussian rows with the reference's spectrum,
                an array to start from, or a registered dataset. (A dataset
                called "surrogate" is "datasets/surrogate" here.)
            features: Columns of the noise; default as many as the reference.
            restarts: Independent random starts that are worked on side by side,
                1 to 256; restart i has the seed `seed` + i. Default 1.
            learning_rate: Adam's step size; default 0.1.
            betas: Adam's decay rates; default (0.9, 0.999).
            schedule: How Adam's step size changes; default: it does not.
            lbfgs: L-BFGS instead of Adam.
            stop_score: Stop when strictly better; default 0.99 for scores. A
                value above 1 never stops.
            max_steps: Default 1000.
            max_time: Seconds of the run's own computation.
            plateau: (steps, rise): stop when the best objective has not risen
                by this much in so many steps.
            every: A point every this many steps; default 1.
            track: Measures to evaluate at every point beside the objective.
            components: Show the R2 of so many leading principal components of
                the reference, and the scores at which they are captured.
            decode: Decode labels from the candidate at trace points; True for
                all labels with the defaults of `Decoding`.
            decode_every: At every this many points, and at the last; default 1.
            snapshots: Keep the candidate as it first passes each of these
                scores; see `RunResult.snapshots` and `run_array`.
            precision: "mixed" (default), "float64", or "mixed_tf32" and
                "mixed_bfloat16", by which NVIDIA GPUs may round the factors of
                products of rows: traces are right to about 1e-5 and 1e-4 then,
                the scores of the result are float64 as always.
            folds: As in `score`.
            detach: Keep the run going when this client goes away.
            return_candidate: Fetch the optimised candidate with the result; of
                several restarts the best one's.
            device: "auto" (default), "cpu" or for instance "cuda:0".

        Raises:
            InvalidInput: A parameter is out of range, the measure has no
                gradient, the start does not have the reference's rows, or a
                label cannot be decoded.
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
            start=_requests_runs.start_point(start, seed, features),
            adam=_requests_runs.adam(learning_rate, betas, schedule),
            stopping=_requests_runs.stopping(
                stop_score=stop_score,
                max_steps=max_steps,
                max_time=max_time,
                plateau=plateau,
            ),
            trace=_requests_runs.trace(
                every,
                _folds.measure_specs(tracked, lists),
                components,
                decode,
                decode_every,
                snapshots,
            ),
            precision=_requests_runs.precision(precision),
            detach=detach,
            return_candidate=return_candidate,
            device=device,
            lbfgs=_requests_runs.lbfgs(lbfgs),
        )
        if restarts is not None:
            request.restarts = restarts
        return self._run(self._scoring.Optimize(request), return_candidate)

    def joint_optimize(
        self,
        dataset: DatasetLike,
        *,
        maximize: MeasureLike | Iterable[MeasureLike] = (),
        targets: Targets | None = None,
        grid: Grid | None = None,
        floors: Mapping[str, float] | None = None,
        weights: Mapping[str, float] | None = None,
        target_loss: str = "absolute",
        moves: str = "candidate",
        seed: int = 0,
        start: Any = None,
        features: int | None = None,
        learning_rate: float | None = None,
        betas: tuple[float, float] | None = None,
        schedule: Schedule | None = None,
        lbfgs: Lbfgs | bool = False,
        goal_tolerance: float | None = None,
        max_steps: int | None = None,
        max_time: float | None = None,
        plateau: tuple[int, float] | None = None,
        every: int | None = None,
        track: MeasureLike | Iterable[MeasureLike] = (),
        components: int = 0,
        decode: Decoding | bool = False,
        decode_every: int | None = None,
        precision: str | None = None,
        folds: Folds | None = None,
        detach: bool = False,
        return_candidate: bool = True,
        device: str = "",
    ) -> Run:
        """Moves a candidate under several goals at once.

        Args:
            dataset: The reference.
            maximize: Measures to make as good as possible.
            targets: Value to reach by measure; or several such mappings of the
                same measures, up to 256, which are walked side by side from the
                same start. Over two measures they make the allowed range of the
                pair, `RunResult.allowed_range`.
            grid: Equally spaced targets instead.
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
            schedule: See `optimize`.
            lbfgs: See `optimize`.
            max_steps: See `optimize`.
            max_time: See `optimize`.
            plateau: See `optimize`.
            every: See `optimize`.
            track: See `optimize`.
            components: See `optimize`.
            decode: See `optimize`.
            decode_every: See `optimize`.
            precision: See `optimize`.
            folds: See `optimize`.
            detach: See `optimize`.
            return_candidate: See `optimize`.
            device: See `optimize`.

        Raises:
            InvalidInput: As `optimize`; when there is no goal, or a target is
                outside of its measure's range.
            ValueError: There are targets and a grid, or targets of different
                measures.
        """
        walk, floors = _requests_runs.walk(targets, grid), floors or {}
        maximized, tracked = (
            _requests.measure_ids(maximize),
            _requests.measure_ids(track),
        )
        lists = _folds.fold_lists(
            folds,
            [*maximized, *walk.measures, *floors, *tracked],
            lambda: self._scored_rows(dataset),
        )
        request = scoring_pb2.JointOptimizeRequest(
            dataset=_requests.dataset_name(dataset),
            terms=_requests_runs.terms(
                _folds.measure_specs(maximized, lists),
                _folds.measure_specs(walk.measures, lists),
                walk.values,
                _folds.measure_specs(floors, lists),
                list(floors.values()),
                weights or {},
                target_loss,
            ),
            moves=_requests_runs.moves(moves),
            start=_requests_runs.start_point(start, seed, features),
            adam=_requests_runs.adam(learning_rate, betas, schedule),
            stopping=_requests_runs.stopping(
                stop_score=None,
                max_steps=max_steps,
                max_time=max_time,
                plateau=plateau,
                goal_tolerance=goal_tolerance,
            ),
            trace=_requests_runs.trace(
                every,
                _folds.measure_specs(tracked, lists),
                components,
                decode,
                decode_every,
            ),
            precision=_requests_runs.precision(precision),
            detach=detach,
            return_candidate=return_candidate,
            device=device,
            lbfgs=_requests_runs.lbfgs(lbfgs),
            targets=walk.targets,
            grid=walk.grid,
        )
        return self._run(
            self._scoring.JointOptimize(request),
            return_candidate,
        )

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
            yield from (_convert_runs.run(run) for run in reply.runs)
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
        return _convert_runs.run(reply.run)

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
        return _convert_runs.run(reply.run)

    def run_array(self, array: RunArray) -> npt.NDArray[np.float64]:
        """A candidate that a run has kept, [n x p].

        Args:
            array: A snapshot, a member of a finished run, or the name of either.

        Raises:
            NotFound: There is no such array.
        """
        name = array if isinstance(array, str) else array.name
        request = runs_pb2.ReadRunArrayRequest(name=name)
        return self._call(lambda: self._read(request))

    def _read(self, request: runs_pb2.ReadRunArrayRequest) -> npt.NDArray[np.float64]:
        spec: types_pb2.TensorSpec | None = None
        data = bytearray()
        for reply in self._runs.ReadRunArray(request, timeout=self._timeout):
            chunk = reply.chunk
            spec = chunk.spec if spec is None else spec
            data[chunk.offset : chunk.offset + len(chunk.data)] = chunk.data
        if spec is None:
            raise ServerError(f"{request.name} came without data")
        return _arrays.decode(spec, data)
