"""Measures of the server where Brain-Score takes a metric."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from brainscore_core.metrics import Metric

from repscore.brainscore._assemblies import (
    Stimuli,
    check_single_bin,
    coordinate,
    in_order_of,
    stimuli_of,
)
from repscore.brainscore._packages import package
from repscore.brainscore.cross_validation import (
    CrossValidation,
    is_explicit,
    rule_for,
)
from repscore.client import Client
from repscore.models import Dataset


class ServerMetric(Metric):  # type: ignore[misc]
    """A measure of the server where Brain-Score takes a metric.

    Rows are matched by `stimulus_id`, never by position, and presentations of
    one stimulus averaged. Measures with folds=explicit are cross-validated over
    the target's stimuli in their order, as Brain-Score does it.
    """

    def __init__(
        self,
        client: Client,
        measure: str = "brainscore.vision.pls(folds=explicit)",
        *,
        cross_validation: CrossValidation | None = None,
        dataset: str | Dataset | None = None,
        device: str = "",
    ):
        """Keeps what a call needs; asks the server nothing.

        Args:
            client: Of the server that computes.
            measure: A specification; with `folds=explicit` the splits are those
                of `cross_validation`, other folds are the server's own.
            cross_validation: Default: `CrossValidation()`, for folds=explicit.
            dataset: Where the target is registered, see `register_assembly`:
                only the source is sent then, and what the server knows of the
                target is used again. Its stimuli must be the target's.
            device: As in `Client.score`.

        Raises:
            ValueError: Splits for a measure without folds=explicit.
        """
        self._client = client
        self._measure = measure
        self._cross_validation = rule_for(measure, cross_validation)
        self._dataset = dataset
        self._device = device

    def __call__(self, source: Any, target: Any) -> Any:
        """Scores a model's assembly against a recording.

        Args:
            source: (presentation, neuroid), the model; several time bins with
                measures that take them.
            target: The same stimuli in any order.

        Returns:
            A Brain-Score `Score`, not ceiled: `attrs["raw"]`, `attrs["error"]`
            over splits where there are some, `attrs["measure"]` with every
            parameter, `attrs["provenance"]` and `attrs["comment"]`.

        Raises:
            ValueError: Stimuli differ (it names them), or a dimension or
                coordinate is missing.
            repscore.InvalidInput: The server refuses the data or the measure.
        """
        ours = stimuli_of(source, "source")
        theirs = stimuli_of(target, "target")
        rows = in_order_of(ours, theirs.ids)
        folds = self._folds(target, theirs)
        if self._dataset is None:
            scores = self._client.compare(
                rows, theirs.values, self._measure, folds, device=self._device
            )
        else:
            scores = self._client.score(
                self._dataset,
                rows,
                self._measure,
                folds,
                row_ids=theirs.ids,
                device=self._device,
            )
        return package(scores, self._measure)

    def _folds(self, target: Any, stimuli: Stimuli) -> list[Any] | None:
        rule = self._cross_validation
        if rule is None:
            return None
        check_single_bin(stimuli.values, "target")
        classes = None
        if rule.stratification is not None:
            values = coordinate(target, rule.stratification, "target")
            classes = [values[place] for place in stimuli.first]
        return rule.folds(len(stimuli.ids), classes)


class SplitServerMetric(Metric):  # type: ignore[misc]
    """A measure with one given split, as Brain-Score's metrics named "-split"."""

    def __init__(
        self,
        client: Client,
        measure: str = "brainscore.vision.ridgecv(folds=explicit)",
        *,
        device: str = "",
    ):
        """As `ServerMetric`.

        Raises:
            ValueError: The measure does not say folds=explicit.
        """
        if not is_explicit(measure):
            raise ValueError(f"measure: {measure} does not say folds=explicit")
        self._client = client
        self._measure = measure
        self._device = device

    def __call__(
        self, source_train: Any, source_test: Any, target_train: Any, target_test: Any
    ) -> Any:
        """Fits on one pair of assemblies and scores on the other.

        Raises:
            As `ServerMetric`.
        """
        sides: tuple[list[npt.NDArray[Any]], list[npt.NDArray[Any]]] = ([], [])
        for source, target in (
            (source_train, target_train),
            (source_test, target_test),
        ):
            theirs = stimuli_of(target, "target")
            sides[0].append(in_order_of(stimuli_of(source, "source"), theirs.ids))
            sides[1].append(theirs.values)
            check_single_bin(sides[0][-1], "source")
            check_single_bin(theirs.values, "target")
        train, test = (len(part) for part in sides[1])
        scores = self._client.compare(
            np.concatenate(sides[0]),
            np.concatenate(sides[1]),
            self._measure,
            [(np.arange(train), np.arange(train, train + test))],
            device=self._device,
        )
        return package(scores, self._measure)
