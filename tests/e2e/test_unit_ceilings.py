"""Scores of single units over ceilings of their own, against NumPy."""

import itertools

import numpy as np
import oracles_prediction as prediction
import pytest

from repscore import Context

CONDITIONS = 9
UNITS = 6
FOLDS = 3
# Random halves against all of them: a mean lies this many standard errors off.
SIGMAS = 6
SPLITS = 1000
# Two programs for one number.
CLOSE = 1e-10

REGRESSORS = {
    "ridge_r({},lambda=2)": prediction.ridge(2),
    "pls_r({},components=2)": prediction.pls_svd(2),
}


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def corrected(r):
    return np.where(r > 0, 2 * r / (1 + r), r)


def unit_scores(candidate, reference, regressor):
    """r of every unit, mean over folds."""
    folds = prediction.predictions(
        candidate,
        reference,
        prediction.contiguous(len(reference), FOLDS),
        regressor,
    )
    return np.mean([prediction.pearson_columns(z, f) for z, f, _ in folds], axis=0)


def all_halves(presentations):
    """[ways x units]: reliability of every unit in all halves of two."""
    count = presentations.shape[1]
    values = []
    for pick in itertools.product((0, 1), repeat=count - 1):
        first = np.array((0, *pick))
        one = presentations[first, np.arange(count)]
        two = presentations[1 - first, np.arange(count)]
        values.append(corrected(prediction.pearson_columns(one, two)))
    return np.array(values)


def measure(template, aggregation):
    return template.format(f"aggregation={aggregation},folds=rows_contiguous({FOLDS})")


@pytest.mark.parametrize("template", REGRESSORS)
@pytest.mark.parametrize("aggregation", ["mean", "median"])
def test_one_ceiling_for_all_units(client, template, aggregation):
    reference = normal(CONDITIONS, UNITS)
    candidate = reference @ normal(UNITS, 4, seed=1) + normal(CONDITIONS, 4, seed=2)
    client.register("unit-ceiling", reference)
    r = unit_scores(candidate, reference, REGRESSORS[template])
    context = Context(supplied_ceiling=0.6, normalization="per_unit_r2/c")

    score = client.score(
        "unit-ceiling", candidate, measure(template, aggregation), context=context
    )[measure(template, aggregation)]

    expected = getattr(np, aggregation)(r**2 / 0.6)
    assert score.context.ceiled == pytest.approx(expected, abs=CLOSE)
    assert score.context.ceiled != pytest.approx(score**2 / 0.6, abs=1e-3)


@pytest.mark.parametrize("aggregation", ["mean", "median"])
def test_every_unit_has_its_own_split_half_reliability(client, aggregation):
    signal = normal(CONDITIONS, UNITS)
    noise = np.linspace(0.2, 0.9, UNITS) * normal(2, CONDITIONS, UNITS, seed=5)
    presentations = signal + noise
    candidate = signal @ normal(UNITS, 4, seed=1) + 0.3 * normal(CONDITIONS, 4, seed=2)
    client.register(
        "unit-halves",
        presentations.reshape(-1, UNITS),
        row_ids=[*range(CONDITIONS)] * 2,
    )
    ways = all_halves(presentations)
    r = unit_scores(candidate, presentations.mean(axis=0), prediction.ridge(2))
    name = measure("ridge_r({},lambda=2)", aggregation)
    context = Context(ceiling_splits=SPLITS, normalization="per_unit_r2/c")

    score = client.score(
        "unit-halves", candidate, name, row_ids=[*range(CONDITIONS)], context=context
    )[name]

    units = r**2 / ways.mean(axis=0)
    errors = units * ways.std(axis=0) / ways.mean(axis=0) / SPLITS**0.5
    expected = getattr(np, aggregation)(units)
    assert score.context.ceiled == pytest.approx(expected, abs=SIGMAS * errors.max())
    medians = np.median(ways, axis=1)
    ceiling = score.context.ceiling
    assert ceiling.value == pytest.approx(medians.mean(), abs=SIGMAS * ceiling.error)
    assert ceiling.error == pytest.approx(medians.std() / SPLITS**0.5, rel=0.2)


def test_scores_without_units_say_so(client):
    reference = normal(CONDITIONS, UNITS)
    client.register("no-units", reference)
    context = Context(supplied_ceiling=0.6, normalization="per_unit_r2/c")

    scores = client.score(
        "no-units",
        normal(CONDITIONS, 4, seed=1),
        ["cka", "ridge_r(aggregation=flat)"],
        context=context,
    )

    for score in scores.values():
        assert score.context.ceiled is None
        assert [note.reason for note in score.context.notes] == ["NO_UNIT_SCORES"]
