"""Two and many systems, against NumPy, SciPy and scikit-learn."""

import dataclasses
import itertools

import grpc
import numpy as np
import oracles
import pytest
from bad_input import NAN, expect

import repscore
from repscore import _arrays
from repscore.v1 import comparison_pb2, comparison_pb2_grpc, types_pb2

TOLERANCE = 1e-10
MEASURES = ["cka", "nbs", "procrustes.angle", "cka.debiased"]


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def make_systems(count=5, rows=20):
    """Systems of different widths, narrower and wider than their rows."""
    shared = normal(rows, 4)
    return {
        f"system {i}": shared @ normal(4, 3 + 9 * i, seed=i)
        + 0.5 * normal(rows, 3 + 9 * i, seed=50 + i)
        for i in range(count)
    }


def between(points):
    return np.linalg.norm(points[:, None] - points[None], axis=2)


@pytest.mark.parametrize(("p", "q"), [(4, 6), (40, 6), (6, 40)])
def test_compare_equals_formulas_and_a_registered_reference(client, p, q):
    candidate, reference = normal(25, p), normal(25, q, seed=1)
    expected = oracles.all_scores(candidate, reference)
    client.register(f"compared-{q}", reference)

    compared = client.compare(candidate, reference, list(expected))
    scored = client.score(f"compared-{q}", candidate, list(expected))

    for measure, value in expected.items():
        assert compared[measure] == pytest.approx(value, abs=TOLERANCE), measure
        assert compared[measure] == pytest.approx(scored[measure], abs=1e-12)
    assert compared.provenance.server_version
    assert "compared" not in compared.provenance.dataset_version


def test_compare_with_time_folds_and_context(client):
    candidate, reference = normal(4, 10, 3), normal(4, 10, 5, seed=1)
    context = repscore.Context(permutations=19, baseline=True, seed=1)
    measures = ["cka", "ridge_r2(lambda=1,folds=conditions_contiguous(5))"]
    client.register("timed", reference)

    compared = client.compare(candidate, reference, measures, context=context)
    scored = client.score("timed", candidate, measures, context=context)

    for measure in measures:
        assert compared[measure] == pytest.approx(scored[measure], abs=1e-12)
        first, second = compared[measure].context, scored[measure].context
        assert first.null.mean == pytest.approx(second.null.mean, abs=1e-12)
        assert first.null.p_value == second.null.p_value
        assert first.baseline == pytest.approx(second.baseline, abs=1e-12)


def test_nothing_is_stored(client):
    before = client.datasets()

    client.compare(normal(10, 2), normal(10, 3))
    client.pairwise(make_systems(2))

    assert client.datasets() == before


def test_bad_comparisons(client):
    good, spoiled = normal(20, 3), normal(20, 3)
    spoiled[4, 1] = NAN

    expect(lambda: client.compare(spoiled, good), r"candidate.*", 4, 1)
    expect(lambda: client.compare(good, spoiled), r"reference.*", 4, 1)
    expect(lambda: client.compare(good[:19], good), r"candidate.*", 19, 20)
    expect(lambda: client.compare(np.ones((20, 3)), good), r"candidate.*")
    expect(lambda: client.compare(good, np.ones((20, 3))), r"reference.*")
    expect(lambda: client.compare(good, good, []), "measures")
    expect(lambda: client.compare(good, good, "nothing"), ".*", kind=repscore.NotFound)


def test_pairwise_is_symmetric_and_equals_compare(client):
    systems = make_systems()

    result = client.pairwise(systems, MEASURES)

    assert result.names == tuple(systems)
    for measure in MEASURES:
        matrix = result[measure]
        np.testing.assert_array_equal(matrix, matrix.T)
        for (i, a), (j, b) in itertools.product(enumerate(systems.values()), repeat=2):
            score = client.compare(a, b, measure)[measure]
            # Angles are steep at equality.
            tolerance = 1e-7 if i == j else 1e-9
            assert matrix[i, j] == pytest.approx(score, abs=tolerance), (measure, i, j)
    assert np.diag(result["cka"]) == pytest.approx(np.ones(len(systems)), abs=1e-12)


def test_pairwise_reports_progress(client):
    seen = []

    client.pairwise(
        make_systems(6), progress=lambda done, total: seen.append((done, total))
    )

    done = [pair for pair, _ in seen]
    assert seen
    assert done == sorted(set(done))
    assert seen[-1] == (21, 21)


def test_incremental_pairwise_equals_the_whole(client):
    systems = make_systems(6)
    seen = []
    whole = client.pairwise(systems, MEASURES)
    part = client.pairwise(dict(list(systems.items())[:4]), MEASURES)

    grown = client.pairwise(
        systems,
        MEASURES[::-1],
        known=part,
        progress=lambda done, total: seen.append((done, total)),
    )

    assert grown.names == whole.names
    for measure in MEASURES:
        np.testing.assert_allclose(grown[measure], whole[measure], atol=1e-9)
    assert seen[-1] == (11, 11)


def test_known_pairs_are_not_compared_again(client):
    systems = make_systems(3)
    part = client.pairwise(dict(list(systems.items())[:2]), "cka")
    marked = dataclasses.replace(part, matrices={"cka": np.full((2, 2), 0.125)})

    grown = client.pairwise(systems, "cka", known=marked)

    assert np.all(grown["cka"][:2, :2] == 0.125)
    assert np.all(grown["cka"][:2, 2] != 0.125)


@pytest.mark.parametrize(
    ("known_systems", "known"),
    [
        (0, [("cka", [])] * 3),
        (-1, []),
        (3, []),
        (1, []),
        (1, [("cka", [1.0, 1.0])]),
        (1, [("nbs", [1.0])]),
        (1, [("cka", [1.0])] * 2),
    ],
)
def test_bad_known_matrices(server, known_systems, known):
    request = comparison_pb2.ComparePairwiseRequest(
        systems=[
            comparison_pb2.System(name=name, tensor=_arrays.encode(array).tensor())
            for name, array in make_systems(2).items()
        ],
        measures=[types_pb2.MeasureSpec(id="cka")],
        known_systems=known_systems,
        known=[
            comparison_pb2.PairwiseMatrix(measure=measure, values=values)
            for measure, values in known
        ],
    )
    with grpc.insecure_channel(server.address) as channel:
        stub = comparison_pb2_grpc.ComparisonServiceStub(channel)
        expect(lambda: list(stub.ComparePairwise(request)), r"known.*")


def test_registered_systems(client):
    systems = make_systems(3)
    names = list(systems)
    repeated = np.concatenate([systems[names[1]] + 1, systems[names[1]] - 1])
    stored = client.register("system", systems[names[0]])
    client.register("presentations", repeated, row_ids=[*range(20)] * 2)
    mixed = {
        names[0]: stored,
        names[1]: "presentations",
        names[2]: systems[names[2]],
    }

    first = client.pairwise(systems, ["cka", "nbs"])
    second = client.pairwise(mixed, ["cka", "nbs"])

    for measure in ("cka", "nbs"):
        np.testing.assert_allclose(second[measure], first[measure], atol=1e-9)


def test_bad_systems(client):
    good = make_systems(2)
    constant = {**good, "flat": np.ones((20, 2))}
    spoiled = {**good, "nan": np.full((20, 2), NAN)}

    expect(lambda: client.pairwise({"a": normal(9, 2)}), "systems")
    expect(
        lambda: client.pairwise({**good, "short": normal(19, 2)}),
        r"systems\[2\].*",
        19,
        20,
    )
    expect(lambda: client.pairwise(constant), r"systems\[2\].*")
    expect(lambda: client.pairwise(spoiled), r"systems\[2\].*")
    expect(lambda: client.pairwise(good, "linear_r2"), r"measures\[0\].*", "symmetric")
    expect(lambda: client.pairwise(good, []), "measures")
    expect(
        lambda: client.pairwise({**good, "x": "nowhere"}),
        r"systems\[2\]\.dataset",
        kind=repscore.NotFound,
    )
    expect(
        lambda: client.frechet_mean({**good, "flat": normal(3, 2)}), r"systems\[2\].*"
    )


@pytest.mark.parametrize("method", ["classical", "metric"])
def test_embedding_of_points_recovers_their_distances(client, method):
    points = normal(12, 3) * [3.0, 1.0, 0.3]
    distances = between(points)

    embedding = client.embed(distances, 3, method)

    np.testing.assert_allclose(between(embedding.points), distances, atol=1e-6)
    variances = embedding.points.var(axis=0)
    assert np.all(np.diff(variances) <= 0)
    assert embedding.stress == pytest.approx(0, abs=1e-6)
    assert embedding.distortion == pytest.approx(1, abs=1e-5)
    assert embedding.explained == pytest.approx(1, abs=1e-9)
    assert embedding.non_euclidean == pytest.approx(0, abs=1e-9)
    largest = np.abs(embedding.points).argmax(axis=0)
    assert np.all(embedding.points[largest, range(3)] > 0)


def test_figures_of_a_flattened_embedding(client):
    # Not Euclidean: a star's paths.
    distances = 2.0 * (1 - np.eye(6))
    distances[0, 1:] = distances[1:, 0] = 1.0
    distances[4, 5] = distances[5, 4] = 3.0
    centring = np.eye(6) - 1 / 6
    values = np.linalg.eigvalsh(-0.5 * centring @ distances**2 @ centring)[::-1]
    positive = values[values > 1e-12 * values[0]]
    negative = values[values < -1e-12 * values[0]]

    classical = client.embed(distances)
    metric = client.embed(distances, method="metric")

    assert classical.explained == pytest.approx(positive[:2].sum() / positive.sum())
    assert classical.non_euclidean == pytest.approx(
        -negative.sum() / (positive.sum() - negative.sum())
    )
    np.testing.assert_allclose(
        (classical.points**2).sum(axis=0), positive[:2], atol=1e-9
    )

    def raw_stress(points):
        return ((between(points) - distances) ** 2).sum()

    assert raw_stress(metric.points) <= raw_stress(classical.points) + 1e-9
    assert 0 < metric.stress <= 1
    assert metric.distortion > 1


def test_clusters_and_neighbours(client):
    metrics = pytest.importorskip("sklearn.metrics")
    points = np.concatenate([normal(7, 2), normal(9, 2, seed=1) + 20])
    distances = between(points)

    embedding = client.embed(distances, clusters=2, neighbors=3)

    labels = embedding.assignment
    medoids = embedding.medoids
    assert labels.tolist() == [0] * 7 + [1] * 9
    for cluster, part in enumerate((range(7), range(7, 16))):
        own = distances[np.ix_(part, part)].sum(axis=0)
        assert medoids[cluster] == part[int(own.argmin())]
    assert embedding.silhouette == pytest.approx(
        metrics.silhouette_score(distances, labels, metric="precomputed")
    )
    others = distances + np.diag([np.inf] * 16)
    np.testing.assert_array_equal(embedding.nearest, others.argsort(axis=1)[:, :3])
    assert embedding.frechet_medoid == (distances**2).sum(axis=0).argmin()


def test_from_systems_to_a_map(client):
    systems = make_systems(5)

    result = client.pairwise(systems, ["procrustes.angle", "procrustes.angular_score"])
    distances = result.distances("procrustes.angle")
    embedding = client.embed(distances, clusters=2)

    np.testing.assert_allclose(
        distances, result.distances("procrustes.angular_score"), atol=1e-7
    )
    assert embedding.points.shape == (5, 2)
    assert len(embedding.medoids) == 2


@pytest.mark.parametrize(
    "distances",
    [
        [[0, 1], [2, 0]],
        [[0, -1], [-1, 0]],
        [[1, 2], [2, 1]],
        [[0, NAN], [NAN, 0]],
        [[0, np.inf], [np.inf, 0]],
        np.empty((0, 0)),
    ],
)
def test_bad_distances(client, distances):
    expect(lambda: client.embed(distances, 1), "distances")


@pytest.mark.parametrize(
    "options",
    [
        {"dimensions": -1},
        {"dimensions": 4},
        {"clusters": -1},
        {"clusters": 5},
        {"neighbors": -1},
        {"neighbors": 4},
    ],
)
def test_bad_options_of_an_embedding(client, options):
    (name,) = options

    expect(lambda: client.embed(between(normal(4, 3)), **options), name)


def procrustes_distance(x, y):
    x, y = oracles.centred(x), oracles.centred(y)
    nuclear = np.linalg.svd(x.T @ y, compute_uv=False).sum()
    return float(np.sqrt(max((x**2).sum() + (y**2).sum() - 2 * nuclear, 0.0)))


def test_the_mean_of_two_lies_halfway(client):
    systems = {"a": normal(15, 4), "b": normal(15, 6, seed=1)}

    mean = client.frechet_mean(systems, tolerance=1e-14, max_iterations=10_000)

    half = procrustes_distance(*systems.values()) / 2
    assert mean.converged
    assert mean.mean.shape == (15, 6)
    assert mean.distances == pytest.approx({"a": half, "b": half}, abs=1e-5)
    assert mean.variance == pytest.approx(half**2, rel=1e-6)
    np.testing.assert_allclose(mean.mean.mean(axis=0), 0, atol=1e-10)
    for name, array in systems.items():
        assert procrustes_distance(array, mean.mean) == pytest.approx(
            mean.distances[name], abs=1e-6
        )


def test_the_mean_of_rotated_copies_is_the_original(client):
    array = normal(15, 4)
    rotations = [np.linalg.qr(normal(4, 4, seed=i))[0] for i in range(3)]
    systems = {f"{i}": array @ q + i for i, q in enumerate(rotations)}

    mean = client.frechet_mean(systems)
    unit = client.frechet_mean(
        {name: 3 * rows for name, rows in systems.items()}, unit_norm=True
    )

    assert procrustes_distance(mean.mean, array) == pytest.approx(0, abs=1e-6)
    assert mean.variance == pytest.approx(0, abs=1e-10)
    assert max(mean.distances.values()) == pytest.approx(0, abs=1e-6)
    assert np.linalg.norm(unit.mean) == pytest.approx(1, abs=1e-9)


def test_the_mean_has_less_variance_than_any_system(client):
    systems = make_systems(4)

    mean = client.frechet_mean(systems)

    assert mean.variance == pytest.approx(
        np.mean([d**2 for d in mean.distances.values()])
    )
    for array in systems.values():
        variance = np.mean(
            [procrustes_distance(array, b) ** 2 for b in systems.values()]
        )
        assert mean.variance < variance


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"tolerance": -1.0}, "tolerance"),
        ({"tolerance": 1.0}, "tolerance"),
        ({"tolerance": NAN}, "tolerance"),
        ({"max_iterations": 0}, "max_iterations"),
    ],
)
def test_bad_options_of_a_mean(client, options, field):
    expect(lambda: client.frechet_mean(make_systems(2), **options), field)


def test_arrays_too_large_for_a_message_say_what_to_do(client):
    large = np.random.default_rng(0).normal(size=(9000, 100))

    with pytest.raises(repscore.LimitExceeded, match=r"13\.7 MiB, the server"):
        client.compare(large, large, "cka")
