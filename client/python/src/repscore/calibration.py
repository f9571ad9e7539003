"""What a score means on its dataset, from noise that was optimised to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from repscore.decoding import DecodedLabel, Decoding


@dataclass(frozen=True)
class Calibration:
    """Which optimisations tell what scores on a dataset mean.

    Attributes:
        measures: Specifications of measures with a gradient, at least one.
        restarts: Runs from different noise, 1 to 64; default 3.
        seed: Of the first run's noise; run i has this plus i.
        max_steps: Of every run; default 1000.
        components: Leading principal components to follow; default 50.
        decoding: Labels to decode along the way; default: all that can be.
    """

    measures: tuple[str, ...]
    restarts: int | None = None
    seed: int = 0
    max_steps: int | None = None
    components: int | None = None
    decoding: Decoding | None = None


@dataclass(frozen=True)
class ComponentThreshold:
    """The score at which a principal component is captured.

    That is the first upward crossing of a level of its R2, interpolated
    between trace points.

    Attributes:
        component: From 1, by falling variance.
        variance_share: Of the recording's variance, in [0, 1].
        midpoint_to_one: Level half way from the R2 at the start to 1 (the
            published code); None where it was never reached.
        midpoint_to_max: Level half way to the largest R2 of the run (the
            published text); None where it was never reached.
    """

    component: int
    variance_share: float
    midpoint_to_one: float | None = None
    midpoint_to_max: float | None = None


@dataclass(frozen=True)
class Landmark:
    """A place on a measure's scale.

    Attributes:
        kind: "condition_average", "split_half", "condition_shuffle",
            "time_shuffle", "neuron_subsample", "noise" or "surrogate".
        value: Mean over draws.
        sd: Population standard deviation over draws; 0 for a single one.
    """

    kind: str
    value: float
    sd: float = 0.0


@dataclass(frozen=True)
class CalibratedAccuracy:
    """Accuracy that optimised noise reaches at a score.

    Attributes:
        label: With its chance level and the recording's own accuracy.
        accuracy: Mean over runs.
        sd: Population standard deviation over runs.
    """

    label: DecodedLabel
    accuracy: float
    sd: float


@dataclass(frozen=True)
class CalibrationReading:
    """What noise that was optimised to a score has captured of the recording.

    Attributes:
        statement: All of it in one sentence.
        components_captured: Indices, from 1, of the principal components whose
            R2 is at least half way from its start to 1, in the mean over runs.
        components: Components that were followed.
        variance_captured: Share of the recording's variance in the captured
            ones, in [0, 1].
        labels: Accuracy by label.
        landmarks: Nearest first: below, then above the score.
        steps: Steps of Adam that noise needs, mean over runs; None where a run
            never got there.
        runs: Runs behind the reading.
        beyond_range: The score lies beyond what the runs reached: the reading
            is of their end.
    """

    statement: str
    components_captured: tuple[int, ...]
    components: int
    variance_captured: float
    labels: Mapping[str, CalibratedAccuracy]
    landmarks: tuple[Landmark, ...]
    steps: float | None
    runs: int
    beyond_range: bool = False


@dataclass(frozen=True)
class CalibrationPoint:
    """One place on a measure's scale.

    Attributes:
        score: The place.
        component_r2: Mean over runs per component.
        accuracy: Mean over runs by label.
        accuracy_sd: Population standard deviation over runs by label.
        steps: Steps of Adam, mean over runs.
        runs: Runs that passed this score.
    """

    score: float
    component_r2: tuple[float, ...]
    accuracy: Mapping[str, float]
    accuracy_sd: Mapping[str, float]
    steps: float
    runs: int


@dataclass(frozen=True)
class MeasureCalibration:
    """What every score of one measure means on one dataset.

    Attributes:
        measure: Canonical specification.
        points: By rising similarity.
        labels: By name.
        variance_shares: Of the components that were followed.
        component_thresholds: One per component that was followed.
        label_thresholds: First score at which the accuracy for a label is 90 %
            of the way from chance to the recording's own; None where it never
            was.
        landmarks: By kind.
        runs: Runs behind it.
    """

    measure: str
    points: tuple[CalibrationPoint, ...]
    labels: Mapping[str, DecodedLabel]
    variance_shares: tuple[float, ...]
    component_thresholds: tuple[ComponentThreshold, ...]
    label_thresholds: Mapping[str, float | None]
    landmarks: Mapping[str, Landmark]
    runs: int


@dataclass(frozen=True)
class ComponentPerturbation:
    """What the loss of one principal component costs.

    Attributes:
        component: From 1, by falling variance.
        variance_share: Of the recording's variance, in [0, 1].
        mean: Score of the recording with a random direction in place of the
            component, mean over draws.
        sd: Population standard deviation over draws.
        theory: Closed form (Cloos et al. 2024, appendix B.3), where the
            measure has one.
    """

    component: int
    variance_share: float
    mean: float
    sd: float
    theory: float | None = None
