"""Rows with names, repetitions, layers, and folds with training rows."""

import numpy as np
import oracles
import pytest
from bad_input import NAN, expect

import repscore

TOLERANCE = 1e-10
IDS = [f"stimulus {i}" for i in range(12)]


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


@pytest.fixture(scope="module")
def reference(server):
    """A dataset "named" [12 x 5] with row ids."""
    array = normal(12, 5)
    with server.client() as client:
        client.register("named", array, row_ids=IDS)
    return array


def test_shuffled_rows_give_the_same_score(client, reference):
    candidate = normal(12, 4, seed=1)
    order = np.random.default_rng(2).permutation(12)
    measures = ["cka", "nbs", "ridge_r2(lambda=1,folds=rows_contiguous(3))"]

    plain = client.score("named", candidate, measures)
    shuffled = client.score(
        "named", candidate[order], measures, row_ids=[IDS[i] for i in order]
    )

    assert shuffled.to_dict() == pytest.approx(plain.to_dict(), abs=1e-12)
    assert client.score("named", candidate[order])["cka"] != plain["cka"]


def test_repeated_rows_are_averaged(client, reference):
    candidate = normal(12, 4, seed=1)
    noise = normal(12, 4, seed=2)
    repeated = np.concatenate([candidate + noise, candidate - noise])
    order = np.random.default_rng(3).permutation(24)

    scores = client.score(
        "named", repeated[order], "cka", row_ids=[(IDS + IDS)[i] for i in order]
    )

    assert scores["cka"] == pytest.approx(
        oracles.cka(candidate, reference), abs=TOLERANCE
    )
    assert scores.candidate.rows == 12


def test_large_candidates_are_matched_too(client):
    array, candidate = normal(700, 6), normal(700, 250, seed=1)
    order = np.random.default_rng(4).permutation(700)
    client.register("large-named", array, row_ids=range(700))

    score = client.score("large-named", candidate[order], row_ids=order)["cka"]

    assert score == pytest.approx(oracles.cka(candidate, array), abs=TOLERANCE)


def test_ids_name_conditions_where_there_is_time(client):
    array, candidate = normal(4, 6, 3), normal(4, 6, 2, seed=1)
    order = [3, 1, 5, 0, 2, 4]
    client.register("timed", array, row_ids=list("abcdef"))

    score = client.score(
        "timed", candidate[:, order], row_ids=["abcdef"[i] for i in order]
    )["cka"]

    expected = oracles.cka(candidate.reshape(24, 2), array.reshape(24, 3))
    assert score == pytest.approx(expected, abs=TOLERANCE)


def test_repetitions_of_a_dataset_are_averaged(client):
    presentations = normal(3, 10, 4)
    candidate = normal(10, 5, seed=1)

    dataset = client.register(
        "repeated", presentations.reshape(30, 4), row_ids=[*range(10)] * 3
    )
    scores = client.score("repeated", candidate, ["cka", "nbs"])

    assert (dataset.rows, dataset.scored_rows) == (30, 10)
    assert dataset.row_ids == tuple(str(i) for i in range(10)) * 3
    assert client.dataset("repeated") == dataset
    expected = oracles.all_scores(candidate, presentations.mean(axis=0))
    assert scores["cka"] == pytest.approx(expected["cka"], abs=TOLERANCE)
    assert scores["nbs"] == pytest.approx(expected["nbs"], abs=TOLERANCE)
    assert (scores.reference.rows, scores.reference.features) == (10, 4)


def test_row_ids_change_the_digest(client):
    array = normal(6, 3)

    digests = {
        client.register("digest", array, row_ids=ids).digest
        for ids in (None, range(6), "aabbcc")
    }

    assert len(digests) == 3


def test_missing_and_extra_ids_are_listed(client, reference):
    candidate = normal(12, 4)

    error = expect(
        lambda: client.score("named", candidate, row_ids=[*IDS[:11], "stranger"]),
        r"row_ids.*",
        "stimulus 11",
        "stranger",
    )
    assert "stimulus 3" not in str(error)
    expect(
        lambda: client.score("named", candidate[:8], row_ids=IDS[:8]),
        r"row_ids.*",
        "4",
        "stimulus 8",
        "stimulus 9",
        "stimulus 10",
    )
    expect(
        lambda: client.score("named", candidate, row_ids=IDS[:11]),
        r"row_ids.*",
        11,
        12,
    )


def test_ids_for_a_dataset_without(client):
    client.register("nameless", normal(12, 3))

    expect(
        lambda: client.score("nameless", normal(12, 4), row_ids=IDS),
        r"row_ids.*",
        "no row ids",
    )


@pytest.mark.parametrize("ids", [["a"], list("abcd"), ["a", "b", "\0"]])
def test_bad_ids_of_a_dataset(client, ids):
    expect(lambda: client.register("bad-ids", normal(3, 3), row_ids=ids), r"row_ids.*")


def test_layers_equal_single_calls(client, reference):
    layers = {f"layer {p}": normal(12, p, seed=p) for p in (1, 4, 30)}
    measures = ["cka", "nbs", "linear_r2", "ridge_r2(lambda=1)"]
    context = repscore.Context(permutations=9)

    table = client.score("named", layers, measures, context=context)

    assert list(table) == list(layers)
    for name, array in layers.items():
        single = client.score("named", array, measures, context=context)
        assert table[name].to_dict() == single.to_dict()
        assert table[name].candidate == single.candidate
        assert table[name].reference == single.reference
        assert table[name].provenance == single.provenance
        for measure in measures:
            assert table[name][measure].context == single[measure].context


def test_layers_share_row_ids(client, reference):
    layers = {"a": normal(12, 4), "b": normal(12, 2)}
    shuffled = {name: array[::-1] for name, array in layers.items()}

    plain = client.score("named", layers)
    named = client.score("named", shuffled, row_ids=IDS[::-1])

    for name, scores in plain.items():
        assert named[name]["cka"] == pytest.approx(scores["cka"], abs=1e-12)


def test_a_bad_layer_is_named(client, reference):
    spoiled = normal(12, 4)
    spoiled[3, 2] = NAN

    expect(
        lambda: client.score("named", {"a": normal(12, 4), "b": normal(11, 4)}),
        r"layers\[1\]\.candidate\.spec\.shape",
        11,
        12,
    )
    expect(
        lambda: client.score("named", {"a": normal(12, 4), "b": spoiled}),
        r"layers\[1\]\.candidate.*",
    )


def ridge_over_splits(x, y, penalty, splits):
    """Mean over splits of R2 against the training mean."""
    values = []
    for train, test in splits:
        mean_x, mean_y = x[train].mean(axis=0), y[train].mean(axis=0)
        centred = x[train] - mean_x
        weights = np.linalg.solve(
            centred.T @ centred + penalty * np.eye(x.shape[1]),
            centred.T @ (y[train] - mean_y),
        )
        residual = y[test] - mean_y - (x[test] - mean_x) @ weights
        values.append(1 - (residual**2).sum() / ((y[test] - mean_y) ** 2).sum())
    return float(np.mean(values))


def test_overlapping_splits_of_scikit_learn(client):
    model_selection = pytest.importorskip("sklearn.model_selection")
    candidate, array = normal(40, 5), normal(40, 3, seed=1)
    array += candidate[:, :3]
    client.register("splits", array)
    splitter = model_selection.ShuffleSplit(6, test_size=0.2, random_state=0)
    splits = list(splitter.split(candidate))
    measure = "ridge_r2(lambda=2,folds=explicit)"

    score = client.score("splits", candidate, measure, folds=splits)[measure]
    table = client.score("splits", {"a": candidate}, measure, folds=splits)

    expected = ridge_over_splits(candidate, array, 2.0, splits)
    assert score == pytest.approx(expected, abs=TOLERANCE)
    assert table["a"][measure] == score


def test_pairs_that_leave_rows_out(client):
    candidate, array = normal(30, 4), normal(30, 3, seed=1)
    client.register("left-out", array)
    rows = np.arange(30)
    # Rows 20 to 29 are neither trained on nor validated.
    splits = [(rows[10:20], rows[:10]), (rows[:10], rows[10:20])]
    measure = "ridge_r2(lambda=2,folds=explicit)"

    score = client.score("left-out", candidate, measure, folds=splits)[measure]

    expected = ridge_over_splits(candidate, array, 2.0, splits)
    assert score == pytest.approx(expected, abs=TOLERANCE)


def test_complete_pairs_are_plain_folds(client, reference):
    candidate, measure = normal(12, 3), "ridge_r2(lambda=2,folds=explicit)"
    rows = np.arange(12)
    parts = np.array_split(rows, 3)
    pairs = [(np.setdiff1d(rows, part), part) for part in parts]

    first = client.score("named", candidate, measure, folds=pairs)[measure]
    second = client.score("named", candidate, measure, folds=parts)[measure]

    assert first == second
    assert first.fold_digest == second.fold_digest


def test_descriptions(client):
    listed = {measure.id: measure for measure in client.measures()}

    assert client.describe("cka") == listed["cka"]
    assert "lambda=7" in client.describe("ridge_r2(lambda=7)").canonical
    for measure in listed.values():
        assert measure.minimum_rows >= 1
        assert measure.cost
        for example in measure.examples:
            assert client.describe(example).canonical
    expect(lambda: client.describe("no_such"), ".*", kind=repscore.NotFound)
    expect(lambda: client.describe("cka(nothing=1)"), r"measure.*")


def test_estimates(client, reference):
    measures = ["cka", "nbs"]

    small = client.estimate("named", (12, 4), measures)
    array = client.estimate("named", normal(12, 4), measures)
    huge = client.estimate("named", (12, 10**9), measures)
    nulls = client.estimate(
        "named", (12, 4), measures, context=repscore.Context(permutations=1000)
    )

    assert small.fits
    assert small.space in ("feature", "sample")
    assert small.memory
    assert 0 < small.peak_bytes < small.limit_bytes
    assert small.seconds >= 0
    assert array.flops == small.flops
    assert array.memory == small.memory
    assert not huge.fits
    assert huge.peak_bytes > huge.limit_bytes
    assert nulls.flops > 10 * small.flops
    expect(lambda: client.estimate("named", (11, 4)), r"candidate.*", 11, 12)
    expect(
        lambda: client.estimate("nowhere", (11, 4)), "dataset", kind=repscore.NotFound
    )
