"""CIFAR's binary form on small files written from its description, and frames of speech."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from image_samples import (
    BATCHES,
    cifar10_folder,
    cifar100_folder,
    cifar_bytes,
    colour_images,
    frames_file,
)

from basin.data import Cifar10, Cifar100, Frames, Npz, describe, load, published, resolve
from basin.data.folders import ROOT
from basin.spec.ids import content_id

IMAGES, LABELS, FINE = colour_images(3)


def small10(path, **options):
    return Cifar10(**{"path": path, "published": False, **options})


def small100(path, **options):
    return Cifar100(**{"path": path, "published": False, **options})


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


def test_five_batches_follow_one_another_and_colours_are_in_their_planes(tmp_path):
    data = load(small10(cifar10_folder(tmp_path), standardise=False), 0)
    levels = np.rint(data.x_train * 255).astype(int)
    assert levels[:, 0, 0].tolist() == [[batch, place, 255] for batch in range(5) for place in range(12)]
    for batch in range(5):
        assert (levels[12 * batch : 12 * (batch + 1)] == colour_images(batch)[0]).all()
    assert (np.rint(data.x_test * 255) == colour_images(5)[0]).all()
    assert data.y_train.tolist() == LABELS.tolist() * 5


def test_each_channel_has_a_mean_and_a_deviation_of_its_own(tmp_path):
    # independent: NumPy on the images in float64
    x = np.concatenate([colour_images(batch)[0] for batch in range(5)]) / 255
    data = load(small10(cifar10_folder(tmp_path)), 0)
    np.testing.assert_allclose(data.x_train, (x - x.mean((0, 1, 2))) / x.std((0, 1, 2)), atol=1e-6)


def test_the_hundred_have_two_kinds_of_labels(tmp_path):
    path = cifar100_folder(tmp_path)
    fine, coarse = (load(small100(path, labels=labels), 0) for labels in ("fine", "coarse"))
    assert fine.y_train.tolist() == colour_images(0, 60)[2].tolist()
    assert (coarse.y_train == fine.y_train // 5).all()
    assert [describe(small100(path, labels=labels)).num_classes for labels in ("fine", "coarse")] == [100, 20]
    assert resolve(small100(path)).sha256 == resolve(small100(path, labels="coarse")).sha256
    assert content_id(resolve(small100(path))) != content_id(resolve(small100(path, labels="coarse")))


def test_the_identity_is_the_content(tmp_path):
    here, there = small10(cifar10_folder(tmp_path / "a")), small10(cifar10_folder(tmp_path / "b"))
    assert content_id(resolve(here)) == content_id(resolve(there))
    changed = small10(cifar10_folder(tmp_path / "c", data_batch_4=cifar_bytes(255 - IMAGES, LABELS)))
    assert content_id(resolve(changed)) != content_id(resolve(here))
    assert f"expected SHA-256 {resolve(here).sha256}, got" in refused(changed.replace(sha256=resolve(here).sha256))


# --- Where it lies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [".", "cifar-10-batches-bin", "cifar10"])
def test_it_is_found_below_the_root_or_below_the_path(inside, tmp_path, monkeypatch):
    cifar10_folder(tmp_path / inside)
    monkeypatch.setenv(ROOT, str(tmp_path))
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"the archive that it was unpacked from")
    assert describe(small10(None)).num_train == 60
    monkeypatch.delenv(ROOT)
    assert describe(small10(str(tmp_path))).num_train == 60


@pytest.mark.parametrize(("spec", "archive"), [(Cifar10(), "cifar-10-binary"), (Cifar100(), "cifar-100-binary")])
def test_without_files_the_refusal_says_where_to_get_them(spec, archive, tmp_path, monkeypatch):
    monkeypatch.delenv(ROOT, raising=False)
    assert f"fetch and unpack {archive}.tar.gz from https://" in refused(spec)
    monkeypatch.setenv(ROOT, str(tmp_path))
    assert f"into {tmp_path / archive.replace('10-binary', '10-batches-bin')}; got no such file" in refused(spec)


@pytest.mark.parametrize("name", [*BATCHES, "test_batch.bin"])
def test_a_missing_batch_is_named(name, tmp_path):
    assert f"got no {name}" in refused(small10(cifar10_folder(tmp_path, **{name.removesuffix(".bin"): None})))


class Trap:
    """What a pickle can do on loading: run anything."""

    def __reduce__(self):
        return Path.touch, (Path("sprung"),)


PICKLED = {
    Cifar10: ("cifar-10-batches-py", [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"]),
    Cifar100: ("cifar-100-python", ["train", "test", "meta"]),
}


@pytest.mark.parametrize("kind", PICKLED)
def test_the_pickled_version_is_refused_and_never_loaded(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder, names = PICKLED[kind]
    (tmp_path / folder).mkdir()
    for name in names:
        np.save(tmp_path / folder / name, np.array([Trap()]), allow_pickle=True)
        (tmp_path / folder / f"{name}.npy").rename(tmp_path / folder / name)
    message = refused(kind(path=str(tmp_path)))
    assert message.startswith(str(tmp_path / folder))
    assert "got the pickled Python version, which is never loaded; fetch and unpack cifar-10" in message
    assert not Path("sprung").exists()


# --- What is refused -------------------------------------------------------------------------------------------------

WHOLE = cifar_bytes(IMAGES, LABELS)

UNFIT = {
    "cut short": (WHOLE[:-1], "expected records of 3073 bytes each, as CIFAR-10 has, got 36875 bytes"),
    "empty": (b"", "got 0 bytes"),
    "records of the other set": (cifar_bytes(IMAGES, FINE // 5, FINE), "got 36888 bytes"),
    "labels beyond the classes": (cifar_bytes(IMAGES, FINE), "expected labels in [0, 10), got 0 to"),
    "labels out of step": (WHOLE[100:] + bytes(100), "expected labels in [0, 10)"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_an_unfit_file_is_refused(case, tmp_path):
    content, words = UNFIT[case]
    message = refused(small10(cifar10_folder(tmp_path, data_batch_4=content)))
    assert message.startswith(str(tmp_path / "data_batch_4.bin"))
    assert words in message


def test_labels_of_the_hundred_are_checked_both(tmp_path):
    images, _, fine = colour_images(0, 60)
    for number, labels in enumerate([(fine // 5 + 2, fine), (fine // 5, fine + 2)]):
        assert "expected labels in [0, " in refused(
            small100(cifar100_folder(tmp_path / str(number), train=cifar_bytes(images, *labels)))
        )


def test_a_folder_without_rights_is_refused(tmp_path, monkeypatch):
    path, listed = cifar10_folder(tmp_path / "data"), os.listdir

    def guarded(folder):
        if str(folder) == path:  # as the system says it, which it would not to a test run by root
            raise PermissionError(13, "Permission denied", path)
        return listed(folder)

    monkeypatch.setattr(os, "listdir", guarded)
    assert refused(small10(path)).endswith("in this folder; got 'Permission denied'")


# --- Published files -------------------------------------------------------------------------------------------------


def test_small_files_are_not_taken_for_the_published_ones(tmp_path):
    message = refused(Cifar10(path=cifar10_folder(tmp_path)))
    assert "expected 30730000 bytes of CIFAR-10's data_batch_1.bin, got 36876" in message


def test_files_of_the_right_length_are_told_by_their_checksums(tmp_path):
    for name in ("train.bin", "test.bin"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(published.SETS["CIFAR-100"][name].size)  # zeros that take no space
    message = refused(Cifar100(path=str(tmp_path)))
    assert "expected CIFAR-100's train.bin, SHA1 e207cd2e05b73b1393c74c7f5e7bea451d63e08e, got SHA1 " in message


def test_a_batch_under_another_ones_name_is_told(tmp_path, monkeypatch):
    batches = {
        name: cifar_bytes(*colour_images(number)[:2]) for number, name in enumerate([*BATCHES, "test_batch.bin"])
    }
    known = {
        name: published.Published(len(content), hashlib.sha1(content).hexdigest()) for name, content in batches.items()
    }
    monkeypatch.setitem(published.SETS, "CIFAR-10", known)
    assert describe(Cifar10(path=cifar10_folder(tmp_path / "a"))).num_train == 60
    swapped = cifar10_folder(tmp_path / "b", test_batch=batches["data_batch_2.bin"])
    assert "got CIFAR-10's data_batch_2.bin; fetch it again" in refused(Cifar10(path=swapped))


# --- Frames ----------------------------------------------------------------------------------------------------------


def test_frames_are_the_arrays_of_their_archive_and_found_below_the_root(tmp_path, monkeypatch):
    path = frames_file(tmp_path / "timit")
    options = {"num_train": 30, "sample": "random", "num_validation": 5, "label_noise": 0.2}
    monkeypatch.setenv(ROOT, str(tmp_path))
    found, expected = load(Frames(**options), 7), load(Npz(path=path, **options), 7)
    for name in ("x_train", "y_train", "x_test", "y_test", "x_validation", "y_validation"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes()
    named = Frames(path=str(tmp_path / "timit"))
    assert content_id(resolve(Frames())) == content_id(resolve(named)) == content_id(resolve(Frames(path=path)))
    assert (describe(named).input_shape, describe(named).num_classes) == ((12,), 5)


def test_frames_must_be_vectors(tmp_path):
    path = frames_file(tmp_path, x_train=np.zeros((60, 4, 3)), x_test=np.zeros((30, 4, 3)))
    assert refused(Frames(path=path)).startswith(
        f"{path}: expected a vector a frame, got frames of shape (4, 3); flatten"
    )


def test_absent_frames_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv(ROOT, str(tmp_path))
    message = refused(Frames())
    assert "expected timit.npz with x_train, y_train, x_test and y_test" in message
    assert f"into {tmp_path / 'timit'}" in message
    assert "expected a readable .npz file" in refused(Frames(path=str(tmp_path / "none.npz")))
