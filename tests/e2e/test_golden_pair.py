"""The golden pair through the wire, with the tolerances of the measures."""

import golden
import numpy as np
import pytest
from stream import stream_score

SUM_TYPE = 1e-12
SVD_TYPE = 1e-11


def ridge(folds, penalty, **parameters):
    parameters = {"folds": folds, "lambda": penalty, **parameters}
    return f"ridge_r2({','.join(f'{k}={v}' for k, v in parameters.items())})"


EXPECTED = {
    **golden.SCORES,
    "linear_r2(direction=reference_to_candidate)": golden.LINEAR_R2_REVERSED,
    **{
        ridge("none", penalty): value
        for penalty, value in zip(golden.RIDGE_LAMBDAS, golden.RIDGE_IN_SAMPLE)
    },
    **{
        ridge(
            "rows_contiguous(5)", penalty, denominator=denominator, pooling=pooling
        ): value
        for (denominator, pooling), values in golden.RIDGE_FIVE_FOLDS.items()
        for penalty, value in zip(golden.RIDGE_LAMBDAS, values)
    },
}


@pytest.fixture(scope="module")
def pair(server):
    reference, candidate = golden.pair()
    with server.client() as client:
        client.register("g0", reference)
    return reference, candidate


def tolerance(measure):
    return SUM_TYPE if measure.startswith("cka") else SVD_TYPE


def test_the_pair_is_the_published_one():
    reference, candidate = golden.pair()

    assert reference[0, 0] == 0.5488135039273248
    assert candidate[29, 24] == 0.22774099334728648


def test_score_gives_the_golden_values(client, pair):
    scores = client.score("g0", pair[1], list(EXPECTED))

    for measure, expected in EXPECTED.items():
        assert scores[measure] == pytest.approx(expected, abs=tolerance(measure))


def test_stream_score_gives_the_golden_values(server, pair):
    values = stream_score(server, "g0", pair[1], list(EXPECTED), [200] * 30)

    for measure, value in zip(EXPECTED, values):
        assert value == pytest.approx(EXPECTED[measure], abs=tolerance(measure))


def test_linear_regression_with_sides_swapped(client, pair):
    client.register("g0-swapped", pair[1])

    scores = client.score("g0-swapped", pair[0], "linear_r2")

    assert scores["linear_r2"] == pytest.approx(golden.LINEAR_R2_REVERSED, abs=SVD_TYPE)


def test_element_types_and_memory_order_do_not_matter(client, pair):
    measures = list(golden.SCORES)
    narrow = pair[1].astype(np.float32)
    expected = client.score("g0", narrow.astype(np.float64), measures).to_dict()

    for array in (
        narrow,
        np.asfortranarray(narrow),
        narrow.astype(">f4"),
        np.repeat(narrow, 2, axis=1)[:, ::2],
    ):
        assert client.score("g0", array, measures).to_dict() == expected


def test_replies_say_what_was_computed(client, pair):
    scores = client.score("g0", pair[1], ["cka", "ridge_r2(lambda=10)"])
    again = client.score("g0", pair[1], [s.measure for s in scores.values()])

    assert list(scores.to_dict().values()) == list(again.to_dict().values())
    assert scores["ridge_r2(lambda=10)"].measure.startswith("ridge_r2(")
    assert "lambda=10" in scores["ridge_r2(lambda=10)"].measure
    assert len(scores["ridge_r2(lambda=10)"].fold_digest) in (0, 64)
    assert scores["cka"].space in ("feature", "sample")
    assert scores.provenance.dataset_version == "datasets/g0/versions/1"
    assert len(scores.provenance.dataset_digest) == 64
    assert scores.provenance.precision == "float64"
    assert (scores.candidate.rows, scores.candidate.features) == (30, 25)
    assert scores.candidate.effective_dimensionality == pytest.approx(
        14.016403827427888, rel=1e-9
    )
