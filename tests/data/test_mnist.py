"""MNIST's form on small files written from its description: what is found, read and refused."""

import gzip
import hashlib
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_samples import grey_images, idx_bytes, mnist_files, mnist_folder

from basin.data import Mnist, depends_on_seed, describe, idx, levels, load, published, resolve
from basin.data.folders import ROOT
from basin.data.levels import level_table, looked_up
from basin.spec.ids import content_id

IMAGES, LABELS = grey_images(0, 60)
FILES = mnist_files()


def small(path, **options):
    return Mnist(**{"path": path, "published": "any", **options})


def refused(spec):
    """Return the refusal of a specification, which must be one line, from loading and describing alike."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        load(spec, 0)
    with pytest.raises(ValueError) as again:  # noqa: PT011
        describe(spec)
    message = str(refusal.value)
    assert message == str(again.value)
    assert "\n" not in message
    return message


# --- What is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_pixels_and_labels_are_those_that_were_written(packed, tmp_path):
    data = load(small(mnist_folder(tmp_path, packed), standardise=False), 0)
    assert (np.rint(data.x_train[..., 0] * 255) == IMAGES).all()
    assert (data.y_train == LABELS).all()
    test_images, test_labels = grey_images(1, 30)
    assert (np.rint(data.x_test[..., 0] * 255) == test_images).all()
    assert (data.y_test == test_labels).all()
    assert describe(small(str(tmp_path))).input_shape == (6, 6, 1)


def test_packed_or_not_it_is_the_same_data(tmp_path):
    plain, packed = small(mnist_folder(tmp_path / "a")), small(mnist_folder(tmp_path / "b", packed=True))
    assert content_id(plain) != content_id(packed)
    assert content_id(resolve(plain)) == content_id(resolve(packed))
    assert content_id(resolve(plain)) == content_id(resolve(plain).replace(published="mnist")), "the hash says it all"
    other = small(mnist_folder(tmp_path / "c", train_images=idx_bytes(255 - IMAGES)))
    assert content_id(resolve(other)) != content_id(resolve(plain))


def test_names_with_a_dot_are_taken_and_an_unpacked_file_is_read_first(tmp_path):
    path = Path(mnist_folder(tmp_path, packed=True))
    (path / "train-labels-idx1-ubyte.gz").rename(path / "train-labels.idx1-ubyte.gz")
    (path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(np.full(30, 3, np.uint8)))
    data = load(small(str(path)), 0)
    assert (data.y_train == LABELS).all()
    assert (data.y_test == 3).all()


def test_one_mean_and_deviation_standardise_all_pixels(tmp_path):
    # independent: NumPy on the whole array in float64
    data = load(small(mnist_folder(tmp_path), num_train=25), 0)
    x = IMAGES[:25] / 255
    np.testing.assert_allclose(data.x_train[..., 0], (x - x.mean()) / x.std(), atol=1e-6)
    np.testing.assert_allclose(data.x_test[..., 0], (grey_images(1, 30)[0] / 255 - x.mean()) / x.std(), atol=1e-6)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 40))
def test_levels_are_standardised_channel_by_channel(seed, channels, num_levels):
    # independent: NumPy's mean and deviation over the pixels, not over counts of levels
    rng = np.random.default_rng(seed)
    images = rng.integers(0, num_levels, (5, 4, 3, channels)).astype(np.uint8)
    x = images / 255
    spread = x.std((0, 1, 2))
    expected = (x - x.mean((0, 1, 2))) / np.where(np.ptp(images, axis=(0, 1, 2)) > 0, spread, 1)
    np.testing.assert_allclose(looked_up(images, level_table(images, True)), expected, atol=1e-5)


def test_counting_in_parts_changes_nothing(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 3, 2)).astype(np.uint8)
    whole = level_table(images, True)
    monkeypatch.setattr(levels, "_AT_ONCE", 7)
    assert level_table(images, True).tobytes() == whole.tobytes()


def test_a_random_sample_belongs_to_its_seed_and_is_on_the_scale_of_all(tmp_path):
    spec = small(mnist_folder(tmp_path), num_train=20, num_validation=10, sample="random", label_noise=0.0)
    assert depends_on_seed(spec)
    first, second = load(spec, 1), load(spec, 2)
    assert first.x_train.tobytes() != second.x_train.tobytes()
    whole = load(small(str(tmp_path)), 0)
    rows = [np.flatnonzero((whole.x_train == image).all((1, 2, 3)))[0] for image in first.x_train]
    held = [np.flatnonzero((whole.x_train == image).all((1, 2, 3)))[0] for image in first.x_validation]
    assert len(set(rows) | set(held)) == 30
    assert (first.y_train == LABELS[rows]).all()
    assert (first.y_validation == LABELS[held]).all()


def test_files_are_read_once_and_again_when_they_change(tmp_path, monkeypatch):
    spec = small(mnist_folder(tmp_path))
    before = resolve(spec)
    reads = []
    whole = idx.IdxFile.read
    monkeypatch.setattr(idx.IdxFile, "read", lambda self: reads.append(self.path.name) or whole(self))
    load(spec, 0)
    load(spec.replace(num_train=9), 1)
    assert reads == []
    mnist_folder(tmp_path, train_labels=idx_bytes((LABELS + 1) % 10))
    os.utime(tmp_path / "train-labels-idx1-ubyte", ns=(1, 1))
    assert f"expected SHA-256 {before.sha256}, got" in refused(before)
    assert len(reads) == 4


# --- Where it lies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [".", "mnist", "MNIST/raw"])
def test_it_is_found_below_the_root_by_its_usual_names(inside, tmp_path, monkeypatch):
    monkeypatch.setattr(published, "SETS", {"MNIST": known(FILES)})
    mnist_folder(tmp_path / inside)
    monkeypatch.setenv(ROOT, str(tmp_path))
    assert (load(Mnist(standardise=False), 0).y_train == LABELS).all()
    assert resolve(Mnist()).path is None, "a run does not depend on where its files lie"


def test_a_folder_that_is_named_comes_before_the_root(tmp_path, monkeypatch):
    monkeypatch.setenv(ROOT, mnist_folder(tmp_path / "root"))
    other = small(mnist_folder(tmp_path / "named", t10k_labels=idx_bytes(np.full(30, 4, np.uint8))))
    assert (load(other, 0).y_test == 4).all()
    assert not (load(other.replace(path=None), 0).y_test == 4).all()


def test_without_any_folder_the_refusal_says_what_to_do(monkeypatch):
    monkeypatch.delenv(ROOT, raising=False)
    message = refused(Mnist())
    for words in (
        "four files of MNIST; fetch train-images-idx3-ubyte.gz",
        "https://",
        "data.path",
        "--data-root",
        ROOT,
    ):
        assert words in message


def test_an_empty_root_is_told_where_to_put_the_files(tmp_path, monkeypatch):
    monkeypatch.setenv(ROOT, str(tmp_path))
    assert f"from https://ossci-datasets.s3.amazonaws.com/mnist/, into {tmp_path / 'mnist'}; got no such" in refused(
        Mnist()
    )
    assert f"fashion-mnist, into {tmp_path / 'fashion_mnist'}" in refused(Mnist(published="fashion_mnist"))


@pytest.mark.parametrize("part", ["train_images", "train_labels", "t10k_images", "t10k_labels"])
def test_a_missing_file_is_named(part, tmp_path):
    message = refused(small(mnist_folder(tmp_path, packed=False, **{part: None})))
    assert message.startswith(str(tmp_path))
    assert f"got no {part.replace('_', '-')}-idx" in message


def test_a_folder_that_is_none_is_refused(tmp_path):
    assert "got 'No such file or directory'" in refused(small(str(tmp_path / "absent")))
    (tmp_path / "file").write_text("")
    assert "got 'Not a directory'" in refused(small(str(tmp_path / "file")))


def forbid(monkeypatch, owner, name, forbidden):
    """Refuse one path as the system does one without rights, which a test run by root could not make."""
    allowed = getattr(owner, name)

    def guarded(path, *rest, **options):
        if Path(path) == forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return allowed(path, *rest, **options)

    monkeypatch.setattr(owner, name, guarded)


def test_a_folder_without_rights_is_refused(tmp_path, monkeypatch):
    path = Path(mnist_folder(tmp_path / "data"))
    forbid(monkeypatch, os, "listdir", path)
    message = refused(small(str(path)))
    assert message.startswith(f"{path}: expected the four files")
    assert message.endswith("got 'Permission denied'")


def test_a_file_without_rights_is_refused(tmp_path, monkeypatch):
    path = Path(mnist_folder(tmp_path)) / "t10k-images-idx3-ubyte"
    forbid(monkeypatch, Path, "open", path)
    assert refused(small(str(tmp_path))) == (
        f"{path}: expected a file that can be read, got 'Permission denied'; mend its rights"
    )


# --- What is refused -------------------------------------------------------------------------------------------------

UNFIT = {
    "images and labels swapped": (
        {"train_images": FILES["train-labels-idx1-ubyte"], "train_labels": FILES["train-images-idx3-ubyte"]},
        "expected images in IDX form (magic number 2051), got labels (2048 + 1); are two files swapped?",
    ),
    "the labels of the other part": (
        {"train_labels": FILES["t10k-labels-idx1-ubyte"]},
        "expected a label for each of 60 images, got 30; are files of two sets mixed?",
    ),
    "images of another size": (
        {"t10k_images": idx_bytes(np.zeros((30, 5, 6), np.uint8))},
        "expected images of (6, 6) pixels as in training, got (5, 6)",
    ),
    "a label of 10": ({"train_labels": idx_bytes(LABELS + 1)}, "expected labels in [0, 10), got 1 to 10"),
    "words in place of bytes": (
        {"train_labels": struct.pack(">BBBBI", 0, 0, 12, 1, 60) + bytes(240)},
        "(magic number 2049), got the bytes 00 00 0c 01",
    ),
    "least significant byte first": (
        {"train_labels": struct.pack("<I", 2049) + struct.pack("<I", 60) + bytes(60)},
        "got the bytes 01 08 00 00",
    ),
    "a page of text": ({"t10k_images": b"<html><body>404 Not Found</body></html>"}, "got the bytes 3c 68 74 6d"),
    "an empty file": ({"t10k_images": b""}, "got the bytes of an empty file"),
    "half a header": ({"t10k_images": FILES["t10k-images-idx3-ubyte"][:9]}, "expected a header of 16 bytes, got 9"),
    "a million million pixels": (
        {"train_images": struct.pack(">BBBBIII", 0, 0, 8, 3, 10**4, 10**4, 10**4) + bytes(80)},
        "expected 1 to 2147483648 bytes, got an array of (10000, 10000, 10000)",
    ),
    "no images": ({"train_images": idx_bytes(np.zeros((0, 6, 6), np.uint8))}, "got an array of (0, 6, 6)"),
    "cut short": ({"train_images": FILES["train-images-idx3-ubyte"][:-1]}, "expected 2176 bytes for an array of"),
    "too long": ({"train_images": FILES["train-images-idx3-ubyte"] + b"\0"}, "(60, 6, 6), got 2177; it is damaged"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("case", UNFIT)
def test_an_unfit_file_is_refused(case, packed, tmp_path):
    changes, words = UNFIT[case]
    message = refused(small(mnist_folder(tmp_path, packed, **changes)))
    assert message.startswith(str(tmp_path))
    assert words in message


def test_a_packed_file_under_an_unpacked_name_is_refused(tmp_path):
    path = mnist_folder(tmp_path, train_images=gzip.compress(FILES["train-images-idx3-ubyte"]))
    assert "got a file packed by gzip, whose name must end in .gz" in refused(small(path))


def test_a_file_is_not_read_before_all_headers_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(idx.IdxFile, "read", lambda self: pytest.fail("an image was read"))
    for case in ("cut short", "the labels of the other part", "images of another size", "a million million pixels"):
        refused(small(mnist_folder(tmp_path / case, **UNFIT[case][0])))


def test_no_more_is_unpacked_than_a_header_claims(tmp_path):
    # gzip notes lengths modulo 2^32, and nothing forces the note to be true: a bomb of 64 MiB that claims 68 bytes
    bomb = bytearray(gzip.compress(idx_bytes(LABELS) + bytes(2**26)))
    bomb[-4:] = struct.pack("<I", 68)
    mnist_folder(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(bomb)
    assert "expected 68 bytes, got more; it is damaged" in refused(small(str(tmp_path)))


def loaded_or_refused(spec):
    """Return the data, or None if it is refused with a `ValueError`; any other exception is a fault."""
    try:
        return load(spec, 0)
    except ValueError:
        return None


@settings(max_examples=60)
@given(st.data())
def test_a_packed_file_cut_or_with_a_flipped_bit_is_refused_or_unharmed(tmp_path_factory, data):
    whole = gzip.compress(FILES["train-images-idx3-ubyte"])
    path = Path(mnist_folder(tmp_path_factory.mktemp("cut"), packed=True))
    damaged = bytearray(whole)
    if data.draw(st.booleans()):
        damaged = damaged[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        damaged[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (path / "train-images-idx3-ubyte.gz").write_bytes(damaged)
    found = loaded_or_refused(small(str(path), standardise=False))
    assert found is None or (np.rint(found.x_train[..., 0] * 255) == IMAGES).all()
    shutil.rmtree(path)


# --- Published sets --------------------------------------------------------------------------------------------------


def known(files):
    """Return lengths and checksums of files as those of a published set, by the tool of the standard library."""
    return {
        name[: name.index("-idx")]: published.Published(len(content), hashlib.md5(content).hexdigest())
        for name, content in files.items()
    }


def test_what_is_known_of_published_files_is_complete_and_of_their_forms():
    lengths = {"train": 60_000, "t10k": 10_000}
    digests = [file.digest for files in published.SETS.values() for file in files.values()]
    assert len(set(digests)) == len(digests) == 16
    assert all(len(digest) in (32, 40) and int(digest, 16) for digest in digests)
    for name in ("MNIST", "Fashion-MNIST"):
        for part, count in lengths.items():
            assert published.SETS[name][f"{part}-images"].size == 16 + count * 28 * 28
            assert published.SETS[name][f"{part}-labels"].size == 8 + count
    assert {file.size for file in published.SETS["CIFAR-10"].values()} == {10_000 * 3073}
    assert [file.size for file in published.SETS["CIFAR-100"].values()] == [50_000 * 3074, 10_000 * 3074]


def test_a_small_set_is_not_taken_for_mnist(tmp_path):
    message = refused(Mnist(path=mnist_folder(tmp_path)))
    assert "expected 47040016 bytes of MNIST's train-images, got 2176" in message
    assert "set data.published" in message


def test_the_published_files_are_told_by_their_checksums(tmp_path, monkeypatch):
    fashion = {name: content[:-1] + bytes([content[-1] ^ 1]) for name, content in FILES.items()}
    monkeypatch.setattr(published, "SETS", {"MNIST": known(FILES), "Fashion-MNIST": known(fashion)})
    path = mnist_folder(tmp_path, packed=True)
    assert describe(Mnist(path=path)).num_train == 60
    other = mnist_folder(tmp_path / "o", t10k_images=fashion["t10k-images-idx3-ubyte"])
    assert "expected MNIST's t10k-images, MD5 " in refused(Mnist(path=other))
    assert "got Fashion-MNIST's t10k-images; fetch it again" in refused(Mnist(path=other))
    assert "got MNIST's train-images" in refused(Mnist(path=path, published="fashion_mnist"))
    damaged = bytearray(FILES["train-images-idx3-ubyte"])
    damaged[100] ^= 4
    assert "got MD5 " in refused(Mnist(path=mnist_folder(tmp_path / "d", train_images=bytes(damaged))))


def test_more_classes_or_examples_than_there_are(tmp_path):
    path = mnist_folder(tmp_path, train_labels=idx_bytes(LABELS + 20))
    assert describe(small(path, num_classes=47)).num_classes == 47
    assert "expected num_train of at most 50 beside num_validation, got 51" in refused(
        small(mnist_folder(tmp_path / "b"), num_train=51, num_validation=10)
    )
