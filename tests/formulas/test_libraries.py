"""The oracles against rsatoolbox, himalaya and scikit-learn, where installed."""

import numpy as np
import oracles_cca as cca
import oracles_kernels as kernels
import oracles_prediction as prediction
import oracles_rsa as rsa
import oracles_shape as shape
import oracles_spectra as spectra
import pytest
from sklearn import cross_decomposition, model_selection
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics.pairwise import rbf_kernel

TOLERANCE = 1e-10


def sides(n, p, q, seed=0):
    random = np.random.default_rng([seed, n, p, q])
    y = random.normal(size=(n, q)) * np.linspace(0.3, 1.5, q) + 2
    x = y @ random.normal(size=(q, p)) + random.normal(size=(n, p)) - 1
    return x, y


@pytest.fixture(scope="module")
def toolbox():
    return pytest.importorskip("rsatoolbox")


COMPARE = {
    "cosine": "cosine",
    "pearson": "corr",
    "spearman": "spearman",
    "rho_a": "rho-a",
    "kendall_tau_a": "tau-a",
    "kendall_tau_b": "kendall",
    "whitened_cosine": "cosine_cov",
    "whitened_pearson": "corr_cov",
    "bures": "bures",
}


@pytest.mark.parametrize("compare", COMPARE)
@pytest.mark.parametrize(
    ("kind", "method"), [("sq_euclidean", "euclidean"), ("correlation", "correlation")]
)
def test_comparison_of_rdms(toolbox, compare, kind, method):
    x, y = sides(12, 7, 15)
    rdms = [
        toolbox.rdm.calc_rdm(toolbox.data.Dataset(side), method=method)
        for side in (x, y)
    ]
    expected = toolbox.rdm.compare(*rdms, method=COMPARE[compare]).item()

    # It takes square roots of matrices of deficient rank.
    tolerance = 1e-6 if compare == "bures" else 1e-9
    assert rsa.rsa(x, y, kind, compare) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("compare", ["whitened_cosine", "whitened_pearson"])
def test_whitening_with_the_covariance_of_conditions(toolbox, compare):
    x, y = sides(8, 5, 6)
    root = np.random.default_rng(3).normal(size=(8, 10))
    sigma = root @ root.T / 10
    vectors = [rsa.rdm(side, "sq_euclidean") for side in (x, y)]
    expected = toolbox.rdm.compare(
        *(toolbox.rdm.RDMs(vector[None]) for vector in vectors),
        method=COMPARE[compare],
        sigma_k=sigma,
    ).item()

    value = rsa.COMPARATORS[compare](*vectors, sigma)
    assert value == pytest.approx(expected, abs=1e-8)


def test_dissimilarities_from_repeated_measurements(toolbox):
    x, _ = sides(18, 4, 5)
    folds = np.array_split(np.arange(18), 3)
    dataset = toolbox.data.Dataset(
        x, obs_descriptors={"row": np.tile(range(6), 3), "fold": np.repeat(range(3), 6)}
    )
    precision = rsa.noise_precision(x, folds, 0.2)
    options = {"descriptor": "row", "noise": precision}

    expected = toolbox.rdm.calc_rdm(
        dataset, method="crossnobis", cv_descriptor="fold", **options
    ).dissimilarities[0]
    np.testing.assert_allclose(
        rsa.crossnobis(x, folds, precision), expected, atol=TOLERANCE
    )
    expected = toolbox.rdm.calc_rdm(dataset, method="mahalanobis", **options)
    np.testing.assert_allclose(
        rsa.mahalanobis(x, folds, 0.2), expected.dissimilarities[0], atol=TOLERANCE
    )


def test_dissimilarities_of_counts(toolbox):
    counts = np.random.default_rng(0).poisson(3, size=(9, 6)).astype(float)
    expected = toolbox.rdm.calc_rdm(
        toolbox.data.Dataset(counts), method="poisson", prior_lambda=2, prior_weight=0.3
    ).dissimilarities[0]

    np.testing.assert_allclose(rsa.poisson(counts, 2, 0.3), expected, atol=TOLERANCE)


@pytest.mark.parametrize(("n", "p", "q"), [(40, 9, 6), (20, 35, 6)])
@pytest.mark.parametrize("penalty", [0.1, 10, 1000])
def test_ridge_predictions(n, p, q, penalty):
    ridge = pytest.importorskip("himalaya.ridge")
    kernel_ridge = pytest.importorskip("himalaya.kernel_ridge")
    x, y = sides(n, p, q)
    held = np.arange(5)
    rest = np.arange(5, n)
    [(_, fitted, _)] = prediction.predictions(
        x, y, [(rest, held)], prediction.ridge(penalty)
    )
    models = [
        ridge.Ridge(alpha=penalty, fit_intercept=True),
        kernel_ridge.KernelRidge(alpha=penalty, fit_intercept=True),
        Ridge(alpha=penalty),
    ]
    for model in models:
        expected = np.asarray(model.fit(x[rest], y[rest]).predict(x[held]))
        np.testing.assert_allclose(fitted, expected, rtol=1e-7, atol=1e-7)


def test_choice_of_a_penalty_for_every_target():
    ridge = pytest.importorskip("himalaya.ridge")
    x, y = sides(60, 12, 5)
    y = y + np.random.default_rng(1).normal(size=y.shape) * [0, 1, 3, 9, 30]
    penalties = [0.01, 1, 100, 10000]
    model = ridge.RidgeCV(
        alphas=penalties,
        fit_intercept=True,
        cv=model_selection.KFold(4),
        solver_params={"score_func": lambda y, fitted: -((y - fitted) ** 2).sum(-2)},
    ).fit(x, y)
    ours = prediction.ridge_grid(penalties, per_target=True, inner_folds=4)
    [(_, fitted, _)] = prediction.predictions(x, y, prediction.in_sample(60), ours)

    assert len(set(model.best_alphas_.tolist())) > 1
    np.testing.assert_allclose(fitted, np.asarray(model.predict(x)), atol=1e-9)


def test_scores_of_scikit_learn():
    x, y = sides(40, 6, 5)
    splitter = model_selection.KFold(4, shuffle=True, random_state=0)
    folds = list(splitter.split(x))
    for weights in ("variance_weighted", "uniform"):
        scoring = {
            "variance_weighted": lambda model, a, b: _r2(model, a, b, True),
            "uniform": "r2",
        }[weights]
        expected = model_selection.cross_val_score(
            LinearRegression(), x, y, cv=splitter, scoring=scoring
        ).mean()
        value = prediction.r2(
            x,
            y,
            folds,
            prediction.least_squares,
            aggregation=weights,
            denominator="validation_mean",
        )
        assert value == pytest.approx(expected, abs=TOLERANCE)


def _r2(model, x, y, weighted):
    sse = ((y - model.predict(x)) ** 2).sum(axis=0)
    sst = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    return 1 - sse.sum() / sst.sum() if weighted else np.mean(1 - sse / sst)


@pytest.mark.parametrize("components", [1, 3, 6])
def test_power_iteration_to_the_end_gives_the_exact_weights(components):
    x, y = sides(40, 6, 5)
    model = cross_decomposition.PLSRegression(
        components, scale=False, tol=1e-30, max_iter=100_000
    )
    folds = prediction.contiguous(40, 4)
    [first, *_] = prediction.predictions(x, y, folds, prediction.pls_svd(components))
    train, held = folds[0]

    expected = model.fit(x[train], y[train]).predict(x[held])
    np.testing.assert_allclose(first[1], expected, atol=1e-8)


def test_canonical_correlations_of_scikit_learn():
    x, y = sides(60, 5, 3)
    model = cross_decomposition.CCA(3, tol=1e-14, max_iter=100_000, scale=False)
    a, b = model.fit(x, y).transform(x, y)
    rho = [abs(np.corrcoef(a[:, i], b[:, i])[0, 1]) for i in range(3)]

    np.testing.assert_allclose(cca.correlations(x, y), rho, atol=1e-6)


def test_gulp_without_a_penalty_counts_canonical_correlations():
    x, y = sides(60, 5, 3)
    rho = cca.correlations(x, y)

    value = spectra.gulp(x, y, 0)
    assert value == pytest.approx(5 + 3 - 2 * np.sum(rho**2), abs=TOLERANCE)


def test_stochastic_shape_of_means_alone_is_procrustes():
    x, y = sides(40, 2, 2)
    folds = np.array_split(np.arange(40), 8)
    means = [np.stack([side[f].mean(axis=0) for f in folds]) for side in (x, y)]

    value = shape.shape_stochastic(x, y, folds, alpha=2)
    expected = np.sqrt(2) * shape.size_shape(*means)
    assert value == pytest.approx(expected, abs=1e-7)


def test_circular_shifts_of_a_feature_map_are_undone():
    random = np.random.default_rng(0)
    maps = random.normal(size=(20, 2, 3, 4))
    turn, _ = np.linalg.qr(random.normal(size=(4, 4)))
    moved = np.roll(maps, (1, 2), axis=(1, 2)) @ turn

    for layout, axes in (("channels_last", None), ("channels_first", (0, 3, 1, 2))):
        x, y = (
            (side if axes is None else side.transpose(axes)).reshape(20, -1)
            for side in (maps, moved)
        )
        value = shape.shape_convolutional(x, y, 2, 3, layout)
        assert value == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("n", "bands"), [(40, [4, 5]), (20, [20, 7, 8])])
@pytest.mark.parametrize("spread", [0, 1, 3])
def test_banded_ridge_predictions(n, bands, spread):
    kernel_ridge = pytest.importorskip("himalaya.kernel_ridge")
    x, y = sides(n, sum(bands), 5)
    x, y = x - x[8:].mean(axis=0), y - y[8:].mean(axis=0)
    deltas = spread * np.linspace(-1, 1, len(bands)) - 2
    regressor = prediction.banded_ridge(bands, [np.exp(deltas)], [1])
    parts = np.split(x, np.cumsum(bands)[:-1], axis=1)
    grams = np.stack([part @ part[8:].T for part in parts])
    model = kernel_ridge.WeightedKernelRidge(
        alpha=1,
        deltas=np.repeat(deltas[:, None], y.shape[1], axis=1),
        kernels="precomputed",
        solver_params={"max_iter": 10_000, "tol": 1e-12},
    )

    model.fit(grams[:, 8:], y[8:])

    np.testing.assert_allclose(
        regressor(x[8:], y[8:], x[:8]), model.predict(grams[:, :8]), atol=1e-6
    )


@pytest.mark.parametrize("bandwidth", [0.7, 3])
def test_mean_discrepancy_of_kernels(bandwidth):
    x, y = sides(15, 4, 4)
    k_xx, k_yy, k_xy = (
        rbf_kernel(a, b, gamma=1 / (2 * bandwidth**2))
        for a, b in ((x, x), (y, y), (x, y))
    )

    value = kernels.mmd(x, y, "rbf", ("absolute", bandwidth), form="squared")

    assert value == pytest.approx(
        k_xx.mean() + k_yy.mean() - 2 * k_xy.mean(), abs=TOLERANCE
    )
