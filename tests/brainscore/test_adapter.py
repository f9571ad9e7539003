"""Brain-Score's own library calls a repscore server: metrics, benchmarks, plug-ins.

Runs with the real brainscore-core, in an environment of its own: see deploy/test.
Golden values are those that the metrics of brainscore-vision gave on the same
arrays.
"""

import importlib
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import repscore

pytest.importorskip("brainscore_core", reason="brainscore-core is not installed")
os.environ["BS_INSTALL_DEPENDENCIES"] = "no"

from brainscore_core.benchmarks import Benchmark, score_benchmark
from brainscore_core.metrics import Metric
from brainscore_core.metrics import Score as BrainScore
from brainscore_core.plugin_management.import_plugin import import_plugin
from brainscore_core.supported_data_standards.brainio.assemblies import (
    NeuroidAssembly,
)
from sklearn.model_selection import StratifiedShuffleSplit

from repscore.brainscore import (
    CrossValidation,
    Experiment,
    ServerBenchmark,
    ServerMetric,
    SplitServerMetric,
    register_assembly,
    write_plugin,
)

STIMULI = 120
TRAIN = 100
MEDIANS = {
    "brainscore.vision.ridge": (0.9480618743875704, 1e-9),
    "brainscore.vision.ridgecv": (0.9505425346323204, 1e-9),
    "brainscore.vision.linear": (0.9504220531148322, 1e-9),
    "brainscore.vision.neuron_to_neuron": (0.8665624756638081, 1e-9),
    "brainscore.vision.pls": (0.9415355697029524, 1e-4),
}
WHOLE = {
    "brainscore.vision.cka": 0.42306115422653573,
    "brainscore.vision.cka_biased": 0.48099066945486313,
    "brainscore.vision.rdm": 0.3947638421288597,
}


def congruential(seed, rows, cols):
    """Uniform on [-0.5, 0.5), the same in any language."""
    state = seed
    values = []
    for _ in range(rows * cols):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((state >> 11) / 2**53 - 0.5)
    return np.array(values).reshape(rows, cols)


def recordings():
    model = congruential(1, STIMULI, 40)
    noise = congruential(2, STIMULI, 10)
    shifted = np.roll(model, -1, axis=1)
    return model, (model + 0.5 * shifted)[:, :10] + 0.3 * noise


def assembly(values, stimuli=None, **coordinates):
    """(presentation, neuroid), or (presentation, neuroid, time_bin)."""
    stimuli = range(len(values)) if stimuli is None else stimuli
    coords = {
        "stimulus_id": ("presentation", [f"im{i:03d}" for i in stimuli]),
        "object_name": ("presentation", [f"object{i % 4}" for i in stimuli]),
        "neuroid_id": ("neuroid", list(range(values.shape[1]))),
        "region": ("neuroid", ["IT"] * values.shape[1]),
        **coordinates,
    }
    dims = ["presentation", "neuroid", "time_bin"][: values.ndim]
    return NeuroidAssembly(values, coords=coords, dims=dims)


@pytest.fixture(scope="module")
def pair():
    model, brain = recordings()
    return assembly(model), assembly(brain)


@pytest.mark.parametrize("measure", MEDIANS)
def test_split_metrics_are_those_of_vision(client, measure):
    model, brain = recordings()
    golden, tolerance = MEDIANS[measure]
    metric = SplitServerMetric(client, f"{measure}(folds=explicit)")

    score = metric(
        source_train=assembly(model[:TRAIN]),
        source_test=assembly(model[TRAIN:], range(TRAIN, STIMULI)),
        target_train=assembly(brain[:TRAIN]),
        target_test=assembly(brain[TRAIN:], range(TRAIN, STIMULI)),
    )

    assert isinstance(metric, Metric)
    assert isinstance(score, BrainScore)
    assert score.item() == pytest.approx(golden, abs=tolerance)
    assert score.attrs["raw"].item() == score.item()


@pytest.mark.parametrize("measure", WHOLE)
def test_metrics_over_all_stimuli_are_those_of_vision(client, pair, measure):
    score = ServerMetric(client, measure)(*pair)

    assert score.item() == pytest.approx(WHOLE[measure], abs=1e-9)
    assert score.attrs["measure"].startswith(measure)
    assert score.attrs["provenance"].server_version
    assert measure in score.attrs["comment"]


def test_splits_are_those_of_scikit_learn(client, pair):
    """Ridge by hand, over the splits that Brain-Score's defaults make."""
    model, brain = recordings()
    classes = [f"object{i % 4}" for i in range(STIMULI)]
    splitter = StratifiedShuffleSplit(n_splits=10, train_size=0.9, random_state=1)
    medians = []
    for train, test in splitter.split(np.zeros(STIMULI), classes):
        x, y = model[train], brain[train]
        centred = x - x.mean(axis=0)
        weights = np.linalg.solve(
            centred.T @ centred + np.eye(40), centred.T @ (y - y.mean(axis=0))
        )
        predicted = (model[test] - x.mean(axis=0)) @ weights
        columns = range(10)
        medians.append(
            np.median(
                [np.corrcoef(predicted[:, j], brain[test, j])[0, 1] for j in columns]
            )
        )

    score = ServerMetric(client, "brainscore.vision.ridge(folds=explicit)")(*pair)

    assert score.item() == pytest.approx(np.mean(medians), abs=1e-9)
    assert score.attrs["error"] == pytest.approx(
        np.std(medians) / np.sqrt(10), abs=1e-9
    )


def test_rows_are_matched_by_stimulus(client, pair):
    model, _ = recordings()
    order = np.random.default_rng(3).permutation(STIMULI)
    twice = np.concatenate([order, order])
    apart = np.concatenate([model[order] + 0.1, model[order] - 0.1])
    jumbled = assembly(apart, twice, repetition=("presentation", [0] * 240))
    metric = ServerMetric(client, "brainscore.vision.ridge(folds=explicit)")

    assert metric(jumbled, pair[1]).item() == pytest.approx(
        metric(*pair).item(), abs=1e-12
    )


def test_one_time_bin_is_none_and_several_are_rows(client, pair):
    model, brain = recordings()
    bins = {
        "time_bin_start": ("time_bin", [70]),
        "time_bin_end": ("time_bin", [170]),
    }
    metric = ServerMetric(client, "cka")
    squeezed = metric(assembly(model[..., None], **bins), pair[1])
    assert squeezed.item() == metric(*pair).item()

    bins = {
        "time_bin_start": ("time_bin", [70, 120]),
        "time_bin_end": ("time_bin", [120, 170]),
    }
    stacked = [np.stack([side, 2 * side[::-1]], axis=-1) for side in (model, brain)]
    score = metric(*(assembly(side, **bins) for side in stacked))
    rows = [np.concatenate([side, 2 * side[::-1]]) for side in (model, brain)]
    assert score.item() == pytest.approx(float(client.compare(*rows)["cka"]), abs=1e-12)


def test_a_registered_target_stays_on_the_server(client, pair):
    dataset = register_assembly(client, "brain", pair[1])
    measure = "brainscore.vision.ridge(folds=explicit)"

    stored = ServerMetric(client, measure, dataset=dataset)(*pair)

    assert dataset.labels["object_name"][:2] == ("object0", "object1")
    assert stored.item() == pytest.approx(
        ServerMetric(client, measure)(*pair).item(), abs=1e-12
    )
    assert stored.attrs["provenance"].dataset_version == dataset.name


def test_a_registered_recording_keeps_its_bins_and_repetitions(client, repeated):
    binned = np.stack([repeated.values, 2 * repeated.values], axis=-1)
    edges = {"time_bin_start": [70, 120], "time_bin_end": [120, 170]}
    stimuli = list(range(STIMULI)) * 3

    dataset = register_assembly(
        client,
        "binned",
        assembly(
            binned,
            stimuli,
            repetition=("presentation", np.repeat(range(3), STIMULI)),
            **{name: ("time_bin", values) for name, values in edges.items()},
        ),
        citation="A recording.",
    )

    assert dataset.shape == (2, 3 * STIMULI, 10)
    assert dataset.scored_rows == 2 * STIMULI
    assert dataset.row_ids[: STIMULI + 1] == (*dataset.row_ids[:STIMULI], "im000")
    assert dataset.citation == "A recording."
    scores = client.score(
        dataset,
        binned.transpose(2, 0, 1),
        "cka",
        row_ids=[f"im{i:03d}" for i in stimuli],
    )
    assert float(scores["cka"]) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda a: a.isel(presentation=slice(1, None)), "lacks im000"),
        (lambda a: a.rename(neuroid="unit"), "has dimensions presentation, unit"),
        (lambda a: a.isel(neuroid=0, drop=True), "has dimensions presentation"),
    ],
)
def test_assemblies_that_do_not_fit(client, pair, spoil, text):
    with pytest.raises(ValueError, match=text):
        ServerMetric(client, "cka")(spoil(pair[0]), pair[1])


def test_inputs_that_say_what_is_wrong(client, pair):
    with pytest.raises(ValueError, match="folds=explicit"):
        ServerMetric(client, "cka", cross_validation=CrossValidation())
    with pytest.raises(ValueError, match="folds=explicit"):
        SplitServerMetric(client, "cka")
    lost = ServerMetric(
        client,
        "brainscore.vision.ridge(folds=explicit)",
        cross_validation=CrossValidation(stratification="texture_type"),
    )
    with pytest.raises(ValueError, match="no presentation coordinate texture_type"):
        lost(*pair)
    edges = {"time_bin_start": [70, 120], "time_bin_end": [120, 170]}
    bins = {name: ("time_bin", values) for name, values in edges.items()}
    binned = assembly(np.stack([pair[1].values] * 2, axis=-1), **bins)
    ridge = "brainscore.vision.ridge(folds=explicit)"
    with pytest.raises(ValueError, match="has 2 time bins"):
        ServerMetric(client, ridge)(binned, binned)
    with pytest.raises(ValueError, match="has 2 time bins"):
        SplitServerMetric(client, ridge)(binned, binned, binned, binned)
    stored = register_assembly(client, "bins", binned)
    with pytest.raises(ValueError, match="has a time axis"):
        ServerBenchmark(client, stored, ridge, Experiment([], "IT"), identifier="a-b")
    with pytest.raises(repscore.InvalidInput, match="measure"):
        ServerMetric(client, "cka(kernel=other)")(*pair)


def test_the_python_of_the_page_runs(client, pair):
    """docs/brain-score.md as it stands."""
    page = Path(__file__).resolve().parents[2] / "docs" / "brain-score.md"
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    names = {"client": client, "model_assembly": pair[0], "brain_assembly": pair[1]}

    exec(compile(block, page, "exec"), names)

    assert 0.9 < names["metric"](*pair).item() < 1.0


class Features:
    """A model that replays activations, as Brain-Score's PrecomputedFeatures."""

    identifier = "features"

    def __init__(self, activations):
        self.activations = activations
        self.asked = []

    def start_recording(self, region, time_bins):
        self.asked.append((region, tuple(time_bins)))

    def look_at(self, stimuli, number_of_trials=1):
        self.asked.append(number_of_trials)
        return self.activations.isel(presentation=stimuli)


@pytest.fixture(scope="module")
def repeated():
    """Three noisy presentations of every stimulus."""
    _, brain = recordings()
    random = np.random.default_rng(4)
    trials = [brain + 0.2 * random.normal(size=brain.shape) for _ in range(3)]
    return assembly(
        np.concatenate(trials),
        list(range(STIMULI)) * 3,
        repetition=("presentation", np.repeat(range(3), STIMULI)),
    )


def test_a_benchmark_normalises_by_its_ceiling(client, pair, repeated):
    dataset = register_assembly(client, "repeated", repeated)
    order = np.random.default_rng(5).permutation(STIMULI)
    measure = "brainscore.vision.ridge(folds=explicit)"
    benchmark = ServerBenchmark(
        client,
        dataset,
        measure,
        Experiment(order, "IT", number_of_trials=2),
        identifier="Repeated.IT-ridge",
        parent="IT",
    )
    model = Features(pair[0])

    score = score_benchmark(benchmark, model)

    assert isinstance(benchmark, Benchmark)
    assert (benchmark.identifier, benchmark.version) == ("Repeated.IT-ridge", 1)
    assert (benchmark.parent, benchmark.bibtex) == ("IT", None)
    assert model.asked == [("IT", ((70, 170),)), 2]
    averaged = repeated.values.reshape(3, STIMULI, 10).mean(axis=0)
    raw = ServerMetric(client, measure)(pair[0], assembly(averaged))
    assert score.attrs["raw"].item() == pytest.approx(raw.item(), abs=1e-9)
    ceiling = benchmark.ceiling
    assert 0.5 < ceiling.item() < 1.0
    assert score.attrs["ceiling"].item() == pytest.approx(ceiling.item(), abs=1e-12)
    assert ceiling.attrs["raw"].item() == ceiling.item()
    assert score.item() == pytest.approx(raw.item() ** 2 / ceiling.item(), abs=1e-9)
    assert score.attrs["benchmark_identifier"] == benchmark.identifier


def test_a_benchmark_needs_stimuli_and_labels(client, pair):
    plain = client.register("plain", pair[1].values)
    with pytest.raises(ValueError, match="no row ids"):
        ServerBenchmark(client, plain, "cka", Experiment([], "IT"), identifier="a-b")
    dataset = register_assembly(client, "brain", pair[1])
    with pytest.raises(ValueError, match="no label texture_type"):
        ServerBenchmark(
            client,
            dataset,
            "brainscore.vision.ridge(folds=explicit)",
            Experiment([], "V1"),
            identifier="a-b",
            cross_validation=CrossValidation(stratification="texture_type"),
        )


def test_a_plugin_that_the_library_finds(server, pair, tmp_path, monkeypatch):
    """Brain-Score's own loader reads the generated folder."""
    library = tmp_path / "brainscore_vision"
    (library / "metrics").mkdir(parents=True)
    (library / "__init__.py").write_text("metric_registry = {}\n")
    (library / "metrics" / "__init__.py").write_text("")
    folder = write_plugin(library / "metrics", "cka-lab.1", server.address, "cka")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("brainscore_vision")]:
        monkeypatch.delitem(sys.modules, name)

    import_plugin("brainscore_vision", "metrics", "cka-lab.1")
    registry = importlib.import_module("brainscore_vision").metric_registry

    assert folder.name == "cka_lab_1"
    assert registry["cka-lab.1"]()(*pair).item() == pytest.approx(
        WHOLE["brainscore.vision.cka_biased"], abs=1e-9
    )
    with pytest.raises(FileExistsError):
        write_plugin(library / "metrics", "cka-lab.1", server.address, "cka")
    with pytest.raises(ValueError, match="identifier"):
        write_plugin(library / "metrics", "cka lab", server.address, "cka")
