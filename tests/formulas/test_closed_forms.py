"""The oracles on data whose scores are known exactly."""

import numpy as np
import oracles
import oracles_cca as cca
import oracles_kernels as kernels
import oracles_prediction as prediction
import oracles_rsa as rsa
import oracles_shape as shape
import oracles_spectra as spectra
import oracles_topology as topology
import pytest

H1, H2 = np.array([1.0, 1, -1, -1]), np.array([1.0, -1, 1, -1])
HAND_X = np.column_stack([H1, 2 * H2])
HAND_Y = np.column_stack([H1, H1 * H2])


def check(value, expected):
    assert value == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_four_rows_by_hand():
    x, y = HAND_X, HAND_Y
    folds = prediction.in_sample(4)
    debiased = -(112 / 3) / np.sqrt(416 / 3 * 32 / 3)

    check(oracles.cka(x, y), 1 / np.sqrt(34))
    check(shape.nbs(x, y), 1 / np.sqrt(10))
    check(shape.size_shape(x, y, "squared"), 20)
    check(oracles.cka_debiased(x, y), debiased)
    check(rsa.rsa(x, y), debiased)
    check(prediction.r2(x, y, folds, prediction.least_squares), 1 / 2)
    check(prediction.r2(y, x, folds, prediction.least_squares), 1 / 5)
    check(prediction.r2(x, y, folds, prediction.ridge(4)), 3 / 8)
    check(spectra.gulp(x, y, 0), 2)
    check(cca.cca(x, y), 1 / 2)
    check(cca.cca(x, y, "mean_rho2"), 1 / 2)
    check(spectra.ensd(x, y), 5 / 17)


def cosine_design(n, p, q, spectrum):
    """Orthonormal cosines: x has scales s, y scales t and angles to x."""
    waves = np.sqrt(2 / n) * np.cos(
        np.pi * (2 * np.arange(n)[:, None] + 1) * np.arange(1, n) / (2 * n)
    )
    random = np.random.default_rng([n, p, q])
    s, t = spectrum(np.arange(p)), 0.5 + random.random(q)
    angles = random.random(q) * np.pi / 2
    x = waves[:, :p] * s
    y = t * (np.cos(angles) * waves[:, :q] + np.sin(angles) * waves[:, p : p + q])
    turns = [np.linalg.qr(random.normal(size=(k, k)))[0] for k in (p, q)]
    return x @ turns[0] + 1, y @ turns[1] - 2, s, t, np.cos(angles)


@pytest.mark.parametrize(("n", "p", "q"), [(40, 12, 9), (30, 14, 14), (25, 3, 1)])
@pytest.mark.parametrize(
    "spectrum",
    [lambda i: 1 / (1 + i), lambda i: 1.0 + 0 * i],
    ids=["decaying", "repeated"],
)
def test_cosine_design(n, p, q, spectrum):
    x, y, s, t, c = cosine_design(n, p, q, spectrum)
    first = s[:q]
    folds = prediction.in_sample(n)

    check(
        oracles.cka(x, y),
        np.sum(first**2 * t**2 * c**2) / np.sqrt(np.sum(s**4) * np.sum(t**4)),
    )
    check(
        shape.nbs(x, y),
        np.sum(first * t * c) / np.sqrt(np.sum(s**2) * np.sum(t**2)),
    )
    check(
        prediction.r2(x, y, folds, prediction.least_squares),
        np.sum(t**2 * c**2) / np.sum(t**2),
    )
    check(
        prediction.r2(x, y, folds, prediction.ridge(0.3)),
        np.sum(t**2 * c**2 * (1 - (0.3 / (first**2 + 0.3)) ** 2)) / np.sum(t**2),
    )
    check(cca.correlations(x, y)[:q], np.sort(c)[::-1])
    shrunk = (first**2 + 0.2 * n) * (t**2 + 0.2 * n)
    check(cca.rcca(x, y, 0.2), np.sum(first * t * c / np.sqrt(shrunk)) / min(p, q))
    check(
        cca.rcca(x, y, 0.2, "rho2"),
        np.sum(first**2 * t**2 * c**2 / shrunk) / min(p, q),
    )
    for scale in ("raw", "unit_trace"):
        a, b = s**2 / n, t**2 / n
        if scale == "unit_trace":
            a, b = a / a.sum(), b / b.sum()
        crossed = a[:q] * b * c**2 / ((a[:q] + 0.05) * (b + 0.05))
        expected = np.sum((a / (a + 0.05)) ** 2) + np.sum((b / (b + 0.05)) ** 2)
        check(spectra.gulp(x, y, 0.05, scale), expected - 2 * crossed.sum())


def test_feature_and_sample_space_give_one_debiased_number():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 6)) + 3, random.normal(size=(20, 4))
    k, l = kernels.linear_kernel(x), kernels.linear_kernel(y)  # noqa: E741
    a, b = np.diag(k), np.diag(l)
    n = len(x)
    cross = oracles.centred(x).T @ oracles.centred(y)
    numerator = (
        np.sum(cross**2)
        - (1 + 2 / (n - 2)) * a @ b
        + a.sum() * b.sum() / ((n - 1) * (n - 2))
    )

    check(kernels.hsic(k, l, "unbiased"), numerator / (n * (n - 3)))


def test_one_unit_on_each_side_is_a_correlation():
    random = np.random.default_rng(1)
    x = random.normal(size=(30, 1))
    y = x + random.normal(size=(30, 1))
    r = np.corrcoef(x[:, 0], y[:, 0])[0, 1]
    folds = prediction.in_sample(30)

    check(oracles.cka(x, y), r**2)
    check(shape.nbs(x, y), abs(r))
    check(cca.cca(x, y), abs(r))
    check(prediction.r2(x, y, folds, prediction.least_squares), r**2)


@pytest.mark.parametrize("rows", [4, 6, 8])
def test_loops_from_the_boundary_matrix(rows):
    random = np.random.default_rng(rows)
    distances = topology.doubled(
        random.normal(size=(rows, 3)), random.normal(size=(rows, 2))
    )

    check(topology.loops(distances), topology.loops_by_reduction(distances))


def test_a_square_has_one_loop_that_its_diagonals_close():
    angles = np.arange(4) * np.pi / 2
    corners = np.exp(1j * angles)
    distances = np.abs(corners[:, None] - corners)

    check(topology.loops(distances), 2 - np.sqrt(2))
    check(topology.loops_by_reduction(distances), 2 - np.sqrt(2))
