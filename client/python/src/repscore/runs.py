"""A live optimisation run: iterate over its trace, then ask for the result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import grpc

from repscore import _arrays, _convert, _convert_calibration, _convert_runs
from repscore.decoding import DecodedLabel
from repscore.errors import RepscoreError, Unavailable, from_rpc_error, run_failed
from repscore.scores import Provenance
from repscore.trace import MemberStart, RunInfo, RunResult, Snapshot, TracePoint
from repscore.v1 import runs_pb2, runs_pb2_grpc, types_pb2

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 2.0


class Run:
    """A run on the server, seen as an iterable of `TracePoint`.

    Each point is delivered once, in order. A stream lost to a restart of the
    server or to the network is taken up again after the last point. Leaving
    the loop early loses nothing: iterate again, or call `result`.

    A run that was started without `detach` ends when this object is closed or
    forgotten before the end. Not thread-safe.

    Attributes:
        name: "runs/{id}", for `Client.watch` from anywhere.
        info: The run as of its start.
        measures: Canonical specifications of the objective.
        tracked: Canonical specifications of the tracked measures.
        labels: Labels that are decoded along the way, by name.
        variance_shares: Of every component in `TracePoint.component_r2`.
        members: What distinguishes restarts or targets; one for a plain run.
        provenance: What the run computes from and with.
    """

    def __init__(
        self,
        stub: runs_pb2_grpc.RunsServiceStub,
        call: Any,
        *,
        return_candidate: bool,
        reconnect_for: float,
        after: int = 0,
        started: runs_pb2.RunEvent | None = None,
    ) -> None:
        self._stub = stub
        self._call = call
        self._return_candidate = return_candidate
        self._reconnect_for = reconnect_for
        self._sequence = after
        self._points: list[TracePoint] = []
        self._snapshots: list[Snapshot] = []
        self._candidate = bytearray()
        self._candidate_spec: types_pb2.TensorSpec | None = None
        self._result: RunResult | None = None
        self.name = ""
        self.measures: tuple[str, ...] = ()
        self.tracked: tuple[str, ...] = ()
        first = started or self._next_event()
        self.name = first.run or first.started.run.name
        self.info: RunInfo = _convert_runs.run(first.started.run)
        self.measures = tuple(first.started.run.measures)
        self.tracked = tuple(first.started.tracked)
        self.labels: dict[str, DecodedLabel] = {
            label.label: _convert_calibration.decoded_label(label)
            for label in first.started.labels
        }
        self.variance_shares = tuple(first.started.variance_shares)
        self.members: tuple[MemberStart, ...] = tuple(
            _convert_runs.member_start(member) for member in first.started.members
        )
        self.provenance: Provenance = _convert.provenance(first.started.provenance)

    @property
    def trace(self) -> tuple[TracePoint, ...]:
        """All points received so far."""
        return tuple(self._points)

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Snapshots received so far; `Client.run_array` fetches them."""
        return tuple(self._snapshots)

    @property
    def sequence(self) -> int:
        """Number of the last event received."""
        return self._sequence

    def __iter__(self) -> Iterator[TracePoint]:
        """Points not delivered yet, as they come.

        Raises:
            RunFailed: The run ended with an error.
            Unavailable: The server did not come back in time.
        """
        while self._result is None:
            event = self._next_event()
            kind = event.WhichOneof("event")
            if kind == "point":
                point = _convert_runs.trace_point(
                    event.point,
                    event.sequence,
                    self.measures,
                    self.tracked,
                    tuple(self.labels),
                )
                self._points.append(point)
                yield point
            elif kind == "candidate_chunk":
                self._store(event.candidate_chunk)
            elif kind == "snapshot":
                self._snapshots.append(_convert_runs.snapshot(event.snapshot))
            elif kind == "result":
                self._finish(event.result)

    def result(self) -> RunResult:
        """Waits for the end: final scores, stop reason, optimised candidate.

        Raises:
            RunFailed: The run ended with an error.
            Unavailable: The server did not come back in time.
        """
        for _ in self:
            pass
        assert self._result is not None
        return self._result

    def cancel(self) -> None:
        """Stops the run within one step; the trace then ends with its result."""
        try:
            self._stub.CancelRun(runs_pb2.CancelRunRequest(name=self.name))
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    def close(self) -> None:
        """Lets go of the stream. A run without `detach` is cancelled by it."""
        self._call.cancel()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = self._result.stop_reason if self._result else "not finished"
        return f"<Run {self.name}: {len(self._points)} points, {state}>"

    def _next_event(self) -> runs_pb2.RunEvent:
        """The next event with a new sequence number, over lost streams."""
        lost_at: float | None = None
        delay = _FIRST_DELAY
        while True:
            try:
                event: runs_pb2.RunEvent = next(self._call).event
            except StopIteration:
                failure: RepscoreError = Unavailable("the stream ended early")
            except grpc.RpcError as error:
                failure = from_rpc_error(error)
            else:
                lost_at, delay = None, _FIRST_DELAY
                if event.WhichOneof("event") == "candidate_chunk":
                    return event
                if event.sequence > self._sequence:
                    self._sequence = event.sequence
                    return event
                continue
            lost_at = time.monotonic() if lost_at is None else lost_at
            elapsed = time.monotonic() - lost_at
            if (
                not self.name
                or not isinstance(failure, Unavailable)
                or elapsed + delay > self._reconnect_for
            ):
                raise failure from None
            time.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY)
            self._attach()

    def _attach(self) -> None:
        self._candidate = bytearray()
        self._call = self._stub.WatchRun(
            runs_pb2.WatchRunRequest(
                name=self.name,
                after_sequence=self._sequence,
                return_candidate=self._return_candidate,
            )
        )

    def _store(self, chunk: runs_pb2.CandidateChunk) -> None:
        self._candidate_spec = chunk.spec
        self._candidate[chunk.offset : chunk.offset + len(chunk.data)] = chunk.data

    def _finish(self, message: runs_pb2.RunResult) -> None:
        run = _convert_runs.run(message.run)
        if run.state == "failed":
            raise run_failed(run.name, message.run.error)
        candidate = None
        if self._candidate and self._candidate_spec is not None:
            candidate = _arrays.decode(self._candidate_spec, self._candidate)
        self._result = RunResult(
            run=run,
            scores=_convert_runs.named_scores(message.scores, self.provenance),
            verdicts=_convert_runs.verdicts(message.verdicts),
            candidate=candidate,
            candidate_digest=message.candidate_digest,
            trace=tuple(self._points),
            members=tuple(
                _convert_runs.member_result(member, self.provenance)
                for member in message.members
            ),
            best_member=message.best_member,
            snapshots=tuple(self._snapshots),
            allowed_range=(
                _convert_runs.allowed_range(message.allowed_range)
                if message.HasField("allowed_range")
                else None
            ),
        )
