import numpy as np
import pytest
from sklearn.datasets import load_digits

from basin.data import Digits, describe, digits, load

RAW = Digits(standardise=False)


@pytest.fixture(scope="module")
def raw():
    return load(RAW, 0)


def rows(x):
    return {row.tobytes() for row in x.reshape(len(x), -1)}


def test_the_two_parts_are_the_whole_set(raw):
    # Independent: scikit-learn's own array, in its own order.
    x, y = load_digits(return_X_y=True)
    assert rows(np.concatenate([raw.x_train, raw.x_test])) == rows((x / 16).astype(np.float32))
    assert (np.bincount(np.concatenate([raw.y_train, raw.y_test])) == np.bincount(y)).all()


def test_no_test_example_is_trained_on(raw):
    assert not rows(raw.x_train) & rows(raw.x_test)


def test_images_keep_their_labels(raw):
    x, y = load_digits(return_X_y=True)
    label = {row.tobytes(): digit for row, digit in zip((x / 16).astype(np.float32), y, strict=True)}
    assert all(
        label[row.tobytes()] == digit for row, digit in zip(raw.x_test.reshape(360, 64), raw.y_test, strict=True)
    )


def test_every_class_has_its_share_of_the_test_part(raw):
    share = np.bincount(load_digits(return_X_y=True)[1]) * 360 / 1797
    assert np.abs(np.bincount(raw.y_test) - share).max() < 1


@pytest.mark.parametrize("num_train", [50, 143, 500, 1000])
def test_the_first_examples_are_a_stratified_sample(raw, num_train):
    share = np.bincount(raw.y_train) * num_train / 1437
    assert np.abs(np.bincount(raw.y_train[:num_train]) - share).max() < 2


def test_even_and_odd_test_examples_hold_every_class(raw):
    assert min(np.bincount(raw.y_test[::2]).min(), np.bincount(raw.y_test[1::2]).min()) >= 10


def test_the_split_never_changes(raw):
    assert describe(RAW).fingerprint == "1c45183a3de5b2cb885ed30d2a58093c"
    assert raw.y_test[:12].tolist() == [9, 8, 2, 1, 3, 7, 5, 6, 4, 0, 9, 8]


def test_other_digits_are_refused(monkeypatch):
    monkeypatch.setattr(digits, "FINGERPRINT", "0" * 32)
    with pytest.raises(ValueError, match="expected digits with fingerprint 0000"):
        digits._split.__wrapped__()


def test_pixels_are_between_nought_and_one(raw):
    assert (raw.x_train.min(), raw.x_train.max()) == (0, 1)
