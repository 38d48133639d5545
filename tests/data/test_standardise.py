import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import StandardScaler

from basin.data import Digits, fit_standardiser, load

ARRAYS = hnp.arrays(np.int16, (7, 3), elements=st.integers(-999, 999)).map(lambda x: (x / 8).astype(np.float32))


@settings(deadline=None)
@given(ARRAYS, ARRAYS)
def test_it_maps_as_scikit_learn_does(x_train, x_test):
    # Independent: another implementation, which also leaves constant inputs unscaled.
    expected = StandardScaler().fit(x_train.astype(np.float64)).transform(x_test.astype(np.float64))
    np.testing.assert_allclose(fit_standardiser(x_train)(x_test), expected, rtol=1e-5, atol=1e-5)


def test_a_constant_input_is_centred_and_left_unscaled():
    standardise = fit_standardiser(np.array([[0.1, 1.0]] * 3 + [[0.1, 2.0]]))
    assert standardise(np.array([[0.1, 1.0]]))[0, 0] == 0
    assert standardise(np.array([[2.1, 1.0]]))[0, 0] == np.float32(2.0)


def test_what_would_be_infinite_is_refused():
    standardise = fit_standardiser(np.array([[0.0], [1e-43]], np.float32))
    with pytest.raises(ValueError, match=r"got 1.0 at \(0, 0\) where their standard deviation is"):
        standardise(np.ones((1, 1), np.float32))


def test_three_pixels_of_the_digits_are_constant():
    x = load(Digits(), 0).x_train.reshape(-1, 64)
    assert (np.ptp(x, axis=0) == 0).sum() == 3
    assert np.isfinite(x).all()


def test_the_test_part_has_no_say():
    x = np.arange(12.0).reshape(6, 2)
    assert (fit_standardiser(x[:4])(x)[:4] == fit_standardiser(x[:4])(x[:4])).all()
