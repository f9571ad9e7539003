"""Scores of random data against formulas and scikit-learn in this process."""

import numpy as np
import oracle_table
import oracles
import pytest
from oracle_case import PROBLEMS, TIMED_PROBLEMS
from stream import stream_score

import repscore

# Two algorithms for one number, relative to values of order 1.
TOLERANCE = 1e-10
SHAPES = [
    (60, 12, 9),
    (40, 9, 12),
    (40, 9, 9),
    (15, 25, 20),
    (30, 6, 40),
    (30, 40, 6),
    (30, 1, 5),
    (30, 5, 1),
    (2, 1, 1),
    (4, 2, 3),
    (20, 19, 7),
    (25, 60, 50),
    (300, 70, 40),
]


def data(n, p, q, seed=0):
    """A reference with unequal scales and a candidate that shares signal."""
    random = np.random.default_rng([seed, n, p, q])
    reference = random.normal(size=(n, q)) * np.linspace(0.3, 1.5, q)
    candidate = reference @ random.normal(size=(q, p)) + random.normal(size=(n, p))
    return candidate + random.normal(size=p), reference - 1.0


@pytest.mark.parametrize(("n", "p", "q"), SHAPES)
def test_scores_equal_their_formulas(client, n, p, q):
    candidate, reference = data(n, p, q)
    expected = oracles.all_scores(candidate, reference)
    for penalty in (0.1, 100.0):
        expected[f"ridge_r2(lambda={penalty},folds=none)"] = oracles.ridge_r2(
            candidate, reference, penalty
        )
    client.register(f"random-{n}-{p}-{q}", reference)

    scores = client.score(f"random-{n}-{p}-{q}", candidate, list(expected))

    for measure, value in expected.items():
        assert scores[measure] == pytest.approx(value, abs=TOLERANCE), measure


@pytest.mark.parametrize(("n", "p", "q"), [s for s in SHAPES if s[0] >= 15])
@pytest.mark.parametrize("denominator", ["train_mean", "validation_mean"])
@pytest.mark.parametrize("pooling", ["mean_of_folds", "pooled"])
def test_cross_validated_ridge_equals_its_formula(
    client, n, p, q, denominator, pooling
):
    candidate, reference = data(n, p, q)
    client.register(f"random-{n}-{p}-{q}", reference)
    measure = (
        f"ridge_r2(lambda=1,folds=rows_contiguous(5),"
        f"denominator={denominator},pooling={pooling})"
    )

    score = client.score(f"random-{n}-{p}-{q}", candidate, measure)[measure]

    assert score == pytest.approx(
        oracles.ridge_r2_folds(
            candidate,
            reference,
            1.0,
            oracles.contiguous(n, 5),
            denominator=denominator,
            pooling=pooling,
        ),
        rel=1e-9,
        abs=TOLERANCE,
    )


def test_whole_conditions_as_folds(client):
    candidate, reference = data(7 * 11, 5, 6)
    client.register("conditions", reference.reshape(7, 11, 6))
    measure = "ridge_r2(lambda=2,folds=conditions_contiguous(3))"

    score = client.score("conditions", candidate.reshape(7, 11, 5), measure)[measure]

    assert score == pytest.approx(
        oracles.ridge_r2_folds(
            candidate, reference, 2.0, oracles.by_condition(7, 11, 3)
        ),
        abs=TOLERANCE,
    )


def test_folds_of_scikit_learn(client):
    linear_model = pytest.importorskip("sklearn.linear_model")
    model_selection = pytest.importorskip("sklearn.model_selection")
    candidate, reference = data(50, 8, 6)
    client.register("sklearn", reference)
    splitter = model_selection.KFold(4, shuffle=True, random_state=0)
    measure = "ridge_r2(lambda=3,folds=explicit,denominator=validation_mean)"

    score = client.score(
        "sklearn", candidate, measure, folds=splitter.split(candidate)
    )[measure]

    expected = model_selection.cross_val_score(
        linear_model.Ridge(alpha=3.0),
        candidate,
        reference,
        cv=splitter,
        scoring=lambda model, x, y: _variance_weighted(model.predict(x), y),
    ).mean()
    assert score == pytest.approx(expected, abs=TOLERANCE)
    assert len(score.fold_digest) == 64


def _variance_weighted(predicted, target):
    residual = ((target - predicted) ** 2).sum()
    return 1 - residual / ((target - target.mean(axis=0)) ** 2).sum()


def test_shuffled_folds_are_the_same_for_the_same_seed(client):
    candidate, reference = data(40, 5, 6)
    client.register("shuffled", reference)
    measures = [f"ridge_r2(folds=rows_shuffled(4,{seed}))" for seed in (1, 1, 2)]

    first = client.score("shuffled", candidate, measures[0])[measures[0]]
    second = client.score("shuffled", candidate, measures[1])[measures[1]]
    other = client.score("shuffled", candidate, measures[2])[measures[2]]

    assert first == second
    assert first.fold_digest == second.fold_digest
    assert other.fold_digest != first.fold_digest


def test_rank_deficient_candidates(client):
    random = np.random.default_rng(1)
    reference = random.normal(size=(40, 10))
    candidate = reference[:, :3] @ random.normal(size=(3, 8))
    client.register("rank", reference)

    scores = client.score("rank", candidate, ["linear_r2", "nbs", "cka"])

    assert scores["linear_r2"] == pytest.approx(
        oracles.linear_r2(reference[:, :3], reference), abs=TOLERANCE
    )
    assert scores["nbs"] == pytest.approx(oracles.nbs(candidate, reference), abs=1e-10)


def test_equal_and_nearly_equal_inputs(client):
    random = np.random.default_rng(2)
    reference = random.normal(size=(50, 7))
    rotation, _ = np.linalg.qr(random.normal(size=(7, 7)))
    client.register("equal", reference)
    measures = ["cka", "cka.debiased", "nbs", "cka.angular_score", "linear_r2"]
    measures.append("procrustes.angular_score")

    for candidate in (reference, 2 * reference, reference @ rotation + 3):
        for score in client.score("equal", candidate, measures).values():
            assert score == pytest.approx(
                1, abs=1e-7 if "angular" in score.measure else 1e-12
            )

    near = reference + 1e-9 * random.normal(size=reference.shape)
    for score in client.score("equal", near, measures).values():
        assert np.isfinite(score)
        assert score <= 1 + 1e-12


def test_large_offsets_do_not_cost_digits(client):
    candidate, reference = data(60, 12, 9)
    client.register("offsets", reference)
    measures = ["cka", "nbs", "linear_r2", "cka.debiased"]

    plain = client.score("offsets", oracles.centred(candidate), measures)
    shifted = client.score("offsets", candidate + 1e6, measures)

    for measure in measures:
        assert shifted[measure] == pytest.approx(plain[measure], abs=1e-8)


@pytest.mark.parametrize(("n", "p"), [(300, 70), (40, 90)])
def test_any_chunking_gives_the_same_scores(server, client, n, p):
    candidate, reference = data(n, p, 13)
    client.register(f"chunks-{n}", reference)
    measures = [*oracles.all_scores(candidate, reference), "ridge_r2(lambda=1)"]
    whole = client.score(f"chunks-{n}", candidate, measures)
    random = np.random.default_rng(n)

    for largest in (90, 5_000, 100_000):
        for array in (candidate, candidate.astype(np.float32).astype(np.float64)):
            sizes = random.integers(1, largest, size=candidate.nbytes)
            values = stream_score(server, f"chunks-{n}", array, measures, sizes)
            if array is candidate:
                for measure, value in zip(measures, values):
                    assert value == pytest.approx(whole[measure], abs=1e-12), measure


def test_saturated_regression_warns(client):
    candidate, reference = data(20, 30, 5)
    client.register("saturated", reference)

    scores = client.score("saturated", candidate, "linear_r2")

    assert scores["linear_r2"] == pytest.approx(1, abs=1e-9)
    assert scores["linear_r2"].warnings


@pytest.fixture(scope="module")
def registered(server):
    """The measures that the server has, and every problem as a dataset."""
    with server.client() as client:
        for problem in (*PROBLEMS, *TIMED_PROBLEMS):
            client.register(problem.name, problem.grid(problem.reference))
        return {measure.id for measure in client.measures()}


def difference(server, client, case, problem):
    """What is wrong with the server's value, or nothing."""
    folds = problem.explicit if "explicit" in case.measure else None
    expected = case.expected(problem)
    limit = case.tolerance * problem.digits * max(1, abs(expected))
    try:
        scores = client.score(
            problem.name, problem.grid(problem.candidate), case.measure, folds=folds
        )
    except repscore.RepscoreError as error:
        if server.alive():
            return f"{problem.name}: {error}"
        # The other measures are still to be judged.
        server.start()
        return f"{problem.name}: the server died"
    score = float(scores[case.measure])
    if abs(score - expected) <= limit:
        return ""
    return f"{problem.name}: {score!r}, formula {float(expected)!r}"


@pytest.mark.parametrize("case", oracle_table.CASES, ids=lambda case: case.measure)
def test_every_measure_equals_its_formula(server, client, registered, case):
    if case.id not in registered:
        pytest.skip(f"{case.id} is not a measure of this server")

    wrong = [difference(server, client, case, problem) for problem in case.problems]

    assert not any(wrong), "\n".join(filter(None, [case.measure, *wrong]))


def test_every_registered_measure_has_an_oracle(registered):
    known = {case.id for case in oracle_table.CASES}

    assert registered - known - set(oracle_table.WITHOUT_ORACLE) == set()
    assert not known & set(oracle_table.WITHOUT_ORACLE)
    assert all(oracle_table.WITHOUT_ORACLE.values())
