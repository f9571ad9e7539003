"""How well labels can be read from rows: L2 logistic regression, cross-validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Decoding:
    """How labels are decoded. The defaults are those of Cloos et al. 2024.

    Attributes:
        labels: Labels of the dataset; empty: every one with two classes or more.
        folds: Stratified folds of conditions; default 5.
        seed: Of the shuffle of conditions into folds, 0 to 2**64 - 1.
        c: Weight of the data against the penalty, as scikit-learn's `C`;
            default 1.
        pool_time_bins: One decoder over all time bins instead of one per bin.
        folds_of: A label whose classes are the folds: train on all but one,
            test on that one (cross-condition generalisation).
    """

    labels: tuple[str, ...] = ()
    folds: int | None = None
    seed: int = 0
    c: float | None = None
    pool_time_bins: bool = False
    folds_of: str = ""


@dataclass(frozen=True)
class DecodedLabel:
    """A label as a decoder sees it.

    Attributes:
        label: Its name.
        classes: Number of different values.
        chance: Share of the largest class: what guessing it every time gets.
        reference_accuracy: Accuracy on the recording itself.
    """

    label: str
    classes: int
    chance: float
    reference_accuracy: float


@dataclass(frozen=True)
class LabelDecoding:
    """Accuracy for one label.

    Attributes:
        label: Its classes, its chance level and the recording's own accuracy.
        accuracy: Of the candidate (of the dataset without one), mean over
            folds, time bins and repeats, in [0, 1].
        sd: Population standard deviation over repeats.
        bins: Accuracy per time bin.
        component_accuracy: Accuracy of the dataset from its first N principal
            components, by N.
    """

    label: DecodedLabel
    accuracy: float
    sd: float
    bins: tuple[float, ...]
    component_accuracy: Mapping[int, float]
