"""CIFAR-5m on small files of its exact form: what is refused, what is converted, what is read."""

import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from data_samples import CIFAR5M_PARTS, cifar5m_folder, cifar5m_part

from basin.data import Cifar5m, cifar5m, convert, describe, load, resolve, stored
from basin.data.convert import converted, verify
from basin.data.keys import seed_key
from basin.data.stored import StoredRows
from basin.data.subset import random_rows
from basin.spec.ids import content_id

PART = cifar5m_part(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return cifar5m_folder(tmp_path_factory.mktemp("cifar5m") / "data")


class Trap:
    """What a pickle can do on loading: run anything."""

    def __reduce__(self):
        return Path.touch, (Path("sprung"),)


UNFIT = {
    "a pickle": ({"X": np.array([Trap()] * 30)}, "part3.npz: expected real numbers in X, got object (a pickle, never"),
    "labels as a pickle": ({"Y": np.array([Trap()] * 30)}, "expected integers in Y, got object (a pickle, never"),
    "images as floats": ({"X": PART["X"] / 255}, "expected bytes (uint8) in X, got float64"),
    "images as words": ({"X": PART["X"].astype(np.int16)}, "expected bytes (uint8) in X, got int16"),
    "channels first": ({"X": PART["X"].transpose(0, 3, 1, 2).copy()}, "got (30, 3, 32, 32) and (30,)"),
    "flat images": ({"X": PART["X"].reshape(30, -1)}, "got (30, 3072) and (30,)"),
    "too few labels": ({"Y": PART["Y"][:-1]}, "got (30, 32, 32, 3) and (29,)"),
    "no images": ({"X": PART["X"][:0], "Y": PART["Y"][:0]}, "got (0, 32, 32, 3) and (0,)"),
    "labels as floats": ({"Y": PART["Y"] / 1}, "expected integers in Y, got float64"),
    "a label of 10": ({"Y": PART["Y"] + 1}, "expected labels in [0, 10), got 1 to 10"),
    "a negative label": ({"Y": PART["Y"] - 1}, "expected labels in [0, 10), got -1 to 8"),
    "a key too many": ({"Z": np.ones(2)}, "expected the keys X, Y, got X, Y, Z"),
    "column by column": ({"X": np.asfortranarray(PART["X"])}, "expected X row by row, got it column by column"),
}


def refused(path, **options):
    """Return the refusal of a folder, which must be one line that names it, from loading and describing alike."""
    spec = Cifar5m(path=path, **{"num_test": 20, **options})
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        load(spec, 0)
    message = str(refusal.value)
    assert message.startswith(path)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("case", UNFIT)
def test_an_unfit_part_is_refused_in_one_line(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changes, message = UNFIT[case]
    assert message in refused(cifar5m_folder(tmp_path / "data", part3=changes))
    assert not Path("sprung").exists()


@pytest.mark.parametrize("number", range(CIFAR5M_PARTS))
def test_a_missing_part_is_refused_before_anything_is_converted(number, tmp_path):
    path = cifar5m_folder(tmp_path / "data", **{f"part{number}": None})
    assert f"expected part0.npz to part5.npz, got no part{number}.npz" in refused(path)
    assert not (tmp_path / "data" / "converted").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_part_cut_short_is_refused(share, tmp_path):
    path = Path(cifar5m_folder(tmp_path / "data"))
    whole = (path / "part4.npz").read_bytes()
    (path / "part4.npz").write_bytes(whole[: int(share * len(whole))])
    assert "part4.npz: expected an intact .npz archive" in refused(str(path))
    assert not (path / "converted" / "part4-images.npy").exists()


def test_a_flipped_bit_in_an_image_is_refused(tmp_path):
    path = Path(cifar5m_folder(tmp_path / "data"))
    damaged = bytearray((path / "part2.npz").read_bytes())
    damaged[40_000] ^= 1
    (path / "part2.npz").write_bytes(damaged)
    assert "part2.npz: expected an intact .npz archive" in refused(str(path))


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert "expected the folder of CIFAR-5m, got none" in refused(str(tmp_path / "absent"))
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_is_converted_is_what_the_archives_hold(save, tmp_path):
    # Independent: NumPy reads the arrays that were written, whole.
    parts = converted(Path(cifar5m_folder(tmp_path / "data", save)))
    for number, part in enumerate(parts):
        expected = cifar5m_part(number)
        assert (np.load(part.images) == expected["X"]).all()
        assert (part.read_labels() == expected["Y"]).all()
    verify(parts)


def test_parts_may_be_of_any_size_and_labels_of_any_whole_type(tmp_path):
    more = cifar5m_part(1, 77)
    path = cifar5m_folder(tmp_path / "data", part1=more | {"Y": more["Y"].astype(np.uint8)})
    assert describe(Cifar5m(path=path, num_test=20)).num_train == 4 * 30 + 77


def test_progress_is_reported_and_a_second_use_converts_nothing(tmp_path, capsys):
    path = Path(cifar5m_folder(tmp_path / "data"))
    told = []
    converted(path, lambda *progress: told.append(progress))
    assert [progress for progress in told if progress[1]] == [(f"part{n}.npz", 30, 30) for n in range(CIFAR5M_PARTS)]
    told.clear()
    converted(path, lambda *progress: told.append(progress))
    assert told == []
    assert capsys.readouterr().out == ""


def test_a_long_conversion_says_so_on_standard_error(monkeypatch, capsys):
    clock = iter([0.0, 0.5, 1.5, 1.5, 1.6])
    monkeypatch.setattr(convert, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    report = convert.to_stderr()
    report("part0.npz", 1, 4)
    report("part0.npz", 2, 4)
    report("part0.npz", 3, 4)
    assert capsys.readouterr().err == "converting part0.npz, once: 50%\n"


KILLED = """
import os, signal, sys
from pathlib import Path
from basin.data.convert import converted
def report(name, done, total):
    if name == "part3.npz" and done:
        os.kill(os.getpid(), signal.SIGKILL)
converted(Path(sys.argv[1]), report)
"""


def test_a_conversion_that_was_killed_goes_on_with_the_part_it_was_at(tmp_path):
    path = Path(cifar5m_folder(tmp_path / "data"))
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    left = {file.name for file in (path / "converted").iterdir()}
    assert any(name.endswith(".tmp") for name in left)
    told = []
    parts = converted(path, lambda name, *_: told.append(name))
    assert set(told) == {"part3.npz", "part4.npz", "part5.npz"}
    verify(parts)
    assert not list((path / "converted").glob(".*.tmp"))


def test_an_archive_that_has_changed_is_converted_again_and_one_that_was_removed_is_not_missed(tmp_path):
    path = Path(cifar5m_folder(tmp_path / "data"))
    before = resolve(Cifar5m(path=str(path), num_test=20))
    (path / "part1.npz").unlink()
    assert resolve(before) == before
    cifar5m_folder(path, part1={"Y": (cifar5m_part(1)["Y"] + 1) % 10})
    assert resolve(before.replace(sha256=None)).sha256 != before.sha256
    assert f"expected SHA-256 {before.sha256}, got" in refused(str(path), sha256=before.sha256)


def test_a_converted_file_of_another_length_is_made_again(tmp_path):
    path = Path(cifar5m_folder(tmp_path / "data"))
    images = converted(path)[2].images
    images.write_bytes(images.read_bytes()[:-1])
    verify(converted(path))


def test_a_note_of_older_files_does_not_outlive_them(tmp_path):
    # Killed between the new images and the new note, and the archive removed: what is left is of no archive.
    path = Path(cifar5m_folder(tmp_path / "data"))
    converted(path)
    np.savez(path / "part2.npz", X=cifar5m_part(4)["X"], Y=cifar5m_part(2)["Y"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert.json, "dumps", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            converted(path)
    (path / "part2.npz").unlink()
    assert "got no part2.npz" in refused(str(path))


def test_parts_in_the_cache_stay_there_when_the_folder_can_be_written_to_again(tmp_path, monkeypatch):
    path = Path(cifar5m_folder(tmp_path / "data"))
    (path / "converted").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = converted(path)
    (path / "converted").unlink()
    (path / "part0.npz").unlink()
    cifar5m_folder(path, part0=None, part1={"Y": np.zeros(30, int)})
    after = converted(path)
    assert after[0] == before[0]
    assert path / "converted" in after[1].images.parents


@pytest.mark.parametrize("kind", ["images", "labels"])
def test_a_converted_file_that_was_altered_is_found(kind, tmp_path):
    parts = converted(Path(cifar5m_folder(tmp_path / "data")))
    altered = getattr(parts[5], kind)
    content = bytearray(altered.read_bytes())
    content[-1] ^= 1
    altered.write_bytes(content)
    with pytest.raises(ValueError, match="remove this file"):
        verify(parts)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 0}'])
def test_a_note_that_cannot_be_read_is_as_none(text, tmp_path):
    path = Path(cifar5m_folder(tmp_path / "data"))
    converted(path)
    (path / "converted" / "part0.json").write_text(text)
    told = []
    converted(path, lambda name, *_: told.append(name))
    assert set(told) == {"part0.npz"}
    assert json.loads((path / "converted" / "part0.json").read_text())["count"] == 30


def test_a_folder_that_cannot_be_written_to_is_converted_in_the_cache(tmp_path, monkeypatch):
    path = Path(cifar5m_folder(tmp_path / "data"))
    (path / "converted").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert all(tmp_path / "cache" in part.images.parents for part in converted(path))
    (tmp_path / "elsewhere").write_text("in the way too")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(ValueError, match=r"expected to write to .* or .*; free one, or set XDG_CACHE_HOME"):
        converted(path)


def test_a_disk_without_space_is_refused_before_anything_is_converted(tmp_path, monkeypatch):
    path = Path(cifar5m_folder(tmp_path / "data"))
    usage = convert.shutil.disk_usage(path)
    monkeypatch.setattr(convert.shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    with pytest.raises(ValueError, match=r"expected 0\.0 GB of space"):
        converted(path)


def test_the_identity_is_the_content_however_it_was_packed(tmp_path):
    here, there = (Cifar5m(path=cifar5m_folder(tmp_path / name, save), num_test=20) for name, save in PACKED)
    assert resolve(here).sha256 == resolve(there).sha256
    assert content_id(resolve(here)) == content_id(resolve(there))
    assert describe(here).fingerprint == describe(there).fingerprint == resolve(here).sha256[:32]


PACKED = (("here", np.savez), ("there", np.savez_compressed))


def origins(x):
    """Return the part and the number of each image, which its first pixel says."""
    levels = np.rint(x[:, 0, 0] * 255).astype(int)
    return [(part, 256 * high + low) for part, high, low in levels]


def test_a_sample_shows_images_of_parts_0_to_4_once_each_with_their_labels(folder):
    data = load(Cifar5m(path=folder, num_test=20, num_validation=50, standardise=False), 3)
    found = origins(np.concatenate([data.x_train, data.x_validation]))
    assert sorted(found) == [(part, number) for part in range(5) for number in range(30)]
    assert [number % 10 for _, number in found] == [*data.y_train, *data.y_validation]
    assert origins(data.x_test) == [(5, number) for number in range(20)]
    assert list(data.y_test) == [number % 10 for number in range(20)]


def test_every_image_is_as_likely_in_a_sample(folder):
    # 400 samples of 15 among 150: each image is in 40 of them, with a standard deviation of 6.
    spec = Cifar5m(path=folder, num_train=15, num_test=20)
    drawn = Counter(int(i) for seed in range(400) for i in sample_of(spec, seed))
    counts = np.array([drawn[i] for i in range(150)])
    assert counts.sum() == 400 * 15
    assert 110 < ((counts - 40) ** 2 / 36).sum() < 200  # chi-square of 149: mean 149, standard deviation 17


def sample_of(spec, seed):
    return random_rows(seed_key(seed, "cifar5m", "sample"), spec.num_train, 150)


def test_levels_are_scaled_as_in_the_authors_code(folder):
    # Independent: torchvision's ToTensor and Normalize(0.5, 0.5), in double precision.
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_allclose(cifar5m.scaled(levels, True), (levels / 255 - 0.5) / 0.5, atol=1e-7)
    x = load(Cifar5m(path=folder, num_train=50, num_test=20), 0).x_train
    raw = load(Cifar5m(path=folder, num_train=50, num_test=20, standardise=False), 0).x_train
    np.testing.assert_allclose(x, (raw.astype(float) - 0.5) / 0.5, atol=2e-7)


def test_a_program_scales_to_the_same_bits():
    import jax

    levels = np.arange(256, dtype=np.uint8)
    for standardise in (False, True):
        inside = jax.jit(lambda x, how=standardise: cifar5m.scaled(x, how))(levels)
        assert np.asarray(inside).tobytes() == cifar5m.scaled(levels, standardise).tobytes()


def test_more_than_there_is_is_refused(folder):
    assert "num_train of at most 150, got 151" in refused(folder, num_train=151)
    assert "num_train of at most 140 beside num_validation" in refused(folder, num_train=141, num_validation=10)
    assert "num_test of at most 30" in refused(folder, num_test=31)


def test_more_than_memory_should_hold_is_refused_with_what_to_do(folder, monkeypatch):
    monkeypatch.setattr(cifar5m, "MAX_LOADED", 149)
    with pytest.raises(ValueError, match=r"at most 149 examples .* got 150 of cifar5m; set num_train"):
        load(Cifar5m(path=folder, num_test=20), 0)
    assert len(load(Cifar5m(path=folder, num_train=149, num_test=20), 0).y_train) == 149


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A first part of 50 MB."""
    count = 16_384
    x = np.zeros((count, 32, 32, 3), np.uint8)
    x[:, 0, 0] = np.stack([np.zeros(count), *divmod(np.arange(count), 256)], axis=1)
    path = tmp_path_factory.mktemp("large") / "data"
    return cifar5m_folder(path, part0={"X": x, "Y": np.arange(count) % 10})


def test_conversion_and_reading_hold_little_of_a_large_part(large):
    tracemalloc.start()
    parts = converted(Path(large))
    rows = StoredRows([part.images for part in parts])
    for first in range(0, 16_384, 1024):
        assert (rows.take(np.arange(first, first + 1024))[:, 0, 0, 1] == first // 256 + np.arange(1024) // 256).all()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert parts[0].images.stat().st_size > 50_000_000
    assert peak < 20_000_000  # three chunks of 4 MiB while converting, 3 MiB while reading


@pytest.mark.parametrize("read", [stored._read, stored._seek_and_read])
def test_rows_are_read_with_and_without_positioned_reads(read, folder, monkeypatch):
    monkeypatch.setattr(stored, "_read", read)
    rows = StoredRows([part.images for part in converted(Path(folder))])
    wanted = np.array([179, 0, 30, 29, 0])
    expected = np.concatenate([cifar5m_part(number)["X"] for number in range(CIFAR5M_PARTS)])[wanted]
    assert (rows.take(wanted) == expected).all()


def test_a_file_that_is_cut_short_while_it_is_read_is_an_error(tmp_path):
    images = converted(Path(cifar5m_folder(tmp_path / "data")))[0].images
    rows = StoredRows([images])
    os.truncate(images, 3072)
    with pytest.raises(OSError, match="the file was cut short"):
        rows.take(np.array([0, 29]))


def test_rows_beyond_the_end_are_refused(folder):
    rows = cifar5m.open_examples(Cifar5m(path=folder, num_test=20), 0)[0].inputs
    for wrong in (-1, 150):
        with pytest.raises(IndexError, match=r"expected rows in \[0, 150\)"):
            rows.take(np.array([wrong]))
    assert rows.take(np.array([], int)).shape == (0, 32, 32, 3)
