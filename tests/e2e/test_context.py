"""What stands beside a score, against loops over formulas in this process."""

import itertools

import numpy as np
import oracles
import pytest
from bad_input import NAN, expect

from repscore import Context

# A mean over random draws lies this many standard errors off at most.
SIGMAS = 6
DRAWS = 2000


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def related(reference, features, noise=1.0, seed=1):
    """A candidate that shares signal with the reference."""
    mixing = normal(reference.shape[-1], features, seed=seed)
    own = normal(*reference.shape[:-1], features, seed=seed + 1)
    return reference @ mixing + noise * own


def rows(array):
    return array.reshape(-1, array.shape[-1])


def permuted_scores(candidate, reference):
    """CKA for every order of the conditions of [time x condition x unit]."""
    return np.array(
        [
            oracles.cka(rows(candidate), rows(reference[:, list(order)]))
            for order in itertools.permutations(range(reference.shape[1]))
        ]
    )


def p_value(scores, observed):
    return np.mean(scores >= observed - 1e-12)


@pytest.mark.parametrize("times", [1, 4])
def test_null_distribution_of_cka_equals_all_permutations(client, times):
    reference = normal(times, 6, 3)
    candidate = related(reference, 4, noise=4.0)
    exact = permuted_scores(candidate, reference)
    if times == 1:
        # Rank 2: rows are conditions.
        candidate, reference = candidate[0], reference[0]
    client.register(f"null-{times}", reference)

    score = client.score(
        f"null-{times}", candidate, context=Context(permutations=DRAWS, seed=3)
    )["cka"]

    null = score.context.null
    assert null.permutations == DRAWS
    assert null.mean == pytest.approx(
        exact.mean(), abs=SIGMAS * exact.std() / DRAWS**0.5
    )
    assert null.sd == pytest.approx(exact.std(), rel=0.15)
    chance = p_value(exact, score)
    deviation = (chance * (1 - chance) / DRAWS) ** 0.5
    assert null.p_value == pytest.approx(chance, abs=SIGMAS * deviation + 1 / DRAWS)


def test_the_null_of_a_distance_counts_small_ones(client):
    reference = normal(30, 5)
    client.register("null-distance", reference)

    scores = client.score(
        "null-distance",
        related(reference, 5, noise=0.1),
        ["cka", "cka.angular", "procrustes.angle"],
        context=Context(permutations=99),
    )

    for score in scores.values():
        assert score.context.null.p_value == pytest.approx(0.01)
    assert scores["cka"].context.null.mean < scores["cka"]
    assert scores["cka.angular"].context.null.mean > scores["cka.angular"]


def test_the_same_seed_gives_the_same_context(client):
    reference = normal(30, 5)
    candidate = related(reference, 4)
    client.register("seeds", reference)

    def context(seed):
        options = Context(permutations=50, bootstrap=50, seed=seed)
        return client.score("seeds", candidate, context=options)["cka"].context

    assert context(1) == context(1)
    assert context(1).null != context(2).null
    assert context(1).interval != context(2).interval


def test_context_does_not_change_the_score(client):
    reference = normal(5, 8, 6)
    candidate = related(reference, 7)
    client.register("unchanged", reference)
    measures = ["cka", "nbs", "ridge_r2(lambda=1)", "linear_r2"]

    plain = client.score("unchanged", candidate, measures)
    full = client.score(
        "unchanged",
        candidate,
        measures,
        context=Context(permutations=5, bootstrap=50, baseline=True, companion=True),
    )

    assert full.to_dict() == pytest.approx(plain.to_dict(), abs=1e-12)


def test_intervals(client):
    reference = normal(40, 6)
    candidate = related(reference, 5)
    groups = {"session": np.arange(40) // 4, "one": ["all"] * 40}
    client.register("interval", reference, groups=groups)

    def interval(**options):
        context = Context(bootstrap=400, **options)
        return client.score("interval", candidate, context=context)["cka"].context

    narrow = interval(confidence=0.5).interval
    wide = interval(confidence=0.99).interval
    session = interval(group="session").interval
    one = interval(group="one")

    assert wide.lower < narrow.lower < narrow.upper < wide.upper
    assert (narrow.confidence, narrow.draws, narrow.unit) == (0.5, 400, "condition")
    assert 0 <= wide.lower < wide.upper <= 1
    assert session.unit == "session"
    assert session.lower < session.upper
    assert one.interval is None
    assert one.notes


def test_intervals_narrow_with_more_conditions(client):
    widths = []
    for count in (20, 320):
        reference = normal(count, 4)
        client.register(f"width-{count}", reference)
        context = Context(bootstrap=300)
        score = client.score(f"width-{count}", related(reference, 4), context=context)
        interval = score["cka"].context.interval
        widths.append(interval.upper - interval.lower)

    assert 2 < widths[0] / widths[1] < 8


def halves_of_two(presentations):
    """Scores of all ways to make halves of two presentations per condition."""
    count = presentations.shape[1]
    picks = itertools.product((0, 1), repeat=count - 1)
    values = []
    for pick in picks:
        first = np.array((0, *pick))
        one = presentations[first, np.arange(count)]
        two = presentations[1 - first, np.arange(count)]
        value = oracles.cka(one, two)
        values.append(2 * value / (1 + value))
    return np.array(values)


def test_the_ceiling_is_the_mean_over_split_halves(client):
    signal = normal(7, 4)
    presentations = signal + 0.8 * normal(2, 7, 4, seed=5)
    exact = halves_of_two(presentations)
    client.register("ceiling", rows(presentations), row_ids=[*range(7)] * 2)
    context = Context(ceiling_splits=1000, normalization="r/c")

    score = client.score("ceiling", related(signal, 4), context=context)["cka"]

    ceiling = score.context.ceiling
    assert ceiling.splits == 1000
    assert not ceiling.supplied
    assert ceiling.error == pytest.approx(exact.std() / 1000**0.5, rel=0.2)
    assert ceiling.value == pytest.approx(exact.mean(), abs=SIGMAS * ceiling.error)
    assert score.context.ceiled == pytest.approx(score / ceiling.value, abs=1e-12)


def test_one_split_has_no_error_and_says_why(client):
    presentations = normal(2, 7, 4)
    client.register("one-split", rows(presentations), row_ids=[*range(7)] * 2)

    score = client.score("one-split", normal(7, 3), context=Context(ceiling_splits=1))[
        "cka"
    ]

    assert score.context.ceiling.error is None
    assert score.context.ceiling.error_reason


def test_what_is_undefined_is_a_note(client):
    client.register("plain", normal(20, 4))

    score = client.score(
        "plain", normal(20, 3), context=Context(ceiling_splits=5, baseline=True)
    )["cka"]

    assert score.context.ceiling is None
    assert score.context.baseline is None
    assert len({note.reason for note in score.context.notes}) == 2
    assert all(note.message for note in score.context.notes)


@pytest.mark.parametrize(
    ("normalization", "formula"),
    [
        ("r/c", lambda r, c: r / c),
        ("r2/c", lambda r, c: r**2 / c),
        ("r2/c2", lambda r, c: (r / c) ** 2),
    ],
)
@pytest.mark.parametrize("ceiling", [0.05, 0.95])
def test_supplied_ceilings(client, normalization, formula, ceiling):
    reference = normal(25, 5)
    client.register("supplied", reference)

    score = client.score(
        "supplied",
        related(reference, 4),
        context=Context(
            supplied_ceiling=ceiling, normalization=normalization, clip=True
        ),
    )["cka"]

    expected = formula(score, ceiling)
    assert score.context.ceiling.supplied
    assert score.context.ceiling.value == ceiling
    assert score.context.unclipped == pytest.approx(expected, rel=1e-12)
    assert score.context.ceiled == pytest.approx(min(expected, 1.0), rel=1e-12)


def test_the_baseline_is_the_score_of_the_condition_average(client):
    reference = normal(6, 5, 4) + 2 * normal(6, 1, 4, seed=3)
    average = np.broadcast_to(reference.mean(axis=1, keepdims=True), reference.shape)
    client.register("baseline", reference)
    measures = ["cka", "nbs", "procrustes.angle", "ridge_r2(lambda=1)"]

    scores = client.score(
        "baseline", related(reference, 3), measures, context=Context(baseline=True)
    )
    expected = client.score("baseline", average, measures)

    for measure in measures:
        assert scores[measure].context.baseline == pytest.approx(
            expected[measure], abs=1e-9
        )


def test_the_companion_is_the_debiased_score(client):
    reference = normal(20, 30)
    candidate = related(reference, 25)
    client.register("companion", reference)

    scores = client.score(
        "companion", candidate, ["cka", "nbs"], context=Context(companion=True)
    )

    companion = scores["cka"].context.companion
    assert companion.measure.startswith("cka.debiased")
    assert companion == pytest.approx(
        oracles.cka_debiased(candidate, reference), abs=1e-10
    )
    assert scores["nbs"].context.companion is None


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"ceiling_splits": -1}, r"context\.ceiling_splits"),
        ({"ceiling_splits": 10**7}, r"context\.ceiling_splits"),
        ({"supplied_ceiling": NAN}, r"context\.supplied_ceiling"),
        ({"normalization": "r/c"}, r"context\.normalization"),
        ({"bootstrap": -1}, r"context\.bootstrap_draws"),
        ({"bootstrap": 10**7}, r"context\.bootstrap_draws"),
        ({"bootstrap": 99, "confidence": 0.0}, r"context\.confidence"),
        ({"bootstrap": 99, "confidence": 1.0}, r"context\.confidence"),
        ({"bootstrap": 99, "confidence": NAN}, r"context\.confidence"),
        ({"bootstrap": 99, "group": "nobody"}, r"context\.bootstrap_group"),
        ({"permutations": -1}, r"context\.permutations"),
        ({"permutations": 10**7}, r"context\.permutations"),
    ],
)
def test_bad_context(client, options, field):
    client.register("bad-context", normal(20, 4))

    expect(
        lambda: client.score("bad-context", normal(20, 3), context=Context(**options)),
        field,
    )
    expect(
        lambda: client.compare(
            normal(20, 4), normal(20, 3), context=Context(**options)
        ),
        field,
    )
