"""Optimisation through client, stream and trace."""

import golden
import numpy as np
import oracles
import pytest

import repscore


@pytest.fixture(scope="module")
def reference(server):
    random = np.random.default_rng(0)
    array = random.normal(size=(60, 20)) * np.linspace(2, 0.2, 20)
    with server.client() as client:
        client.register("small", array)
        client.register("g0", golden.pair()[0])
    return array


SCORES = [
    "cka",
    "cka.angular_score",
    "cka.debiased",
    "nbs",
    "procrustes.angular_score",
    "linear_r2",
    "ridge_r2(lambda=1,folds=none)",
    "ridge_r2(lambda=1,folds=rows_contiguous(5))",
]


@pytest.mark.parametrize("measure", list(golden.ADAM))
def test_adam_follows_the_oracle(client, reference, measure):
    run = client.optimize(
        "g0",
        measure,
        start=golden.pair()[1],
        learning_rate=0.1,
        stop_score=2.0,
        max_steps=50,
        precision="float64",
    )

    points = {point.step: point.score for point in run}

    assert list(points) == list(range(51))
    for step, expected in zip(golden.ADAM_STEPS, golden.ADAM[measure]):
        # The oracle is printed with 13 digits; later steps amplify rounding.
        tolerance = 1e-10 if step <= 5 else 1e-8 if step <= 30 else 1e-6
        assert points[step] == pytest.approx(expected, abs=tolerance), step


@pytest.mark.parametrize("measure", SCORES)
def test_every_score_rises_to_its_stop(client, reference, measure):
    run = client.optimize("small", measure, stop_score=0.9, max_steps=2000)

    points = list(run)
    result = run.result()

    assert result.stop_reason == "score_reached"
    assert points[0].step == 0
    assert points[-1].score > 0.9
    assert all(point.score <= 0.9 for point in points[:-1])
    assert [point.step for point in points] == list(range(len(points)))
    assert result.steps == points[-1].step
    final = next(iter(result.scores.values()))
    assert final == pytest.approx(points[-1].score, abs=1e-3)
    assert client.score("small", result.candidate, measure)[measure] == pytest.approx(
        final, abs=1e-10
    )


@pytest.mark.parametrize("measure", ["cka.angular", "procrustes.angle"])
def test_distances_fall(client, reference, measure):
    run = client.optimize("small", measure, stop_score=0.3, max_steps=2000)

    points = list(run)

    assert run.result().stop_reason == "score_reached"
    assert points[-1].score < 0.3 <= points[-2].score


def test_the_start_is_the_seed(client, reference):
    first = client.optimize("small", "cka", seed=3, max_steps=3).result()
    again = client.optimize("small", "cka", seed=3, max_steps=3).result()
    other = client.optimize("small", "cka", seed=4, max_steps=3).result()

    assert [p.scores for p in first.trace] == [p.scores for p in again.trace]
    assert first.candidate_digest == again.candidate_digest
    np.testing.assert_array_equal(first.candidate, again.candidate)
    assert first.trace[0].score != other.trace[0].score
    assert first.run.seed == 3


def test_the_start_is_standard_normal(client, reference):
    result = client.optimize(
        "small", "cka", features=500, max_steps=1, learning_rate=1e-12
    ).result()

    assert result.candidate.shape == (60, 500)
    assert abs(result.candidate.mean()) < 4 / np.sqrt(30_000)
    assert result.candidate.var() == pytest.approx(1, abs=4 * np.sqrt(2 / 30_000))


def test_start_from_an_array_or_a_dataset(client, reference):
    start = np.random.default_rng(1).normal(size=(60, 7))
    client.register("start", start)

    from_array = client.optimize("small", "cka", start=start, max_steps=2).result()
    from_dataset = client.optimize("small", "cka", start="start", max_steps=2).result()

    assert from_array.trace[0].score == pytest.approx(
        oracles.cka(start, reference), abs=1e-6
    )
    assert [p.score for p in from_dataset.trace] == [p.score for p in from_array.trace]
    assert from_array.candidate.shape == (60, 7)


def test_the_trace_shows_what_was_asked_for(client, reference):
    run = client.optimize(
        "small", "cka", track=["nbs", "linear_r2"], components=3, max_steps=5
    )

    result = run.result()
    point = result.trace[-1]
    scores = client.score("small", result.candidate, ["cka", "nbs", "linear_r2"])

    assert len(run.tracked) == 2
    assert list(point.tracked.values()) == [
        pytest.approx(scores["nbs"], abs=1e-5),
        pytest.approx(scores["linear_r2"], abs=1e-5),
    ]
    u, _, _ = np.linalg.svd(oracles.centred(reference), full_matrices=False)
    basis, _ = np.linalg.qr(oracles.centred(result.candidate))
    np.testing.assert_allclose(
        point.component_r2, ((basis.T @ u[:, :3]) ** 2).sum(axis=0), atol=1e-4
    )
    assert point.candidate_norm == pytest.approx(
        np.linalg.norm(oracles.centred(result.candidate)), rel=1e-5
    )
    assert point.gradient_norm > 0
    assert point.elapsed_seconds >= result.trace[0].elapsed_seconds


def test_cadence_keeps_first_and_last(client, reference):
    full = client.optimize("small", "cka", max_steps=11, stop_score=2).result()
    sparse = client.optimize("small", "cka", max_steps=11, stop_score=2, every=4)
    points = sparse.result().trace

    by_step = {point.step: point.score for point in full.trace}
    assert [point.step for point in points] == [0, 4, 8, 11]
    assert [point.score for point in points] == [by_step[p.step] for p in points]


def test_stopping_rules(client, reference):
    steps = client.optimize("small", "cka", max_steps=4).result()
    seconds = client.optimize(
        "small", "cka", max_time=0.05, stop_score=2, max_steps=1_000_000, every=1000
    ).result()
    plateau = client.optimize(
        "small", "cka", plateau=(3, 0.5), stop_score=2, max_steps=1000
    ).result()

    assert (steps.stop_reason, steps.steps) == ("max_steps", 4)
    assert seconds.stop_reason == "max_time"
    assert plateau.stop_reason == "plateau"
    assert plateau.steps < 1000


def test_precision_changes_little(client, reference):
    mixed = client.optimize("small", "nbs", max_steps=5, stop_score=2).result()
    exact = client.optimize(
        "small", "nbs", max_steps=5, stop_score=2, precision="float64"
    ).result()

    for ours, theirs in zip(mixed.trace, exact.trace):
        assert ours.score == pytest.approx(theirs.score, abs=1e-3)
    assert exact.run.measures == mixed.run.measures


@pytest.mark.parametrize("precision", ["mixed_tf32", "mixed_bfloat16"])
def test_factors_that_may_be_rounded(client, reference, precision):
    exact = client.optimize("small", "cka", max_steps=5, stop_score=2).result()
    run = client.optimize(
        "small", "cka", max_steps=5, stop_score=2, precision=precision
    )
    rounded = run.result()

    provenance = run.provenance
    on_host = provenance.backend == "cpu"
    assert provenance.precision == ("mixed" if on_host else precision)
    ours = np.array([point.score for point in rounded.trace])
    theirs = np.array([point.score for point in exact.trace])
    assert ours == pytest.approx(theirs, abs=1e-2)
    assert (ours == theirs).all() == on_host


def test_targets_that_a_known_candidate_reaches(client, reference):
    random = np.random.default_rng(5)
    known = reference + 0.5 * random.normal(size=reference.shape)
    targets = {
        "cka": oracles.cka(known, reference),
        "procrustes.angular_score": oracles.angular_score(
            oracles.nbs(known, reference)
        ),
    }

    result = client.joint_optimize(
        "small",
        targets=targets,
        track="nbs",
        goal_tolerance=0.005,
        learning_rate=0.02,
        max_steps=5000,
    ).result()

    assert result.stop_reason == "goals_reached"
    assert [verdict.reached for verdict in result.verdicts] == [True, True]
    for verdict, target in zip(result.verdicts, targets.values()):
        assert verdict.value == pytest.approx(target, abs=0.01)
    rank = 20
    for point in result.trace:
        cka = point.scores["cka"]
        bound = next(iter(point.tracked.values())) ** 2
        assert cka / rank <= bound + 1e-6
        assert bound <= rank * cka + 1e-6


def test_targets_out_of_reach_are_reported(client, reference):
    result = client.joint_optimize(
        "small",
        targets={"cka": 0.0, "procrustes.angular_score": 0.9},
        goal_tolerance=0.01,
        max_steps=300,
    ).result()

    assert result.stop_reason == "max_steps"
    assert not all(verdict.reached for verdict in result.verdicts)
    assert max(verdict.residual for verdict in result.verdicts) > 0.05


def test_floors_hold_while_another_measure_rises(client, reference):
    result = client.joint_optimize(
        "small",
        maximize="cka",
        floors={"linear_r2": 0.6},
        learning_rate=0.02,
        max_steps=800,
    ).result()

    values = {verdict.measure.split("(")[0]: verdict for verdict in result.verdicts}
    assert values["linear_r2"].value > 0.59
    assert values["cka"].value > 0.8


def test_weights_and_maximised_pairs(client, reference):
    result = client.joint_optimize(
        "small",
        maximize=["cka", "nbs"],
        weights={"cka": 2.0, "nbs": 0.5},
        max_steps=20,
    ).result()

    point = result.trace[-1]
    cka, nbs = point.scores.values()
    assert point.objective == pytest.approx(2.0 * cka + 0.5 * nbs, abs=1e-5)
    assert cka > result.trace[0].score + 0.2


def test_both_sides_can_move(client, reference):
    goals = {"cka": 0.95, "procrustes.angular_score": 0.3}
    fixed = client.joint_optimize("small", targets=goals, max_steps=300).result()
    both = client.joint_optimize(
        "small", targets=goals, moves="both", max_steps=300, learning_rate=0.02
    ).result()

    def miss(result):
        return sum(verdict.residual for verdict in result.verdicts)

    assert np.isfinite(miss(both))
    assert miss(both) < miss(fixed) + 0.1


def test_a_start_at_the_reference_is_at_the_optimum(client, reference):
    result = client.optimize(
        "small", "procrustes.angular_score", start=reference, stop_score=2
    ).result()

    assert result.stop_reason in ("at_optimum", "plateau", "max_steps")
    assert np.isfinite(result.candidate).all()
    assert result.trace[0].score == pytest.approx(1, abs=1e-4)


def test_errors_before_the_start_are_raised_at_once(client, reference):
    with pytest.raises(repscore.NotFound):
        client.optimize("no-such-dataset", "cka")
    with pytest.raises(repscore.InvalidInput) as error:
        client.optimize("small", "cka", start=np.zeros((59, 3)))
    assert "59" in str(error.value)
    assert "60" in str(error.value)
