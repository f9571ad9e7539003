"""The oracles give the golden values: two independent sources for one number."""

import golden
import numpy as np
import oracles
import oracles_cca as cca
import oracles_kernels as kernels
import oracles_neighbours as neighbours
import oracles_rsa as rsa
import oracles_shape as shape
import oracles_spectra as spectra
import pytest

REFERENCE, CANDIDATE = golden.pair()

# Printed digits and the summation order of other programs.
TOLERANCE = 1e-11


def check(value, expected, tolerance=TOLERANCE):
    assert value == pytest.approx(expected, rel=0, abs=tolerance)


@pytest.mark.parametrize(("measure", "expected"), golden.SCORES.items())
def test_measures_without_parameters(measure, expected):
    check(oracles.all_scores(CANDIDATE, REFERENCE)[measure], expected)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("absolute", 1, "biased"), 0.8940267986288911),
        (("absolute", 1, "unbiased"), 0.0676394158408835),
        (("absolute", 1, "lange"), 0.2646042301584453),
        (("median_all", 1, "biased"), 0.6129051373013771),
        (("median_all", 1, "unbiased"), 0.0319913621808478),
        (("median_offdiagonal", 1, "biased"), 0.6121586268832628),
        (("median_offdiagonal", 1, "unbiased"), 0.0319330808480558),
    ],
)
def test_rbf_cka(options, expected):
    check(kernels.cka_rbf(CANDIDATE, REFERENCE, *options), expected)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("median_all", (4.18809152018281, 4.26563414249641)),
        ("median_offdiagonal", (4.21520235615292, 4.29109415890602)),
    ],
)
def test_bandwidths(rule, expected):
    for side, value in zip((REFERENCE, CANDIDATE), expected):
        distances = kernels.squared_distances(side)
        check(kernels.squared_bandwidth(distances, rule, 1), value)


def test_other_kernel_alignment():
    check(kernels.cka_lange(CANDIDATE, REFERENCE), 0.0533364433409309)
    check(kernels.cka_minibatch(CANDIDATE, REFERENCE, 10), -0.0734339101429415)
    check(kernels.dcor(CANDIDATE, REFERENCE), 0.8852696524417102)
    check(kernels.dcor(CANDIDATE, REFERENCE) ** 2, 0.7837023575342664)
    check(kernels.dcor_unbiased(CANDIDATE, REFERENCE), 0.0338471776169805)


def test_laplace_cka():
    # Published to five digits for the Euclidean kernel of width 1.
    check(kernels.cka_laplace(CANDIDATE, REFERENCE, "absolute", 1), 0.97104, 5e-6)


def test_independence_criterion_is_the_numerator_of_cka():
    k, l = (kernels.linear_kernel(side) for side in (CANDIDATE, REFERENCE))  # noqa: E741
    for bias, expected in (
        ("biased", golden.SCORES["cka"]),
        ("unbiased", golden.SCORES["cka.debiased"]),
    ):
        product = kernels.hsic(k, k, bias) * kernels.hsic(l, l, bias)
        check(kernels.hsic(k, l, bias) / np.sqrt(product), expected)


def test_procrustes():
    check(shape.nbs(CANDIDATE, REFERENCE), golden.SCORES["nbs"])
    for form, expected in (
        ("distance", 5.851126077853428),
        ("squared", 34.23567637893643),
        ("squared_per_sample", 1.1411892126312144),
    ):
        check(shape.size_shape(CANDIDATE, REFERENCE, form), expected)
    for form, expected in (
        ("chord", 0.7446090012894869),
        ("squared", 0.5544425648013271),
        ("one_minus", 0.2772212824006636),
    ):
        check(shape.chord(CANDIDATE, REFERENCE, form), expected)


@pytest.mark.parametrize(
    ("scale", "alpha", "expected"),
    [
        ("raw", 0, 0.4732208798503),
        ("raw", 0.25, 0.5193834814155),
        ("raw", 0.5, 0.6095597798691),
        ("raw", 0.75, 0.6952583455010),
        ("raw", 1, 0.7629815799341),
        ("unit_norm", 0.25, 0.4742737255142),
        ("unit_norm", 0.5, 0.4834537879359),
        ("unit_norm", 0.75, 0.5280621327740),
    ],
)
def test_shape_family(scale, alpha, expected):
    check(shape.shape_angular(CANDIDATE, REFERENCE, alpha, scale), expected)


def test_a_feature_map_of_one_place_has_no_shifts():
    value = shape.shape_convolutional(CANDIDATE, REFERENCE, 1, 1)
    check(value, golden.SCORES["procrustes.angle"])


def test_matching_of_units():
    for form, expected in (
        ("cosine", 0.3343991144629963),
        ("angle", 1.2298287595147772),
        ("euclidean", 9.066236076125277),
    ):
        check(shape.shape_permutation(CANDIDATE, REFERENCE, form), expected)
    check(shape.match_hard(CANDIDATE, REFERENCE), 0.3363914592542919)
    check(shape.match_hard(CANDIDATE, REFERENCE, absolute=True), 0.3864960603718011)
    for direction, expected in (
        ("reference_to_candidate", 0.3782635313751),
        # Twice the published mean less the other direction.
        ("candidate_to_reference", 0.3740075520097694),
        ("mean", 0.3761355416924347),
    ):
        check(shape.match_soft_mean_max(CANDIDATE, REFERENCE, direction), expected)


def test_equal_numbers_of_units_are_transported_one_to_one():
    squared = shape.match_transport(CANDIDATE, REFERENCE, "squared")
    one_to_one = shape.shape_permutation(CANDIDATE, REFERENCE, "euclidean") ** 2

    check(squared, one_to_one / CANDIDATE.shape[1], 1e-9)


def test_canonical_correlations():
    rho = cca.correlations(CANDIDATE, REFERENCE)
    check(rho[:21], np.ones(21))
    check(
        rho[21:],
        [0.4873994667734, 0.3511957379444, 0.2808278975997, 0.1332012430771],
    )
    check(cca.cca(CANDIDATE, REFERENCE), 0.8901049738157810)
    check(cca.cca(CANDIDATE, REFERENCE, "mean_rho2"), 0.8583001426315532)
    check(cca.cca(CANDIDATE, REFERENCE, "mean_rho", "none"), 0.8695779041892)
    check(cca.cca(CANDIDATE, REFERENCE, "mean_rho2", "none"), 0.8310349228244543)
    check(spectra.eigenspace_overlap(CANDIDATE, REFERENCE), 0.8310349228244543)


def test_weighted_correlations_are_near_what_ties_leave_open():
    check(cca.pwcca(CANDIDATE, REFERENCE), 0.8938, 5e-3)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((0.99, "min"), 0.7831814122650433),
        ((0.95, "min"), 0.7281605586835191),
        ((0.95, "geometric_mean"), 0.7064195049084510),
        ((0.95, "max"), 0.6853275846433121),
        ((10, "min"), 0.5379744461044428),
        ((10, "min", "rho2"), 0.3739568340150687),
    ],
)
def test_svcca(options, expected):
    check(cca.svcca(CANDIDATE, REFERENCE, *options), expected)


@pytest.mark.parametrize(
    ("kappa", "rho", "rho2"),
    [
        (1e-3, 0.8323903539308417, 0.757121294097487),
        (1e-2, 0.6383050572101764, 0.4754949714966555),
        (1e-1, 0.2863033882618292, 0.1151893227003836),
    ],
)
def test_regularised_cca(kappa, rho, rho2):
    check(cca.rcca(CANDIDATE, REFERENCE, kappa, "rho"), rho)
    check(cca.rcca(CANDIDATE, REFERENCE, kappa, "rho2"), rho2)


def test_gulp_and_shared_dimensions():
    for penalty, expected in (
        (0, 7.08499286842233),
        (1e-3, 6.86838443446037),
        (1e-2, 6.47833867699261),
        (1e-1, 1.86563145726755),
        (1, 0.06091686213621),
    ):
        check(spectra.gulp(CANDIDATE, REFERENCE, penalty), expected)
    check(spectra.ensd(CANDIDATE, REFERENCE), 6.75079323842767)
    check(spectra.participation_ratio(REFERENCE), 13.578341112648642)
    check(spectra.participation_ratio(CANDIDATE), 14.016403827427888)


def test_captured_components_sum_to_the_linear_regression():
    captured = spectra.pc_capture(CANDIDATE, REFERENCE)
    variances = np.linalg.svd(oracles.centred(REFERENCE), compute_uv=False) ** 2
    value = captured @ variances / variances.sum()

    check(value, golden.SCORES["linear_r2"])


RSA = {
    ("sq_euclidean", "cosine"): 0.9510853545112665,
    ("sq_euclidean", "pearson"): 0.0480849202406427,
    ("sq_euclidean", "spearman"): 0.0266521561017994,
    ("sq_euclidean", "kendall_tau_a"): 0.0187403993855607,
    ("sq_euclidean", "kendall_tau_b"): 0.0187403993855607,
    ("sq_euclidean", "whitened_cosine"): 0.4893427391044157,
    ("sq_euclidean", "whitened_pearson"): 0.0260051529267210,
    ("sq_euclidean", "bures"): golden.SCORES["nbs"],
    ("euclidean", "cosine"): 0.9867935292991990,
    ("euclidean", "pearson"): 0.0584357291904609,
    ("euclidean", "spearman"): 0.0266521561017994,
    ("euclidean", "kendall_tau_b"): 0.0187403993855607,
    ("correlation", "cosine"): 0.9587049512055273,
    ("correlation", "pearson"): 0.0035062460192807,
    ("correlation", "spearman"): -0.0040927956940652,
    ("correlation", "kendall_tau_b"): -0.0020022246941046,
    ("cosine", "cosine"): 0.9413494992363984,
    ("cosine", "pearson"): 0.0648971436028401,
    ("cosine", "spearman"): 0.0596640799373703,
    ("cosine", "kendall_tau_b"): 0.0388897717040098,
}


@pytest.mark.parametrize(("options", "expected"), RSA.items())
def test_rsa(options, expected):
    check(rsa.rsa(CANDIDATE, REFERENCE, *options), expected)


def test_ranks_without_ties_have_one_spearman():
    check(rsa.rsa(CANDIDATE, REFERENCE, "cosine", "rho_a"), RSA["cosine", "spearman"])


def test_rsm_difference():
    check(rsa.rsm_difference(CANDIDATE, REFERENCE), 6.9982406833886595)
    check(rsa.rsm_difference(CANDIDATE, REFERENCE, "correlation"), 6.0122652452548015)


@pytest.mark.parametrize(
    ("metric", "rows", "mutual", "jaccard"),
    [
        ("euclidean", "raw", 0.34, 0.2112040722721838),
        ("cosine", "raw", 0.3466666666666667, 0.2148807476206857),
        ("cosine", "centred", 0.30, 0.1844222484315364),
        ("inner", "raw", 0.43, 0.2805208408149584),
    ],
)
def test_nearest_neighbours(metric, rows, mutual, jaccard):
    check(neighbours.mutual(CANDIDATE, REFERENCE, 10, metric, rows), mutual)
    check(neighbours.jaccard(CANDIDATE, REFERENCE, 10, metric, rows), jaccard)


def test_neighbour_measures_are_one_at_equality():
    for measure in (
        neighbours.mutual,
        neighbours.jaccard,
        neighbours.rank,
        neighbours.second_order_cosine,
        neighbours.cknna,
    ):
        check(measure(CANDIDATE, CANDIDATE), 1)
