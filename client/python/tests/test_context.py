"""What stands beside a score."""

import copy
import pickle

import numpy as np
import pytest

import repscore
from repscore.v1 import types_pb2

X = np.arange(12.0).reshape(4, 3)
EVERYTHING = repscore.Context(
    ceiling_splits=10,
    normalization="r2/c",
    clip=True,
    bootstrap=50,
    confidence=0.9,
    group="session",
    permutations=99,
    baseline=True,
    companion=True,
    seed=2**64 - 1,
)


def test_options_arrive(server, client):
    client.score("m1", X, context=EVERYTHING)

    options = server.requests[0].context
    assert options.ceiling_splits == 10
    assert not options.HasField("supplied_ceiling")
    assert options.normalization == types_pb2.NORMALIZATION_R_SQUARED_OVER_C
    assert options.clip
    assert options.bootstrap_draws == 50
    assert options.confidence == 0.9
    assert options.bootstrap_group == "session"
    assert options.permutations == 99
    assert options.baseline
    assert options.companion
    assert options.seed == 2**64 - 1


def test_without_context_nothing_is_asked_for(server, client):
    score = client.score("m1", X)["cka"]

    assert not server.requests[0].HasField("context")
    assert score.error is None
    assert score.context == repscore.ScoreContext()


def test_large_candidates_have_context_too(server, client):
    scores = client.score(
        "m1", np.ones((1000, 300)), context=repscore.Context(permutations=9)
    )

    assert server.requests[0].context.permutations == 9
    assert server.requests[0].context.confidence == 0.95
    assert scores["cka"].context.null.permutations == 9
    assert scores.reference.features == 7


def test_all_parts_come_back(client):
    score = client.score("m1", X, context=EVERYTHING)["cka"]

    context = score.context
    assert score.error == 0.125
    assert context.ceiling == repscore.Ceiling(0.5, None, "one split", 10, False)
    assert context.ceiled is None
    assert context.interval == repscore.Interval(65.0, 67.0, 0.9, 50, "session")
    assert context.null == repscore.NullDistribution(0.25, 0.0625, 0.01, 99)
    assert context.baseline is None
    assert context.notes[0].reason == "NO_CONDITIONS"
    assert context.companion == 0.0
    assert context.companion.measure == "cka.debiased"


def test_a_supplied_ceiling_may_be_zero(server, client):
    options = repscore.Context(supplied_ceiling=0.5, normalization="r/c", clip=True)

    context = client.score("m1", X, context=options)["cka"].context

    assert context.ceiling.supplied
    assert (context.ceiled, context.unclipped) == (1.0, 132.0)
    zero = repscore._requests.context_options(repscore.Context(supplied_ceiling=0.0))
    assert zero.HasField("supplied_ceiling")


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("r/c", "NORMALIZATION_R_OVER_C"),
        ("r2/c", "NORMALIZATION_R_SQUARED_OVER_C"),
        ("r2/c2", "NORMALIZATION_R_SQUARED_OVER_C_SQUARED"),
        ("per_unit_r2/c", "NORMALIZATION_PER_UNIT_R_SQUARED_OVER_C"),
    ],
)
def test_normalisations_have_their_name_on_the_wire(name, wire):
    options = repscore._requests.context_options(repscore.Context(normalization=name))

    assert options.normalization == types_pb2.Normalization.Value(wire)


def test_unknown_normalisations_are_refused(client):
    with pytest.raises(ValueError, match=r"context\.normalization='r'.*'r2/c2'"):
        client.score("m1", X, context=repscore.Context(normalization="r"))


def test_tables_show_the_parts_that_are_there(client):
    plain = client.score("m1", X)
    options = repscore.Context(ceiling_splits=2, permutations=9, bootstrap=9)
    scores = client.score("m1", X, ["cka", "nbs"], context=options)
    table = client.score("m1", {"a": X, "b": X}, ["cka", "nbs"], context=options)

    assert repr(plain).splitlines()[0].split() == ["measure", "value"]
    header = repr(scores).splitlines()[0].split()
    assert header == [
        "measure",
        "value",
        "error",
        "interval",
        "p",
        "ceiling",
        "warnings",
    ]
    assert "[65.000000, 67.000000]" in repr(scores)
    assert "<th>p</th>" in scores._repr_html_()
    assert "<th>p</th>" not in plain._repr_html_()
    assert "nbs ceiling" in repr(table)
    assert "nbs ceiled" not in repr(table)


def test_scores_are_copied_whole(client):
    scores = client.score("m1", X, context=EVERYTHING)

    for copied in (pickle.loads(pickle.dumps(scores)), copy.deepcopy(scores)):
        assert copied["cka"] == scores["cka"]
        assert copied["cka"].error == 0.125
        assert copied["cka"].context == scores["cka"].context
        assert copied["cka"].context.companion.measure == "cka.debiased"
        assert copied.reference == scores.reference
        assert repr(copied) == repr(scores)


def test_the_context_is_a_value():
    assert repscore.Context(seed=1) == repscore.Context(seed=1)
    with pytest.raises(AttributeError):
        EVERYTHING.seed = 2
