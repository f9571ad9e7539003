"""AnalysisService in a few lines, with figures that tests recognise."""

from __future__ import annotations

from typing import Any

import grpc

from repscore.v1 import analysis_pb2, analysis_pb2_grpc, runs_pb2, types_pb2


def label() -> types_pb2.DecodedLabel:
    return types_pb2.DecodedLabel(
        label="context", classes=2, chance=0.5, reference_accuracy=0.9
    )


def thresholds() -> list[runs_pb2.ComponentThreshold]:
    """The first component was captured, the second never."""
    return [
        runs_pb2.ComponentThreshold(
            component=1,
            variance_share=0.75,
            midpoint_to_one=0.25,
            midpoint_to_max=0.125,
        ),
        runs_pb2.ComponentThreshold(component=2, variance_share=0.25),
    ]


def landmarks() -> list[types_pb2.Landmark]:
    return [
        types_pb2.Landmark(kind="noise", value=0.125, standard_deviation=0.5),
        types_pb2.Landmark(kind="condition_average", value=0.75),
    ]


def reading() -> types_pb2.CalibrationReading:
    return types_pb2.CalibrationReading(
        statement="0.82 <CKA>: captures PCs 1-3.",
        components_captured=[1, 2, 3],
        components=50,
        variance_captured=0.5,
        labels=[
            types_pb2.CalibratedAccuracy(
                label=label(), accuracy=0.625, standard_deviation=0.25
            )
        ],
        landmarks=landmarks(),
        steps=12.5,
        runs=3,
    )


class FakeAnalysis(analysis_pb2_grpc.AnalysisServiceServicer):
    """Remembers requests."""

    requests: list[Any]

    def _remember(self, request: Any, context: grpc.ServicerContext) -> None:
        self.requests.append(request)
        self._maybe_fail(context)

    def _maybe_fail(self, context):
        raise NotImplementedError

    def run(self) -> runs_pb2.Run:
        raise NotImplementedError

    def DecodeLabels(self, request, context):
        self._remember(request, context)
        found = analysis_pb2.LabelDecoding(
            label=label(),
            accuracy=0.75,
            standard_deviation=0.125,
            bins=[0.5, 1.0],
            component_accuracy=[n / 10 for n in request.components],
        )
        note = types_pb2.Warning(reason="SINGLE_CLASS", message="one class")
        return analysis_pb2.DecodeLabelsResponse(labels=[found], notes=[note])

    def ComputeBaselines(self, request, context):
        self._remember(request, context)
        return analysis_pb2.ComputeBaselinesResponse(
            measures=[
                analysis_pb2.MeasureBaselines(
                    measure=f"{spec.id}(full=1)", landmarks=landmarks()
                )
                for spec in request.measures
            ],
            notes=[types_pb2.Warning(reason="NO_TIME_AXIS", message="no time")],
            stored=True,
        )

    def PerturbComponents(self, request, context):
        self._remember(request, context)
        components = [
            analysis_pb2.ComponentPerturbation(
                component=1, variance_share=0.75, mean=0.5, theory=0.375
            ),
            analysis_pb2.ComponentPerturbation(
                component=2, variance_share=0.25, mean=0.75, standard_deviation=0.125
            ),
        ]
        return analysis_pb2.PerturbComponentsResponse(
            measures=[
                analysis_pb2.MeasurePerturbations(
                    measure=f"{spec.id}(full=1)", components=components
                )
                for spec in request.measures
            ]
        )

    def CalibrateDataset(self, request, context):
        self._remember(request, context)
        return analysis_pb2.CalibrateDatasetResponse(
            runs=[self.run() for _ in request.plan.measures]
        )

    def GetCalibration(self, request, context):
        self._remember(request, context)
        point = analysis_pb2.CalibrationPoint(
            score=0.5,
            component_r2=[0.75, 0.25],
            accuracy=[0.625],
            accuracy_deviation=[0.125],
            steps=4,
            runs=3,
        )
        calibration = analysis_pb2.MeasureCalibration(
            measure="cka(full=1)",
            points=[point],
            labels=[label()],
            variance_shares=[0.75, 0.25],
            component_thresholds=thresholds(),
            label_thresholds=[runs_pb2.LabelThreshold(label="context", score=0.625)],
            landmarks=landmarks(),
            runs=3,
        )
        return analysis_pb2.GetCalibrationResponse(measures=[calibration])
