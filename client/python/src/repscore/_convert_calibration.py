"""Wire messages of calibrations to the plain values of `calibration`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from repscore.calibration import (
    CalibratedAccuracy,
    CalibrationPoint,
    CalibrationReading,
    ComponentPerturbation,
    ComponentThreshold,
    Landmark,
    MeasureCalibration,
)
from repscore.decoding import DecodedLabel, LabelDecoding
from repscore.v1 import analysis_pb2, runs_pb2, types_pb2


def decoded_label(message: types_pb2.DecodedLabel) -> DecodedLabel:
    """A DecodedLabel of the wire."""
    return DecodedLabel(
        label=message.label,
        classes=message.classes,
        chance=message.chance,
        reference_accuracy=message.reference_accuracy,
    )


def landmark(message: types_pb2.Landmark) -> Landmark:
    """A Landmark of the wire."""
    return Landmark(message.kind, message.value, message.standard_deviation)


def component_thresholds(
    messages: Iterable[runs_pb2.ComponentThreshold],
) -> tuple[ComponentThreshold, ...]:
    """ComponentThresholds of the wire."""
    return tuple(
        ComponentThreshold(
            component=threshold.component,
            variance_share=threshold.variance_share,
            midpoint_to_one=(
                threshold.midpoint_to_one
                if threshold.HasField("midpoint_to_one")
                else None
            ),
            midpoint_to_max=(
                threshold.midpoint_to_max
                if threshold.HasField("midpoint_to_max")
                else None
            ),
        )
        for threshold in messages
    )


def reading(message: types_pb2.CalibrationReading) -> CalibrationReading:
    """A CalibrationReading of the wire."""
    return CalibrationReading(
        statement=message.statement,
        components_captured=tuple(message.components_captured),
        components=message.components,
        variance_captured=message.variance_captured,
        labels={
            found.label.label: CalibratedAccuracy(
                decoded_label(found.label), found.accuracy, found.standard_deviation
            )
            for found in message.labels
        },
        landmarks=tuple(landmark(found) for found in message.landmarks),
        steps=message.steps if message.HasField("steps") else None,
        runs=message.runs,
        beyond_range=message.beyond_range,
    )


def label_thresholds(
    messages: Iterable[runs_pb2.LabelThreshold],
) -> Mapping[str, float | None]:
    """LabelThresholds of the wire."""
    return {
        threshold.label: threshold.score if threshold.HasField("score") else None
        for threshold in messages
    }


def measure_calibration(message: analysis_pb2.MeasureCalibration) -> MeasureCalibration:
    """A MeasureCalibration of the wire."""
    names = [label.label for label in message.labels]
    return MeasureCalibration(
        measure=message.measure,
        points=tuple(
            CalibrationPoint(
                score=point.score,
                component_r2=tuple(point.component_r2),
                accuracy=dict(zip(names, point.accuracy)),
                accuracy_sd=dict(zip(names, point.accuracy_deviation)),
                steps=point.steps,
                runs=point.runs,
            )
            for point in message.points
        ),
        labels={label.label: decoded_label(label) for label in message.labels},
        variance_shares=tuple(message.variance_shares),
        component_thresholds=component_thresholds(message.component_thresholds),
        label_thresholds=label_thresholds(message.label_thresholds),
        landmarks={found.kind: landmark(found) for found in message.landmarks},
        runs=message.runs,
    )


def label_decoding(
    message: analysis_pb2.LabelDecoding, components: Iterable[int]
) -> LabelDecoding:
    """A LabelDecoding of the wire; `components` are the numbers asked for."""
    return LabelDecoding(
        label=decoded_label(message.label),
        accuracy=message.accuracy,
        sd=message.standard_deviation,
        bins=tuple(message.bins),
        component_accuracy=dict(zip(components, message.component_accuracy)),
    )


def component_perturbation(
    message: analysis_pb2.ComponentPerturbation,
) -> ComponentPerturbation:
    """A ComponentPerturbation of the wire."""
    return ComponentPerturbation(
        component=message.component,
        variance_share=message.variance_share,
        mean=message.mean,
        sd=message.standard_deviation,
        theory=message.theory if message.HasField("theory") else None,
    )
