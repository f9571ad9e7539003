"""A repscore server of a few lines: remembers requests, plays scripted replies."""

from __future__ import annotations

import hashlib
import math
from concurrent import futures
from typing import Any

import grpc
import numpy as np
from fake_analysis import FakeAnalysis, label, reading, thresholds
from fake_comparison import FakeComparison, array_of
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from repscore.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    analysis_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    comparison_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
    scoring_pb2,
    scoring_pb2_grpc,
    types_pb2,
)


def status_of(
    code: grpc.StatusCode,
    message: str,
    *,
    reason: str = "",
    field: str = "",
    retry_after: float | None = None,
) -> status_pb2.Status:
    """A status with google.rpc details."""
    details = []
    if reason:
        details.append(error_details_pb2.ErrorInfo(reason=reason, domain="repscore"))
    if field:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=field, description=message
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if retry_after is not None:
        nanos = int(retry_after * 1e9)
        details.append(error_details_pb2.RetryInfo(retry_delay=Duration(nanos=nanos)))
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def fail(
    context: grpc.ServicerContext, code: grpc.StatusCode, message: str, **details: Any
) -> None:
    """Ends the call with google.rpc details, as repscored does."""
    status = status_of(code, message, **details)
    context.set_trailing_metadata(
        (("grpc-status-details-bin", status.SerializeToString()),)
    )
    context.abort(code, message)


class FakeServer(
    FakeAnalysis,
    FakeComparison,
    admin_pb2_grpc.AdminServiceServicer,
    catalog_pb2_grpc.CatalogServiceServicer,
    runs_pb2_grpc.RunsServiceServicer,
    scoring_pb2_grpc.ScoringServiceServicer,
):
    """Scores a candidate by the sum of its elements plus the measure's index."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.arrays: list[np.ndarray] = []
        self.datasets: dict[str, catalog_pb2.Dataset] = {}
        self.failures: list[dict[str, Any]] = []
        self.points = 5
        self.members = 1
        self.measures = ["cka(full=1)"]
        self.snapshots: list[float] = []
        self.lose_stream_after: list[int] = []
        self.fail_run = ""
        self.allowed_range: runs_pb2.AllowedRange | None = None
        self.cancelled = False
        self.candidate = np.arange(6.0).reshape(3, 2)
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        admin_pb2_grpc.add_AdminServiceServicer_to_server(self, self._server)
        analysis_pb2_grpc.add_AnalysisServiceServicer_to_server(self, self._server)
        catalog_pb2_grpc.add_CatalogServiceServicer_to_server(self, self._server)
        comparison_pb2_grpc.add_ComparisonServiceServicer_to_server(self, self._server)
        runs_pb2_grpc.add_RunsServiceServicer_to_server(self, self._server)
        scoring_pb2_grpc.add_ScoringServiceServicer_to_server(self, self._server)
        self.address = f"localhost:{self._server.add_insecure_port('localhost:0')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=None)

    def _maybe_fail(self, context: grpc.ServicerContext) -> None:
        if self.failures:
            fail(context, **self.failures.pop(0))

    # AdminService

    def GetServerInfo(self, request, context):
        self._maybe_fail(context)
        return admin_pb2.GetServerInfoResponse(
            version="9", devices=["cpu"], lanes=2, max_message_bytes=8 << 20
        )

    def RunSelfTest(self, request, context):
        self.requests.append(request)
        self._maybe_fail(context)
        right = admin_pb2.SelfTestCheck(
            measure="cka", passed=True, expected=0.5, actual=0.5, tolerance=1e-12
        )
        undefined = admin_pb2.SelfTestCheck(
            measure="nbs", step=5, expected=0.5, tolerance=1e-12, error="NaN"
        )
        return admin_pb2.RunSelfTestResponse(
            devices=[
                admin_pb2.DeviceSelfTest(device="cpu", passed=True, checks=[right]),
                admin_pb2.DeviceSelfTest(device="cuda:0", checks=[right, undefined]),
                admin_pb2.DeviceSelfTest(device="cuda:1", error="is lost"),
            ]
        )

    # CatalogService

    def RegisterDataset(self, request_iterator, context):
        messages = list(request_iterator)
        header = messages[0].header
        data = b"".join(message.chunk.data for message in messages[1:])
        self.requests.append(header)
        self._maybe_fail(context)
        if hashlib.sha256(data).hexdigest() != header.sha256:
            fail(context, grpc.StatusCode.DATA_LOSS, "checksum", field="header.sha256")
        self.arrays.append(array_of(header.spec, data))
        known = header.dataset_id in self.datasets
        dataset = catalog_pb2.Dataset(
            name=f"datasets/{header.dataset_id}/versions/1",
            version=1,
            digest="d" * 64,
            spec=header.spec,
            axes=header.axes,
            labels=header.labels,
            groups=header.groups,
            metadata=header.metadata,
            rows=math.prod(header.spec.shape[:-1]),
            features=header.spec.shape[-1],
            row_ids=header.row_ids,
            scored_rows=len(set(header.row_ids)) or header.spec.shape[0],
        )
        dataset.create_time.FromSeconds(1_700_000_000)
        self.datasets[header.dataset_id] = dataset
        return catalog_pb2.RegisterDatasetResponse(
            dataset=dataset, already_registered=known
        )

    def ListDatasets(self, request, context):
        names = sorted(self.datasets)
        start = int(request.page_token or 0)
        return catalog_pb2.ListDatasetsResponse(
            datasets=[self.datasets[name] for name in names[start : start + 2]],
            next_page_token=str(start + 2) if start + 2 < len(names) else "",
        )

    def GetDataset(self, request, context):
        key = request.name.split("/")[1]
        if key not in self.datasets:
            fail(
                context,
                grpc.StatusCode.NOT_FOUND,
                f"no {request.name}",
                reason="DATASET_NOT_FOUND",
            )
        return catalog_pb2.GetDatasetResponse(dataset=self.datasets[key])

    def DeleteDataset(self, request, context):
        self.datasets.pop(request.name.split("/")[1])
        return catalog_pb2.DeleteDatasetResponse()

    # ScoringService

    def _add_scores(self, scores, request, array):
        self.arrays.append(array)
        for index, spec in enumerate(request.measures):
            score = scores.add(
                measure=f"{spec.id}(full=1)",
                value=float(array.astype(float).sum()) + index,
                space="feature",
            )
            if index == 1:
                score.warnings.add(reason="SATURATED", message="n <= p")
            if request.HasField("context"):
                self._add_context(score, request.context)

    def _add_context(self, score, options):
        score.error = 0.125
        context = score.context
        if options.ceiling_splits:
            context.ceiling.value = 0.5
            context.ceiling.splits = options.ceiling_splits
            context.ceiling.error_reason = "one split"
        if options.HasField("supplied_ceiling"):
            context.ceiling.value = options.supplied_ceiling
            context.ceiling.supplied = True
            context.ceiled = 1.0
            context.unclipped = score.value / options.supplied_ceiling
        if options.bootstrap_draws:
            context.interval.lower = score.value - 1
            context.interval.upper = score.value + 1
            context.interval.confidence = options.confidence
            context.interval.draws = options.bootstrap_draws
            context.interval.unit = options.bootstrap_group or "condition"
        if options.permutations:
            context.null_distribution.mean = 0.25
            context.null_distribution.standard_deviation = 0.0625
            context.null_distribution.p_value = 0.01
            context.null_distribution.permutations = options.permutations
        if options.baseline:
            context.notes.add(reason="NO_CONDITIONS", message="no condition axis")
        if options.companion:
            context.companion.measure = "cka.debiased"
            context.companion.value = 0.0
        if options.calibration:
            context.calibration.CopyFrom(reading())

    def _scores(self, reply, request, array):
        self.requests.append(request)
        self._add_scores(reply.scores, request, array)
        return self._summarised(reply, request, array)

    def _summarised(self, reply, request, array):
        reply.provenance.dataset_version = request.dataset + "/versions/1"
        reply.provenance.precision = types_pb2.PRECISION_FLOAT64
        reply.candidate.rows = array.shape[0]
        reply.reference.features = 7
        return reply

    def Score(self, request, context):
        self._maybe_fail(context)
        if not request.layers:
            array = array_of(request.candidate.spec, request.candidate.data)
            return self._scores(scoring_pb2.ScoreResponse(), request, array)
        self.requests.append(request)
        reply = scoring_pb2.ScoreResponse()
        for layer in request.layers:
            array = array_of(layer.candidate.spec, layer.candidate.data)
            part = reply.layers.add(name=layer.name)
            part.candidate.rows = array.shape[0]
            self._add_scores(part.scores, request, array)
        self._summarised(reply, request, array)
        reply.ClearField("candidate")
        return reply

    def StreamScore(self, request_iterator, context):
        messages = list(request_iterator)
        self._maybe_fail(context)
        header = messages[0].header
        data = b"".join(message.chunk.data for message in messages[1:])
        array = array_of(header.candidate, data)
        return self._scores(scoring_pb2.StreamScoreResponse(), header, array)

    def _description(self, id):
        kind = scoring_pb2.ORIENTATION_SCORE
        if id in ("cka.angular", "procrustes.angle"):
            kind = scoring_pb2.ORIENTATION_DISTANCE
        return scoring_pb2.MeasureDescription(
            id=id,
            canonical=f"{id}(full=1)",
            orientation=kind,
            highest=1,
            invariances=["orthogonal"],
            parameters=[scoring_pb2.MeasureParameter(name="lambda")],
            minimum_rows=3,
            exact_at_equality=True,
            cost="n p q",
            known_as=["package: name"],
            examples=[f"{id}(lambda=2)"],
        )

    def ListMeasures(self, request, context):
        return scoring_pb2.ListMeasuresResponse(measures=[self._description("cka")])

    def DescribeMeasure(self, request, context):
        return scoring_pb2.DescribeMeasureResponse(
            measure=self._description(request.measure.id)
        )

    def EstimateScore(self, request, context):
        self.requests.append(request)
        reply = scoring_pb2.EstimateScoreResponse(
            space="sample",
            peak_bytes=3 << 20,
            limit_bytes=2 << 20,
            flops=1e9,
            duration=Duration(seconds=1, nanos=500_000_000),
            device=request.device,
        )
        reply.memory.add(what="kernel n x n", bytes=3 << 20)
        return reply

    def Optimize(self, request, context):
        self.requests.append(request)
        self._maybe_fail(context)
        for event in self._events(0, request.return_candidate, context):
            yield scoring_pb2.OptimizeResponse(event=event)

    def JointOptimize(self, request, context):
        self.requests.append(request)
        self._maybe_fail(context)
        self.measures = [f"{term.measure.id}(full=1)" for term in request.terms]
        for event in self._events(0, request.return_candidate, context):
            yield scoring_pb2.JointOptimizeResponse(event=event)
        self.measures = ["cka(full=1)"]

    # RunsService

    def run(self) -> runs_pb2.Run:
        return runs_pb2.Run(
            name="runs/r1",
            kind=runs_pb2.RUN_KIND_OPTIMIZE,
            state=runs_pb2.RUN_STATE_RUNNING,
            measures=self.measures,
            seed=7,
            members=self.members,
        )

    def _events(self, after, return_candidate, context):
        lose_after = self.lose_stream_after.pop(0) if self.lose_stream_after else None
        started = runs_pb2.RunStarted(
            run=self.run(),
            tracked=["nbs"],
            labels=[label()],
            variance_shares=[0.75, 0.25],
            members=[
                runs_pb2.MemberStart(seed=7 + member, targets=[0.5])
                for member in range(self.members)
            ],
        )
        events = [runs_pb2.RunEvent(run="runs/r1", sequence=1, started=started)]
        for place in range(self.points * self.members):
            step, member = divmod(place, self.members)
            point = runs_pb2.TracePoint(
                step=step,
                scores=[step / 10] * len(self.measures),
                tracked=[step / 5],
                component_r2=[1, 0.5],
                member=member,
                decoding=[] if step % 2 else [step / 4],
            )
            events.append(
                runs_pb2.RunEvent(run="runs/r1", sequence=2 + place, point=point)
            )
        last = 2 + self.points * self.members
        for threshold in self.snapshots:
            snapshot = runs_pb2.Snapshot(
                threshold=threshold,
                score=threshold + 0.125,
                step=3,
                candidate=types_pb2.TensorSpec(shape=self.candidate.shape),
                candidate_digest="abc",
                name=f"runs/r1/members/0/snapshots/{threshold}",
            )
            events.append(
                runs_pb2.RunEvent(run="runs/r1", sequence=last, snapshot=snapshot)
            )
            last += 1
        if return_candidate:
            for chunk in self._chunks():
                events.append(runs_pb2.RunEvent(sequence=last, candidate_chunk=chunk))
        result = runs_pb2.RunResult(run=self.run(), candidate_digest="abc")
        result.run.state = runs_pb2.RUN_STATE_SUCCEEDED
        result.run.stop_reason = runs_pb2.STOP_REASON_SCORE_REACHED
        result.run.step = self.points - 1
        result.scores.add(measure="cka(full=1)", value=0.4)
        result.verdicts.add(measure="cka(full=1)", value=0.4, residual=0.1)
        result.best_member = self.members - 1
        for member in range(self.members):
            part = result.members.add(
                member=member,
                stop_reason=runs_pb2.STOP_REASON_PLATEAU,
                steps=4 + member,
                component_thresholds=thresholds(),
                candidate_name=f"runs/r1/members/{member}/candidate",
            )
            part.scores.add(measure="cka(full=1)", value=0.25 * member)
            part.label_thresholds.add(label="context")
        if self.allowed_range is not None:
            result.allowed_range.CopyFrom(self.allowed_range)
        if self.fail_run:
            result.run.state = runs_pb2.RUN_STATE_FAILED
            result.run.error.CopyFrom(
                status_of(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    self.fail_run,
                    reason="NON_FINITE_INPUT",
                    field="start.candidate",
                )
            )
        events.append(runs_pb2.RunEvent(run="runs/r1", sequence=last, result=result))
        for count, event in enumerate(e for e in events if e.sequence > after):
            if count == lose_after:
                fail(context, grpc.StatusCode.UNAVAILABLE, "socket closed")
            yield event

    def _chunks(self):
        data = self.candidate.tobytes()
        spec = types_pb2.TensorSpec(
            data_type=types_pb2.DATA_TYPE_FLOAT64, shape=self.candidate.shape
        )
        for offset in range(0, len(data), 16):
            yield runs_pb2.CandidateChunk(
                spec=spec, offset=offset, data=data[offset : offset + 16]
            )

    def ReadRunArray(self, request, context):
        self.requests.append(request)
        self._maybe_fail(context)
        for chunk in self._chunks():
            yield runs_pb2.ReadRunArrayResponse(chunk=chunk)

    def WatchRun(self, request, context):
        self.requests.append(request)
        if request.name != "runs/r1":
            fail(context, grpc.StatusCode.NOT_FOUND, f"no {request.name}")
        for event in self._events(
            request.after_sequence, request.return_candidate, context
        ):
            yield runs_pb2.WatchRunResponse(event=event)

    def GetRun(self, request, context):
        return runs_pb2.GetRunResponse(run=self.run())

    def ListRuns(self, request, context):
        more = "" if request.page_token else "next"
        return runs_pb2.ListRunsResponse(runs=[self.run()], next_page_token=more)

    def CancelRun(self, request, context):
        self.cancelled = True
        return runs_pb2.CancelRunResponse(run=self.run())
