"""Splits of stimuli as Brain-Score makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit


@dataclass(frozen=True)
class CrossValidation:
    """Random splits of stimuli, by default those of Brain-Score's vision metrics.

    Attributes:
        splits: How many.
        train_size: Share of the stimuli to fit on, in (0, 1).
        stratification: Presentation coordinate whose classes are balanced, or
            the label of a registered dataset; None: plain shuffles.
        seed: Of scikit-learn's splitter.
    """

    splits: int = 10
    train_size: float = 0.9
    stratification: str | None = "object_name"
    seed: int = 1

    def folds(
        self, count: int, classes: Sequence[Any] | None
    ) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """(training, validation) row numbers of `count` stimuli.

        Args:
            count: Number of stimuli.
            classes: One class per stimulus where splits are stratified.
        """
        kind = ShuffleSplit if self.stratification is None else StratifiedShuffleSplit
        splitter = kind(
            n_splits=self.splits, train_size=self.train_size, random_state=self.seed
        )
        return list(splitter.split(np.zeros(count), classes))


def is_explicit(measure: str) -> bool:
    """Whether a measure asks for splits."""
    return "folds=explicit" in measure.replace(" ", "")


def rule_for(measure: str, given: CrossValidation | None) -> CrossValidation | None:
    """The splits of a measure: given or by default, None where it asks for none.

    Raises:
        ValueError: They are given, and the measure asks for none.
    """
    if is_explicit(measure):
        return given or CrossValidation()
    if given is not None:
        raise ValueError(f"cross_validation: {measure} does not say folds=explicit")
    return None
