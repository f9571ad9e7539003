"""Benchmarks of Brain-Score whose recordings lie on a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
from brainscore_core.benchmarks import BenchmarkBase

from repscore.brainscore._assemblies import some, stimuli_of
from repscore.brainscore._packages import package
from repscore.brainscore.cross_validation import CrossValidation, rule_for
from repscore.client import Client
from repscore.context import Context
from repscore.models import Dataset

_NOISE_FEATURES = 64


@dataclass(frozen=True)
class Experiment:
    """What a model is shown and what is recorded from it.

    Attributes:
        stimulus_set: Handed to the model, as Brain-Score's.
        region: What the model commits a layer to, for instance "IT".
        time_bins: Of the recording, in ms.
        number_of_trials: Of every stimulus.
        place: Makes the stimuli ready for a model, for instance with
            Brain-Score's `place_on_screen`; default: as they are.
    """

    stimulus_set: Any
    region: str
    time_bins: Sequence[tuple[int, int]] = ((70, 170),)
    number_of_trials: int = 1
    place: Callable[[Any, Any], Any] | None = None

    def record(self, candidate: Any) -> Any:
        """The assembly of a candidate (`BrainModel`)."""
        candidate.start_recording(self.region, time_bins=list(self.time_bins))
        stimuli = self.stimulus_set
        if self.place is not None:
            stimuli = self.place(stimuli, candidate)
        return candidate.look_at(stimuli, number_of_trials=self.number_of_trials)


class ServerBenchmark(BenchmarkBase):  # type: ignore[misc]
    """A Brain-Score benchmark whose recording lies on the server.

    The candidate's activations go there, the recording stays. Normalisation
    and ceiling are the context's; the score is the ceiled one, not clipped.
    """

    def __init__(
        self,
        client: Client,
        dataset: str | Dataset,
        measure: str,
        experiment: Experiment,
        *,
        identifier: str,
        version: int = 1,
        parent: str | None = None,
        bibtex: str | None = None,
        context: Context | None = None,
        cross_validation: CrossValidation | None = None,
        device: str = "",
    ):
        """Looks the dataset up.

        Args:
            client: Of the server that computes.
            dataset: Registered with row ids, see `register_assembly`.
            measure: As in `ServerMetric`.
            experiment: What the candidate is asked to do.
            identifier: "<data>-<metric>".
            version: Raise it when scores change.
            parent: Region or aggregate that the score counts towards.
            bibtex: What to cite.
            context: Ceiling and normalisation. Default: the split-half ceiling
                of 10 halves and r**2 / ceiling.
            cross_validation: As in `ServerMetric`; `stratification` names a
                label of the dataset.
            device: As in `Client.score`.

        Raises:
            ValueError: The dataset has no row ids or not the label, or there are
                splits for a measure without folds=explicit.
            repscore.NotFound: There is no such dataset.
        """
        super().__init__(identifier, None, version, parent, bibtex)
        self._ceiling: Any = None
        rule = rule_for(measure, cross_validation)
        name = dataset.name if isinstance(dataset, Dataset) else dataset
        self._dataset = client.dataset(name)
        if not self._dataset.row_ids:
            raise ValueError(f"dataset: {self._dataset.name} has no row ids")
        self._client = client
        self._measure = measure
        self._experiment = experiment
        self._context = context or Context(ceiling_splits=10, normalization="r2/c")
        if rule is not None and len(self._dataset.shape) > 2:
            raise ValueError(
                f"dataset: {self._dataset.name} has a time axis; folds=explicit "
                "takes one time bin"
            )
        self._folds = None if rule is None else self._make_folds(rule)
        self._device = device

    @property
    def ceiling(self) -> Any:
        """As the server computes it, or as it was supplied; None without one."""
        if self._ceiling is None:
            # It does not depend on the candidate, and comes with every score.
            rows = len({*self._dataset.row_ids})
            noise = np.random.default_rng(0).normal(size=(rows, _NOISE_FEATURES))
            scores = self._score(noise, tuple(dict.fromkeys(self._dataset.row_ids)))
            self._ceiling = scores.attrs.get("ceiling")
        return self._ceiling

    def __call__(self, candidate: Any) -> Any:
        """Records from the candidate and scores what it gives.

        Returns:
            The ceiled score with `attrs["raw"]` and `attrs["ceiling"]`, and
            otherwise as `ServerMetric` has it.

        Raises:
            As `ServerMetric`.
        """
        recorded = stimuli_of(self._experiment.record(candidate), "candidate")
        result = self._score(recorded.values, recorded.ids)
        result.attrs["model_identifier"] = getattr(candidate, "identifier", None)
        result.attrs["benchmark_identifier"] = self.identifier
        return result

    def _score(self, values: npt.NDArray[Any], ids: tuple[str, ...]) -> Any:
        scores = self._client.score(
            self._dataset,
            values,
            self._measure,
            self._folds,
            row_ids=ids,
            context=self._context,
            device=self._device,
        )
        return package(scores, self._measure)

    def _make_folds(self, rule: CrossValidation) -> list[Any]:
        ids = self._dataset.row_ids
        first = {id: place for place, id in reversed(list(enumerate(ids)))}
        order = list(dict.fromkeys(ids))
        classes = None
        if rule.stratification is not None:
            labels = {**self._dataset.groups, **self._dataset.labels}
            if rule.stratification not in labels:
                raise ValueError(
                    f"cross_validation.stratification: {self._dataset.name} has "
                    f"no label {rule.stratification}; it has {some(sorted(labels))}"
                )
            values = labels[rule.stratification]
            classes = [values[first[id]] for id in order]
        return rule.folds(len(order), classes)
