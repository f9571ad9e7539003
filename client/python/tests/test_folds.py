"""Row lists of the caller, with and without training rows."""

import numpy as np
import pytest

EXPLICIT = "ridge_r2(folds=explicit)"
X = np.arange(12.0).reshape(4, 3)
HALVES = [([2, 3], [0, 1]), ([0, 1], [2, 3])]


def rows(lists):
    return [list(part.rows) for part in lists]


def test_folds_go_to_the_measures_that_ask_for_them(server, client):
    client.score("m1", X, ["cka", EXPLICIT], folds=HALVES)
    client.score("m1", X, EXPLICIT, folds=[np.array([0, 1]), [2]])

    first, second = server.requests
    assert not first.measures[0].explicit_folds
    assert rows(first.measures[1].explicit_folds) == [[0, 1], [2, 3]]
    assert not first.measures[1].explicit_training
    assert rows(second.measures[0].explicit_folds) == [[0, 1], [2]]
    with pytest.raises(ValueError, match="folds=explicit"):
        client.score("m1", X, "cka", folds=[[0]])
    with pytest.raises(ValueError, match="or none"):
        client.score("m1", X, EXPLICIT, folds=[HALVES[0], [2, 3]])


@pytest.mark.parametrize(
    "folds",
    [
        # Rows are left out.
        [([3], [0, 1]), ([0, 1], [2, 3])],
        # Consistently too.
        [([2], [0, 1]), ([0, 1], [2])],
        # Folds overlap.
        [([2, 3], [0, 1]), ([0, 3], [1, 2])],
        # One split alone.
        [([2, 3], [0, 1])],
        # A fold trains on its validation rows.
        [([0, 1, 2, 3], [0, 1]), ([0, 1], [2, 3])],
    ],
)
def test_pairs_that_are_no_partition_say_their_training_rows(server, client, folds):
    client.score("m1", X, ["cka", EXPLICIT], folds=iter(folds))

    cka, ridge = server.requests[0].measures
    assert not cka.explicit_training
    assert rows(ridge.explicit_folds) == [list(fold[1]) for fold in folds]
    assert rows(ridge.explicit_training) == [list(fold[0]) for fold in folds]


def test_rows_are_those_of_the_dataset(server, client):
    by_name = {"row_ids": [0, 0, 1, 1]}
    client.register("m1", X, **by_name)
    dataset = client.register("plain", X)
    pairs = [([1], [0]), ([0], [1])]

    client.score("m1", X, EXPLICIT, folds=pairs, **by_name)
    client.optimize("plain", EXPLICIT, folds=HALVES).result()
    client.optimize(dataset, EXPLICIT, folds=pairs).result()
    client.joint_optimize("m1", maximize=EXPLICIT, folds=pairs).result()

    score, whole, part, joint = server.requests[2:]
    assert not score.measures[0].explicit_training
    assert not whole.measure.explicit_training
    assert rows(part.measure.explicit_training) == [[1], [0]]
    assert not joint.terms[0].measure.explicit_training


def test_folds_of_other_calls(server, client):
    client.compare(X, X, EXPLICIT, HALVES)
    client.estimate("m1", (4, 3), EXPLICIT, HALVES)
    client.score("m1", {"a": X, "b": X}, EXPLICIT, HALVES)

    for request in server.requests:
        assert rows(request.measures[0].explicit_folds) == [[0, 1], [2, 3]]
        assert not request.measures[0].explicit_training
