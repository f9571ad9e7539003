"""Brain-Score's metrics and benchmarks, computed by a repscore server.

Needs `brainscore-core` (`pip install 'repscore[brainscore]'`); nothing else of
repscore imports this module.

    metric = ServerMetric(client, "brainscore.vision.ridge(folds=explicit)")
    NeuralBenchmark(..., similarity_metric=metric)

A metric can be passed where Brain-Score takes one, be put into a registry
(`metric_registry["ridge-repscore"] = lambda: metric`), or be generated into a
library's tree, see `write_plugin`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt

try:
    from brainscore_core.benchmarks import BenchmarkBase
    from brainscore_core.metrics import Metric
    from brainscore_core.metrics import Score as BrainScore
    from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
except ImportError as error:
    raise ImportError(
        "repscore.brainscore needs brainscore-core and scikit-learn: "
        "pip install 'repscore[brainscore]'"
    ) from error

from repscore.client import Client
from repscore.context import Context
from repscore.models import Dataset
from repscore.scores import Score, Scores

__all__ = [
    "CrossValidation",
    "Experiment",
    "ServerBenchmark",
    "ServerMetric",
    "SplitServerMetric",
    "register_assembly",
    "write_plugin",
]

_PRESENTATION = "presentation"
_NEUROID = "neuroid"
_TIME = "time_bin"
_STIMULUS = "stimulus_id"
_MOST_NAMED = 5
_NOISE_FEATURES = 64


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


@dataclass(frozen=True)
class _Stimuli:
    """One row per stimulus, repetitions averaged, in order of appearance."""

    ids: tuple[str, ...]
    values: npt.NDArray[Any]
    """[stimuli x neuroids] or [time bins x stimuli x neuroids]."""
    first: tuple[int, ...]
    """The presentation that a stimulus appears in first."""


def _values(assembly: Any, side: str) -> npt.NDArray[Any]:
    """[presentations x neuroids], or with time bins before, if several.

    Raises:
        ValueError: There are other dimensions.
    """
    dims = [str(dim) for dim in assembly.dims]
    if sorted({*dims} - {_TIME}) != [_NEUROID, _PRESENTATION]:
        raise ValueError(
            f"{side}: has dimensions {', '.join(dims)}; needed are "
            f"{_PRESENTATION}, {_NEUROID} and perhaps {_TIME}"
        )
    if _TIME not in dims:
        return np.asarray(assembly.transpose(_PRESENTATION, _NEUROID).values)
    binned = np.asarray(assembly.transpose(_TIME, _PRESENTATION, _NEUROID).values)
    return binned[0] if len(binned) == 1 else binned


def _coordinate(assembly: Any, name: str, side: str) -> list[str]:
    """Values of a presentation coordinate, as texts.

    Raises:
        ValueError: There is none of this name.
    """
    for known, dims, values in walk_coords(assembly):
        if known == name and tuple(dims) == (_PRESENTATION,):
            return [str(value) for value in values]
    raise ValueError(f"{side}: has no {_PRESENTATION} coordinate {name}")


def _stimuli(assembly: Any, side: str) -> _Stimuli:
    values = _values(assembly, side)
    ids = _coordinate(assembly, _STIMULUS, side)
    places: dict[str, list[int]] = {}
    for place, id in enumerate(ids):
        places.setdefault(id, []).append(place)
    first = tuple(repeated[0] for repeated in places.values())
    if len(places) == len(ids):
        return _Stimuli(tuple(ids), values, first)
    averaged = [values[..., repeated, :].mean(axis=-2) for repeated in places.values()]
    return _Stimuli(tuple(places), np.stack(averaged, axis=-2), first)


def _some(ids: Sequence[str]) -> str:
    named = ", ".join(ids[:_MOST_NAMED])
    return named + (", ..." if len(ids) > _MOST_NAMED else "")


def _in_order_of(source: _Stimuli, ids: Sequence[str]) -> npt.NDArray[Any]:
    """The source's rows for these stimuli.

    Raises:
        ValueError: A stimulus is on one side only.
    """
    missing = sorted({*ids} - {*source.ids})
    extra = sorted({*source.ids} - {*ids})
    if missing or extra:
        parts = [f"lacks {_some(missing)}"] if missing else []
        parts += [f"alone has {_some(extra)}"] if extra else []
        raise ValueError(f"source: of {_STIMULUS} it {' and '.join(parts)}")
    place = {id: i for i, id in enumerate(source.ids)}
    return np.asarray(source.values[..., [place[id] for id in ids], :])


def _is_explicit(measure: str) -> bool:
    return "folds=explicit" in measure.replace(" ", "")


def _plain(value: float, error: float | None = None) -> Any:
    score = BrainScore(value)
    if error is not None:
        score.attrs["error"] = error
    return score


def _package(scores: Scores, measure: str) -> Any:
    """As Brain-Score keeps one: value, raw, ceiling, error, and what it is of."""
    score: Score = scores[measure]
    context = score.context
    ceiled = context.ceiled if context.unclipped is None else context.unclipped
    result = _plain(float(score) if ceiled is None else ceiled, score.error)
    result.attrs["raw"] = _plain(float(score), score.error)
    if context.ceiling is not None:
        result.attrs["ceiling"] = _ceiling(context.ceiling.value, context.ceiling.error)
    notes = [warning.message for warning in (*score.warnings, *context.notes)]
    result.attrs["comment"] = "; ".join([score.measure, *notes])
    result.attrs["measure"] = score.measure
    result.attrs["fold_digest"] = score.fold_digest
    result.attrs["provenance"] = scores.provenance
    return result


def _ceiling(value: float, error: float | None) -> Any:
    ceiling = _plain(value, error)
    ceiling.attrs["raw"] = _plain(value, error)
    return ceiling


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
        explicit = _is_explicit(measure)
        if cross_validation is not None and not explicit:
            raise ValueError(f"cross_validation: {measure} does not say folds=explicit")
        self._client = client
        self._measure = measure
        self._cross_validation = (
            cross_validation or CrossValidation() if explicit else None
        )
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
        ours = _stimuli(source, "source")
        theirs = _stimuli(target, "target")
        rows = _in_order_of(ours, theirs.ids)
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
        return _package(scores, self._measure)

    def _folds(self, target: Any, stimuli: _Stimuli) -> list[Any] | None:
        rule = self._cross_validation
        if rule is None:
            return None
        classes = None
        if rule.stratification is not None:
            values = _coordinate(target, rule.stratification, "target")
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
        if not _is_explicit(measure):
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
            theirs = _stimuli(target, "target")
            sides[0].append(_in_order_of(_stimuli(source, "source"), theirs.ids))
            sides[1].append(theirs.values)
        train, test = (len(part) for part in sides[1])
        scores = self._client.compare(
            np.concatenate(sides[0]),
            np.concatenate(sides[1]),
            self._measure,
            [(np.arange(train), np.arange(train, train + test))],
            device=self._device,
        )
        return _package(scores, self._measure)


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
        explicit = _is_explicit(measure)
        if cross_validation is not None and not explicit:
            raise ValueError(f"cross_validation: {measure} does not say folds=explicit")
        name = dataset.name if isinstance(dataset, Dataset) else dataset
        self._dataset = client.dataset(name)
        if not self._dataset.row_ids:
            raise ValueError(f"dataset: {self._dataset.name} has no row ids")
        self._client = client
        self._measure = measure
        self._experiment = experiment
        self._context = context or Context(ceiling_splits=10, normalization="r2/c")
        self._folds = (
            self._make_folds(cross_validation or CrossValidation())
            if explicit
            else None
        )
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
        recorded = _stimuli(self._experiment.record(candidate), "candidate")
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
        return _package(scores, self._measure)

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
                    f"no label {rule.stratification}; it has {_some(sorted(labels))}"
                )
            values = labels[rule.stratification]
            classes = [values[first[id]] for id in order]
        return rule.folds(len(order), classes)


def register_assembly(
    client: Client, name: str, assembly: Any, *, citation: str = ""
) -> Dataset:
    """Registers a recording as a dataset, repetitions and all.

    Stimulus ids become row ids, the other presentation coordinates labels.

    Args:
        client: Of the server that will hold it.
        name: As in `Client.register`.
        assembly: (presentation, neuroid), or (time_bin, presentation, neuroid)
            in any order.
        citation: What to cite when using it.

    Raises:
        ValueError: A dimension or coordinate is missing.
        repscore.InvalidInput: The name is no name, or an entry is not finite.
    """
    values = _values(assembly, "assembly")
    labels = {
        str(label): [str(value) for value in texts]
        for label, dims, texts in walk_coords(assembly)
        if tuple(dims) == (_PRESENTATION,) and label not in (_STIMULUS, "repetition")
    }
    times = None
    if values.ndim == 3:
        starts, ends = (
            np.asarray(assembly[f"{_TIME}_{edge}"].values, dtype=float)
            for edge in ("start", "end")
        )
        times = ((starts + ends) / 2).tolist()
    return client.register(
        name,
        values,
        time_ms=times,
        labels=labels,
        row_ids=_coordinate(assembly, _STIMULUS, "assembly"),
        citation=citation,
    )


_PLUGIN = '''"""{measure}, computed by a repscore server."""

import repscore
from brainscore_{library} import metric_registry
from repscore.brainscore import ServerMetric

metric_registry['{identifier}'] = lambda: ServerMetric(
    repscore.Client({server!r}), {measure!r}
)
'''

_PLUGIN_TEST = """from brainscore_{library} import load_metric


def test_is_registered():
    assert load_metric('{identifier}') is not None
"""


def write_plugin(
    metrics: str | Path,
    identifier: str,
    server: str,
    measure: str,
    *,
    library: str = "vision",
) -> Path:
    """Writes a metric plug-in into a Brain-Score library's tree.

    Args:
        metrics: The library's folder of metrics, for instance
            "brainscore_vision/metrics".
        identifier: For `load_metric`.
        server: Address as in `repscore.Client`.
        measure: As in `ServerMetric`.
        library: "vision" or "language".

    Returns:
        The new folder, named after the identifier.

    Raises:
        ValueError: The identifier is no plain name.
        FileExistsError: The folder is there already.
    """
    name = identifier.replace("-", "_").replace(".", "_").lower()
    if not name.isidentifier():
        raise ValueError(f"identifier: {identifier} is not letters, digits, - and .")
    folder = Path(metrics) / name
    folder.mkdir(parents=True)
    facts = {
        "identifier": identifier,
        "server": server,
        "measure": measure,
        "library": library,
    }
    (folder / "__init__.py").write_text(_PLUGIN.format(**facts))
    (folder / "test.py").write_text(_PLUGIN_TEST.format(**facts))
    return folder
