"""References that need no recording."""

import numpy as np
import pytest

from repscore import synthetic


def test_a_matched_gaussian_has_exactly_the_spectrum():
    spectrum = np.array([5.0, 2.0, 1.0, 0.25])

    array = synthetic.matched_gaussian(spectrum, 50, seed=3)

    np.testing.assert_allclose(synthetic.spectrum_of(array), spectrum, rtol=1e-12)
    np.testing.assert_allclose(array.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_array_equal(array, synthetic.matched_gaussian(spectrum, 50, 3))
    assert np.abs(array - synthetic.matched_gaussian(spectrum, 50, 4)).max() > 0.1


def test_a_matched_gaussian_of_an_array_has_its_shape_and_spectrum():
    array = np.random.default_rng(0).normal(size=(5, 8, 6)) * np.arange(1, 7)

    matched = synthetic.matched_gaussian_of(array, seed=1)

    assert matched.shape == array.shape
    np.testing.assert_allclose(
        synthetic.spectrum_of(matched), synthetic.spectrum_of(array), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("spectrum", "rows", "argument"),
    [
        ([1.0, 2.0], 2, "rows"),
        ([], 5, "spectrum"),
        ([[1.0]], 5, "spectrum"),
        ([1.0, -1.0], 5, "spectrum"),
        ([0.0, 0.0], 5, "spectrum"),
        ([1.0, np.nan], 5, "spectrum"),
    ],
)
def test_a_spectrum_that_cannot_be_is_refused(spectrum, rows, argument):
    with pytest.raises(ValueError, match=argument):
        synthetic.matched_gaussian(spectrum, rows)


def test_toy2d_turns_by_choice_and_stretches_by_coherence():
    toy = synthetic.toy2d(asymmetry=0.5)

    array = toy.array
    assert array.shape == (10, 6, 2)
    np.testing.assert_allclose(array[:, 3:], -array[:, :3])
    np.testing.assert_allclose(array[:, 1, 1], 1.5 * array[:, 0, 1])
    np.testing.assert_allclose(array[:, 2, 1], 2 * array[:, 0, 1])
    np.testing.assert_allclose(array[:, 1, 0], array[:, 0, 0])
    assert toy.labels["choice"] == (-1, -1, -1, 1, 1, 1)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_toy2d_with_a_share_of_the_second_component(share):
    spectrum = synthetic.spectrum_of(synthetic.toy2d(second_share=share).array)
    natural = synthetic.spectrum_of(synthetic.toy2d().array)

    assert spectrum[1] / spectrum[0] == pytest.approx(share)
    assert spectrum[0] == pytest.approx(natural[0])


def test_toy2d_refuses_a_share_out_of_range():
    with pytest.raises(ValueError, match="second_share"):
        synthetic.toy2d(second_share=0.0)


def test_ultrametric_siblings_share_more_bits_than_strangers():
    tree = synthetic.ultrametric(seed=1)

    codes = tree.array
    assert codes.shape == (100, 50)
    assert set(np.unique(codes)) == {0.0, 1.0}
    assert tree.labels["category"] == tuple(np.repeat(np.arange(10), 10))
    equal = (codes[:, None] == codes[None]).mean(axis=2)
    category = np.array(tree.labels["category"])
    siblings = category[:, None] == category[None]
    apart = ~siblings
    np.fill_diagonal(siblings, False)
    # A bit survives a level with 0.8 + 0.2 / 2; siblings part once, strangers
    # two levels up at the earliest.
    assert equal[siblings].mean() == pytest.approx(0.82, abs=0.03)
    assert equal[siblings].mean() > equal[apart].mean() + 0.05


def test_ultrametric_refuses_numbers_out_of_range():
    with pytest.raises(ValueError, match="redraw"):
        synthetic.ultrametric(redraw=1.5)
    with pytest.raises(ValueError, match="branches"):
        synthetic.ultrametric(branches=())


def test_exp_gaussian_has_log_spaced_variances():
    array = synthetic.exp_gaussian(seed=2, times=100).array

    assert array.shape == (100, 40, 100)
    deviations = array.reshape(-1, 100).std(axis=0)
    np.testing.assert_allclose(deviations, np.logspace(-2, 0, 100), rtol=0.08)
