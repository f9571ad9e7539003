"""One ranking from several measures, against SciPy."""

import itertools

import numpy as np
import pytest
from bad_input import NAN, expect

import repscore


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


RANKED = ["cka", "procrustes.angle", "linear_r2", "nbs"]
# +1 where more is better.
SIGNS = np.array([1, -1, 1, 1])


def ranked_scores(missing=()):
    """Random scores of seven systems with ties, as nested dicts."""
    values = normal(7, 4).round(1)
    values[2, 0] = values[3, 0]
    for place in missing:
        values[place] = NAN
    table = {
        f"s{i}": {m: v for m, v in zip(RANKED, row.tolist()) if not np.isnan(v)}
        for i, row in enumerate(values)
    }
    # The order of measures is that of the first system.
    assert list(table["s0"]) == RANKED
    return values * SIGNS, table


def listed(values):
    return list(values.values())


def check_correlations(result, values):
    stats = pytest.importorskip("scipy.stats")
    for a, b in itertools.product(range(4), repeat=2):
        there = ~np.isnan(values[:, a]) & ~np.isnan(values[:, b])
        x, y = values[there, a], values[there, b]
        assert result.kendall[a, b] == pytest.approx(stats.kendalltau(x, y)[0])
        assert result.spearman[a, b] == pytest.approx(stats.spearmanr(x, y)[0])


def test_aggregation_equals_scipy(client):
    stats = pytest.importorskip("scipy.stats")
    values, table = ranked_scores()

    result = client.aggregate(table)

    ranks = stats.rankdata(-values, axis=0).mean(axis=1)
    assert listed(result.arithmetic_mean) == pytest.approx(values.mean(axis=1))
    assert listed(result.z_score_mean) == pytest.approx(
        stats.zscore(values, axis=0).mean(axis=1)
    )
    assert listed(result.mean_rank) == pytest.approx(ranks)
    assert result.ranking[0] == f"s{ranks.argmin()}"
    assert result.systems_left_out == 0
    check_correlations(result, values)


def test_aggregation_of_complete_cases(client):
    values, table = ranked_scores(missing=[(4, 1), (6, 3)])
    complete = np.array([0, 1, 2, 3, 5])

    result = client.aggregate(table)
    only = client.aggregate({f"s{i}": table[f"s{i}"] for i in complete})

    assert result.systems_left_out == 2
    assert np.isnan(listed(result.mean_rank)).nonzero()[0].tolist() == [4, 6]
    assert set(result.ranking) == set(only.systems)
    for name in only.systems:
        assert result.mean_rank[name] == pytest.approx(only.mean_rank[name])
        assert result.z_score_mean[name] == pytest.approx(only.z_score_mean[name])
    check_correlations(result, values[complete])


def test_aggregation_over_the_scores_there_are(client):
    stats = pytest.importorskip("scipy.stats")
    values, table = ranked_scores(missing=[(4, 1), (6, 3)])

    result = client.aggregate(table, missing="ignore")

    ranks = stats.rankdata(-values, axis=0, nan_policy="omit")
    assert listed(result.arithmetic_mean) == pytest.approx(np.nanmean(values, axis=1))
    assert listed(result.z_score_mean) == pytest.approx(
        np.nanmean(stats.zscore(values, axis=0, nan_policy="omit"), axis=1)
    )
    assert listed(result.mean_rank) == pytest.approx(np.nanmean(ranks, axis=1))
    assert result.systems_left_out == 0
    check_correlations(result, values)


def test_missing_scores_as_zero(client):
    values, table = ranked_scores(missing=[(6, 3)])

    result = client.aggregate(table, missing="zero")

    assert listed(result.arithmetic_mean) == pytest.approx(
        np.nan_to_num(values).mean(axis=1)
    )


def test_aggregation_of_what_score_returns(client):
    reference = normal(20, 5)
    client.register("ranked", reference)
    layers = {
        f"noise {level}": reference + level * normal(20, 5, seed=1)
        for level in (3.0, 0.1, 1.0)
    }
    folds = np.array_split(np.arange(20), 4)
    measures = ["cka", "procrustes.angle", "ridge_r2(lambda=1,folds=explicit)"]

    result = client.aggregate(client.score("ranked", layers, measures, folds))

    assert result.ranking == ("noise 0.1", "noise 1.0", "noise 3.0")
    np.testing.assert_allclose(result.kendall, 1)


def test_bad_aggregations(client):
    expect(lambda: client.aggregate({}), ".*")
    expect(lambda: client.aggregate({"a": {"cka": np.inf}}), "scores")
    expect(
        lambda: client.aggregate({"a": {"nothing": 1.0}}), ".*", kind=repscore.NotFound
    )
