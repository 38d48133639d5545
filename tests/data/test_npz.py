import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_samples import user_arrays, user_file
from hypothesis import given, settings
from hypothesis import strategies as st

from basin.data import Npz, archive, depends_on_seed, describe, load, resolve
from basin.spec.ids import content_id

ARRAYS = user_arrays()


def wrong(key, value):
    array = ARRAYS[key].copy()
    array[1] = value
    return {key: array}


class Trap:
    """What a pickle can do on loading: run anything."""

    def __reduce__(self):
        return Path.touch, (Path("sprung"),)


UNFIT = {
    "a pickle": ({"x_train": np.array([[Trap()]] * 40)}, "a pickle, never loaded"),
    "a missing key": ({"y_test": None}, "expected the keys x_train, y_train, x_test, y_test, got x_test"),
    "a key too many": ({"weights": np.ones(3)}, "got weights, x_test"),
    "labels as floats": ({"y_train": ARRAYS["y_train"].astype(float)}, "expected integers in y_train, got float64"),
    "labels as truth values": ({"y_test": ARRAYS["y_test"] > 1}, "expected integers in y_test, got bool"),
    "a negative label": (wrong("y_train", -1), r"expected labels in \[0, 40\), got -1 to 3"),
    "a label beyond all examples": (wrong("y_test", 10**9), "number classes from 0, or set num_classes"),
    "labels of one class": ({k: 0 * ARRAYS[k] for k in ("y_train", "y_test")}, "expected at least two classes"),
    "labels as columns": ({"y_train": ARRAYS["y_train"][:, None]}, r"got \(40, 3, 2\) and \(40, 1\)"),
    "too few labels": ({"y_train": ARRAYS["y_train"][:-1]}, r"got \(40, 3, 2\) and \(39,\)"),
    "no examples": ({"x_test": ARRAYS["x_test"][:0], "y_test": ARRAYS["y_test"][:0]}, r"got \(0, 3, 2\)"),
    "other test inputs": ({"x_test": ARRAYS["x_test"][:, :2]}, r"one shape, got \(3, 2\) and \(2, 2\)"),
    "flat inputs": ({"x_train": np.ones(40)}, r"got \(40,\) and \(40,\)"),
    "text": ({"x_train": np.full((40, 2), "a")}, "expected real numbers in x_train, got <U1"),
    "complex numbers": ({"x_train": np.ones((40, 2), complex)}, "expected real numbers in x_train, got complex128"),
    "not a number": (wrong("x_train", np.nan), r"finite inputs in x_train, got nan at \(1, 0, 0\) and 6 such"),
    "infinity": (wrong("x_test", np.inf), "finite inputs in x_test, got inf"),
    "infinity in single precision": (wrong("x_test", 1e300), r"got 1e\+300"),
}


def refused(path, spec=None):
    """Return the refusal of a file, which must be one line that names it, from loading and from describing alike."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        load(spec or Npz(path=path), 0)
    message = str(refusal.value)
    assert message.startswith(path)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("case", UNFIT)
def test_an_unfit_archive_is_refused_in_one_line(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changes, message = UNFIT[case]
    path = user_file(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        load(Npz(path=path), 0)
    refused(path)
    assert not Path("sprung").exists()


def header_of(shape, dtype="<f8"):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


FORGED = {
    "a million million elements": (header_of((10**12,)) + bytes(80), "expected 8000000000000 bytes"),
    "a negative side": (header_of((-1, 2)) + bytes(80), "got the shape"),
    "too few bytes": (header_of((40, 3)) + bytes(8), "expected 960 bytes in x_train by its own header, got 8"),
    "too many bytes": (header_of((1, 1)) + bytes(80), "expected 8 bytes in x_train by its own header, got 80"),
    "no array": (b"hello", "expected an array in x_train"),
    "nothing": (b"", "expected an array in x_train"),
    "a header of code": (b"\x93NUMPY\x01\x00\x10\x00__import__('os')", "expected an array in x_train"),
    "a version to come": (b"\x93NUMPY\x09\x00" + bytes(80), "expected an array in x_train"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_array_is_refused_before_it_is_read(case, tmp_path):
    data, message = FORGED[case]
    path = user_file(tmp_path, x_train=None)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("x_train.npy", data)
    assert message in refused(path)


def test_two_entries_of_one_name_are_refused(tmp_path):
    path = user_file(tmp_path)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("x_train.npy", header_of((1, 1)) + bytes(8))
    assert "expected the keys" in refused(path)


def test_an_archive_that_unpacks_to_an_absurd_size_is_refused(tmp_path, monkeypatch):
    path = str(tmp_path / "bomb.npz")
    np.savez_compressed(path, **ARRAYS | {"x_train": np.zeros((40, 100_000)), "x_test": np.zeros((20, 100_000))})
    assert describe(Npz(path=path)).input_shape == (100_000,)
    monkeypatch.setattr(archive, "_FREE_BYTES", 2**20)
    assert "bytes unpacked" in refused(path)


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    path = user_file(tmp_path_factory.mktemp("intact"))
    return Path(path).read_bytes()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_an_archive_cut_anywhere_is_refused(intact, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cut") / "cut.npz"
    path.write_bytes(intact[: data.draw(st.integers(0, len(intact) - 1))])
    refused(str(path))


def loaded_or_refused(spec):
    """Return the data, or None if it is refused with a `ValueError`; any other exception is a fault."""
    try:
        return load(spec, 0)
    except ValueError:
        return None


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_flipped_bit_is_refused_or_does_no_harm(intact, tmp_path_factory, data):
    damaged = bytearray(intact)
    damaged[data.draw(st.integers(0, len(intact) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("flip") / "flip.npz"
    path.write_bytes(damaged)
    spec = Npz(path=str(path), standardise=False)
    found = loaded_or_refused(spec)
    if found is None:
        return
    assert found.x_train.tobytes() == ARRAYS["x_train"].astype(np.float32).tobytes()
    assert (found.y_train == ARRAYS["y_train"]).all()


@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda x: x.astype(">f8"), lambda x: x.astype(np.float16), lambda x: x.astype(np.uint8)],
    ids=["columns first", "big endian", "half precision", "bytes"],
)
def test_every_layout_of_numbers_is_read(change, tmp_path):
    x = change(ARRAYS["x_train"])
    data = load(Npz(path=user_file(tmp_path, x_train=x), standardise=False), 0)
    assert (data.x_train == x.astype(np.float32)).all()


@pytest.mark.parametrize("name", ["absent.npz", ""])
def test_a_file_that_cannot_be_read_is_refused(name, tmp_path):
    assert "expected a readable .npz file" in refused(str(tmp_path / name))


def test_what_is_no_archive_is_refused(tmp_path):
    np.save(tmp_path / "array.npy", np.ones(3))
    assert "expected an intact .npz archive" in refused(str(tmp_path / "array.npy"))


def test_more_examples_than_there_are_is_refused(tmp_path):
    path = user_file(tmp_path)
    assert "num_train of at most 40, got 41" in refused(path, Npz(path=path, num_train=41))


def test_a_label_beyond_the_stated_classes_is_refused(tmp_path):
    path = user_file(tmp_path)
    assert "expected labels in [0, 3), got 0 to 3" in refused(path, Npz(path=path, num_classes=3))
    assert describe(Npz(path=path, num_classes=7)).num_classes == 7


def test_the_identity_is_the_content(tmp_path):
    here, there = user_file(tmp_path, "here.npz"), str(tmp_path / "there.npz")
    shutil.copy(here, there)
    assert content_id(resolve(Npz(path=here))) == content_id(resolve(Npz(path=there)))
    other = user_file(tmp_path, "other.npz", **wrong("x_train", 1.0))
    assert content_id(resolve(Npz(path=here))) != content_id(resolve(Npz(path=other)))


def test_a_file_that_has_changed_is_refused(tmp_path):
    spec = resolve(Npz(path=user_file(tmp_path)))
    user_file(tmp_path, **wrong("x_train", 1.0))
    assert f"expected SHA-256 {spec.sha256}, got" in refused(spec.path, spec)
    with pytest.raises(ValueError, match="restore the file"):
        resolve(spec)


# --- A random sample -------------------------------------------------------------------------------------------------


@pytest.fixture
def numbered(tmp_path):
    """Sixty training examples, each of which shows its number."""
    x = np.arange(60, dtype=np.float32)[:, None] * np.ones(2, np.float32)
    np.savez(tmp_path / "n.npz", x_train=x, y_train=np.arange(60) % 3, x_test=x[:5], y_test=np.arange(5) % 3)
    return Npz(path=str(tmp_path / "n.npz"), num_train=20, sample="random", standardise=False)


def test_each_seed_has_a_random_sample_of_its_own_with_its_labels(numbered):
    samples = [load(numbered, seed) for seed in range(40)]
    rows = [found.x_train[:, 0].astype(int) for found in samples]
    assert all(len(set(row)) == 20 for row in rows)
    assert all((found.y_train == row % 3).all() for found, row in zip(samples, rows, strict=True))
    # 40 samples of 20 among 60: each is in 13.3 of them, with a standard deviation of 3
    counts = np.bincount(np.concatenate(rows), minlength=60)
    assert 25 < ((counts - 40 / 3) ** 2 / (80 / 9)).sum() < 105  # chi-square of 59
    assert depends_on_seed(numbered)


def test_a_larger_random_sample_begins_with_the_smaller_and_what_is_held_out_is_apart(numbered):
    small, large = load(numbered, 3), load(numbered.replace(num_train=30, num_validation=10), 3)
    np.testing.assert_array_equal(large.x_train[:20], small.x_train)
    assert not set(large.x_train[:, 0]) & set(large.x_validation[:, 0])


def test_a_random_sample_and_the_whole_are_standardised_alike(numbered):
    # independent: the moments of 0..59 written out
    for found in (load(numbered.replace(standardise=True), 1), load(Npz(path=numbered.path), 0)):
        levels = found.x_train[:, 0] * np.sqrt((60**2 - 1) / 12) + 29.5
        np.testing.assert_allclose(levels, levels.round(), atol=1e-4)
        np.testing.assert_allclose(found.y_train, levels.round() % 3)
