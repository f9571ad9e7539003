"""The regression oracles give the golden values."""

import golden
import numpy as np
import oracles
import oracles_brainscore as brainscore
import oracles_prediction as prediction
import pytest

REFERENCE, CANDIDATE = golden.pair()

# Printed digits and the summation order of other programs.
TOLERANCE = 1e-11


def check(value, expected, tolerance=TOLERANCE):
    assert value == pytest.approx(expected, rel=0, abs=tolerance)


def by_lambda(values):
    return list(zip(golden.RIDGE_LAMBDAS, values))


LINEAR = {
    "variance_weighted": (0.8634248158677452, golden.LINEAR_R2_REVERSED),
    "uniform": (0.8672951363980, 0.8648101880688),
    "median": (0.8834199256985, 0.9032895709523),
}


@pytest.mark.parametrize("aggregation", LINEAR)
def test_linear_regression_in_both_directions(aggregation):
    def score(x, y):
        folds = prediction.in_sample(len(x))
        return prediction.r2(
            x, y, folds, prediction.least_squares, aggregation=aggregation
        )

    forward, backward = LINEAR[aggregation]
    for direction, expected in (
        ("candidate_to_reference", forward),
        ("reference_to_candidate", backward),
        ("symmetric_mean", (forward + backward) / 2),
    ):
        check(prediction.directed(score, CANDIDATE, REFERENCE, direction), expected)


IN_SAMPLE = {
    "variance_weighted": golden.RIDGE_IN_SAMPLE,
    "uniform": (
        0.6509812999993833,
        0.2695010178564328,
        0.0414750285606768,
        0.0043932539597178,
    ),
    "median": (
        0.6743035500237652,
        0.2784521699930355,
        0.0410958919027826,
        0.0043035696756674,
    ),
}


@pytest.mark.parametrize("aggregation", IN_SAMPLE)
def test_ridge_in_sample(aggregation):
    for penalty, expected in by_lambda(IN_SAMPLE[aggregation]):
        value = prediction.r2(
            CANDIDATE,
            REFERENCE,
            prediction.in_sample(30),
            prediction.ridge(penalty),
            aggregation=aggregation,
        )
        check(value, expected)


FIVE_FOLDS = {
    **{
        ("variance_weighted", pooling, denominator): values
        for (denominator, pooling), values in golden.RIDGE_FIVE_FOLDS.items()
    },
    ("uniform", "mean_of_folds", "validation_mean"): (
        -1.2642150707656774,
        -0.6878459727960797,
        -0.6573063798746406,
        -0.6584276695841277,
    ),
    ("uniform", "pooled", "train_mean"): (
        -0.4204361668335713,
        -0.0864910424132324,
        -0.0696188884555436,
        -0.0701390613454825,
    ),
}


@pytest.mark.parametrize("options", FIVE_FOLDS, ids="-".join)
def test_ridge_over_five_folds(options):
    for penalty, expected in by_lambda(FIVE_FOLDS[options]):
        value = prediction.r2(
            CANDIDATE,
            REFERENCE,
            prediction.contiguous(30, 5),
            prediction.ridge(penalty),
            **dict(zip(("aggregation", "pooling", "denominator"), options)),
        )
        check(value, expected)


CORRELATIONS = {
    ("flat", "mean_of_folds"): (
        0.0114401648436234,
        0.0272159154302634,
        0.0289652396809288,
        0.0290184056725307,
    ),
    ("mean", "pooled"): (
        -0.0238803534981532,
        -0.1540788341746829,
        -0.3233505038089568,
        -0.3360883847043034,
    ),
    ("median", "pooled"): (
        -0.0814686773323946,
        -0.2011583821730821,
        -0.3089360440900742,
        -0.3118891341187123,
    ),
}


@pytest.mark.parametrize("options", CORRELATIONS, ids="-".join)
def test_correlation_of_ridge_predictions(options):
    aggregation, pooling = options
    for penalty, expected in by_lambda(CORRELATIONS[options]):
        value = prediction.r(
            CANDIDATE,
            REFERENCE,
            prediction.contiguous(30, 5),
            prediction.ridge(penalty),
            aggregation=aggregation,
            pooling=pooling,
        )
        check(value, expected)


def test_correlation_of_ridge_fits():
    for penalty, expected in by_lambda(
        (
            0.8430705312671105,
            0.7492715697173525,
            0.7099042149614893,
            0.7042985484722473,
        )
    ):
        folds, regressor = prediction.in_sample(30), prediction.ridge(penalty)
        value = prediction.r(CANDIDATE, REFERENCE, folds, regressor, aggregation="flat")
        check(value, expected)


def test_leave_one_out():
    for penalty, expected in (
        (1, -0.4526121705157249),
        (10, -0.0886918273520270),
        (100, -0.0695038427718917),
    ):
        folds, regressor = prediction.leave_one_out(30), prediction.ridge(penalty)
        value = prediction.r2(CANDIDATE, REFERENCE, folds, regressor, pooling="pooled")
        check(value, expected)


def test_published_rows_of_pooled_targets():
    folds, regressor = prediction.contiguous(30, 5), prediction.ridge(1)
    swapped = REFERENCE, CANDIDATE, folds, regressor
    pooled = {"pooling": "pooled"}
    check(prediction.r2(*swapped, aggregation="uniform", **pooled), -0.4080885630026571)
    check(prediction.r(*swapped, aggregation="mean", **pooled), -0.0215950165825615)
    results = prediction.predictions(*swapped)
    z, fitted = (np.concatenate([fold[part] for fold in results]) for part in (0, 1))
    check((prediction.pearson_columns(z, fitted) ** 2).mean(), 0.0787864300233742)
    in_sample = REFERENCE, CANDIDATE, prediction.in_sample(30), regressor
    check(prediction.r2(*in_sample, aggregation="uniform"), 0.6273011188296)


SET_X, SET_Y = golden.brain_score_set()
SPLIT = prediction.trained_on_the_rest(120, [np.arange(100, 120)])


def test_brain_score_set_is_the_published_one():
    assert SET_X[0, :3].tolist() == [
        -0.07679082912728674,
        0.00940744288372064,
        0.14835939396343056,
    ]
    assert SET_X[119, 39] == -0.3121401751982187
    check(SET_Y[0, 0], 0.008375798374713334, 1e-16)
    check(SET_Y[119, 9], 0.10014817833790046, 1e-16)


@pytest.mark.parametrize(
    ("oracle", "expected"),
    [
        (brainscore.vision_pls, 0.9415355697029524),
        (brainscore.vision_ridge, 0.9480618743875704),
        (brainscore.vision_linear, 0.9504220531148322),
        (brainscore.vision_neuron_to_neuron, 0.8665624756638081),
        (brainscore.vision_ridgecv, 0.950542534632320),
        (brainscore.language_ridge, 0.950542534632320),
    ],
)
def test_brain_score_regressions(oracle, expected):
    # The floor of the language metrics moves a correlation by less than 1e-7.
    tolerance = 1e-7 if oracle is brainscore.language_ridge else TOLERANCE
    check(oracle(SET_X, SET_Y, SPLIT), expected, tolerance)


def test_choosing_among_penalties_is_leaving_rows_out():
    grid = prediction.ridge_grid(brainscore.LANGUAGE_ALPHAS)
    [(z, fitted, _)] = prediction.predictions(SET_X, SET_Y, SPLIT, grid)
    value = np.median(prediction.pearson_columns(z, fitted))

    check(value, 0.950542534632320)


def test_brain_score_pls_with_exact_weights():
    value = prediction.r(SET_X, SET_Y, SPLIT, prediction.pls_svd(25))
    check(value, 0.9415747736162355)


def test_brain_score_ridge_of_every_target():
    [(z, fitted, _)] = prediction.predictions(SET_X, SET_Y, SPLIT, prediction.ridge(1))
    expected = (
        "0.9547330744 0.9525443206 0.9229000448 0.9678405572 0.9454284595 "
        "0.9506952893 0.9619058189 0.9174474868 0.9160324265 0.9390561374"
    )
    check(
        prediction.pearson_columns(z, fitted),
        [float(value) for value in expected.split()],
        1e-10,
    )


def test_brain_score_alignment():
    assert len(brainscore.VISION_ALPHAS) == 99
    check(brainscore.vision_cka(SET_X, SET_Y), 0.42306115422653573)
    check(oracles.cka_debiased(SET_X, SET_Y), 0.423061154228604)
    check(brainscore.vision_cka_biased(SET_X, SET_Y), 0.48099066945486313)
    check(brainscore.vision_rdm(SET_X, SET_Y), 0.3947638421288597)
