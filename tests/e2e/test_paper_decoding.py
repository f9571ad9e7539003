"""Decoding of objects and positions from monkey IT, against scikit-learn.

Skipped where the recording is not at hand.
"""

import warnings

import numpy as np
import paper_data
import pytest

import repscore

FOLDS = 5
OBJECTS = 7
POSITIONS = 3
BEFORE_STIMULUS = slice(0, 10)
RESPONSE = slice(paper_data.IT_RESPONSE, 20)
# Binomial error of 399 trials at these chance levels, four standard errors.
CHANCE_BAND = 0.08
# scikit-learn stops where the gradient is 1e-6, which may move a trial that lies
# on a border between classes.
BORDER_TRIALS = 2


@pytest.fixture(scope="module")
def trials():
    return paper_data.it_trials()


@pytest.fixture(scope="module")
def splits(trials):
    """Folds of scikit-learn, as a label: its classes are the test sets."""
    selection = pytest.importorskip("sklearn.model_selection")
    rule = selection.StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    objects = trials.labels["object"]
    fold = np.empty(len(objects), dtype=int)
    for index, (_, test) in enumerate(rule.split(np.zeros(len(objects)), objects)):
        fold[test] = index
    return fold


@pytest.fixture(scope="module")
def registered(server, trials, splits):
    labels = {**trials.labels, "fold": splits.tolist()}
    with server.client() as client:
        client.register("it", trials.array, labels=labels)
        client.register("it-response", trials.array[12:15], labels=labels)


def test_chance_before_the_stimulus_and_well_above_afterwards(client, registered):
    decoding = repscore.Decoding(("object", "position"))

    found = client.decode("it", decoding=decoding)

    objects = np.array(found["object"].bins)
    positions = np.array(found["position"].bins)
    assert len(objects) == len(positions) == 20
    assert found["object"].label.chance == pytest.approx(1 / OBJECTS)
    assert found["position"].label.chance == pytest.approx(1 / POSITIONS)
    np.testing.assert_allclose(objects[BEFORE_STIMULUS], 1 / OBJECTS, atol=CHANCE_BAND)
    np.testing.assert_allclose(
        positions[BEFORE_STIMULUS], 1 / POSITIONS, atol=CHANCE_BAND
    )
    assert objects[RESPONSE].min() > 1 / OBJECTS + 0.2
    assert objects[12:17].min() > 0.5
    assert positions[RESPONSE].min() > 1 / POSITIONS + 0.05


@pytest.mark.parametrize("label", ["object", "position"])
def test_equal_to_scikit_learn_on_the_same_folds(
    client, registered, trials, splits, label
):
    linear_model = pytest.importorskip("sklearn.linear_model")
    threads = pytest.importorskip("threadpoolctl")
    array, values = trials.array[12:15], np.array(trials.labels[label])

    found = client.decode(
        "it-response", decoding=repscore.Decoding((label,), folds_of="fold")
    )

    assert len(found[label].bins) == 3
    for rows, accuracy in zip(array, found[label].bins):
        scores = []
        for fold in range(FOLDS):
            test = splits == fold
            model = linear_model.LogisticRegression(solver="newton-cg", tol=1e-6)
            # Problems this small are slower with threads.
            with warnings.catch_warnings(), threads.threadpool_limits(1):
                warnings.simplefilter("error")
                model.fit(rows[~test], values[~test])
            scores.append(model.score(rows[test], values[test]))
        band = BORDER_TRIALS / len(values)
        assert accuracy == pytest.approx(np.mean(scores), abs=band)
