"""Images of the user's, a folder a class: what is refused, how they are cropped, split and named."""

import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from data_samples import image_folder
from PIL import Image

from basin.data import ImageFolder, describe, image_files, load, resolve
from basin.spec.ids import content_id

PETS = {"bird": ["bird"], "pet": ["cat", "dog"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("images") / "data")


def small(folder, **options):
    return ImageFolder(path=str(folder), **{"size": 4, **options})


def refused(spec):
    """Return the refusal, which must be one line that names the folder or a file in it."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        load(spec, 0)
    message = str(refusal.value)
    assert message.startswith(spec.path)
    assert "\n" not in message
    return message


def test_classes_are_the_folders_in_order(folder):
    info = describe(small(folder))
    assert (info.num_train, info.num_test, info.input_shape, info.num_classes) == (60, 15, (4, 4, 3), 3)
    data = load(small(folder), 0)
    assert [list(data.y_train).count(label) for label in range(3)] == [20, 20, 20]
    assert [list(data.y_test).count(label) for label in range(3)] == [5, 5, 5]


def test_folders_are_grouped_into_classes_and_others_left_out(folder):
    data = load(small(folder, classes=PETS), 0)
    assert [list(data.y_train).count(label) for label in range(2)] == [20, 40]
    without = load(small(folder, classes={"a": ["dog"], "b": ["bird"]}), 0)
    assert len(without.y_train) == 40


def test_training_and_test_images_are_all_images_once(folder):
    # Independent: Pillow, file by file.
    spec = small(folder, standardise=False)
    data = load(spec, 0)
    found = sorted(x.tobytes() for x in np.concatenate([data.x_train, data.x_test]))
    expected = [
        image_files._decoded(str(path), 4, 3).astype(np.float32) * np.float32(1 / 255) for path in files(folder)
    ]
    assert found == sorted(x.tobytes() for x in expected)
    assert len(set(found)) == 75


def files(folder):
    return sorted(Path(folder).glob("*/*"))


def test_the_test_share_is_taken_of_every_class(folder):
    data = load(small(folder, test_share=0.4), 0)
    assert [list(data.y_test).count(label) for label in range(3)] == [10, 10, 10]


def test_a_folder_test_is_the_test_part(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "train")
    image_folder(tmp_path / "test", count=2)
    info = describe(small(tmp_path))
    assert (info.num_train, info.num_test) == (75, 6)
    assert "expected no test_share beside a folder test, got 0.3" in refused(small(tmp_path, test_share=0.3))
    (tmp_path / "test" / "dog").rename(tmp_path / "test" / "hound")
    assert "expected the same folders in train and test" in refused(small(tmp_path))
    assert "got no dog" in refused(small(tmp_path, classes=PETS))


@pytest.mark.parametrize("suffix", [".png", ".JPG"])
def test_the_middle_square_is_kept_and_resized(suffix, tmp_path):
    # A wide image whose middle is white: what is left and right of the middle square is cut away.
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16] = 255
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.fromarray(wide).save(tmp_path / name / f"{number}{suffix}", "PNG" if suffix == ".png" else "JPEG")
    data = load(small(tmp_path, size=2, standardise=False), 0)
    np.testing.assert_allclose(data.x_train, 1.0, atol=0.02)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_eight_bit_image_is_read(mode, channels, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.new("RGB", (5, 5), "white").convert(mode).save(tmp_path / name / f"{number}.png")
    data = load(small(tmp_path, channels=channels, standardise=False), 0)
    assert data.x_train.shape == (2, 4, 4, channels)
    assert (data.x_train == 1).all()


def header_of(width, height, depth=8):
    """Return a PNG that says it has this many pixels and holds none."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


UNFIT = {
    "no image": (b"hello", "expected an intact PNG or JPEG image"),
    "nothing": (b"", "expected an intact PNG or JPEG image"),
    "another format": (b"GIF89a" + bytes(40), "expected an intact PNG or JPEG image"),
    "no pixels": (header_of(5, 5), "expected an intact PNG or JPEG image"),
    "very many pixels": (header_of(9000, 9000), "got 9000x9000 pixels, more than 67108864"),
    "a million million pixels": (header_of(2**20, 2**20), "expected an intact PNG or JPEG image"),
    "sixteen bits": (header_of(5, 5, 16), "not eight bits a channel"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_an_unfit_file_is_refused_by_name(case, tmp_path):
    content, message = UNFIT[case]
    path = Path(image_folder(tmp_path / "data", count=3)) / "cat" / "001.jpg"
    path.write_bytes(content)
    found = refused(small(tmp_path / "data"))
    assert message in found
    assert found.startswith(str(path))


@pytest.mark.parametrize("name", ["000.png", "001.jpg"])
def test_a_file_cut_short_is_refused_by_name(name, tmp_path):
    path = Path(image_folder(tmp_path / "data", count=3)) / "dog" / name
    path.write_bytes(path.read_bytes()[:-40])
    assert refused(small(tmp_path / "data")).startswith(str(path))


def test_a_file_of_another_kind_is_refused_and_a_hidden_one_passed_over(tmp_path):
    folder = Path(image_folder(tmp_path / "data", count=3))
    (folder / "cat" / ".DS_Store").write_text("")
    assert describe(small(folder)).num_classes == 3
    (folder / "cat" / "notes.txt").write_text("")
    assert "expected .png and .jpg files, got notes.txt" in refused(small(folder))


def test_folders_without_what_is_needed_are_refused(tmp_path, folder):
    assert "expected a folder of images, got none" in refused(small(tmp_path / "absent"))
    assert "at least two classes, got 0" in refused(small(tmp_path))
    assert "expected a folder for each of classes, got no fish" in refused(
        small(folder, classes={"a": ["fish"], "b": ["dog"]})
    )
    image_folder(tmp_path / "lone", count=1)
    assert "expected at least two images of a class, got one" in refused(small(tmp_path / "lone"))
    (tmp_path / "lone" / "cat" / "000.png").unlink()
    assert "expected .png and .jpg files, got none" in refused(small(tmp_path / "lone"))


@pytest.mark.parametrize("classes", [{"a": ["dog"], "b": ["dog"]}, {"a": ["dog"], "b": []}, {"a": ["dog"]}])
def test_classes_that_overlap_or_are_empty_are_refused(classes):
    with pytest.raises(ValueError, match="classes"):
        ImageFolder(path="images", classes=classes)


def test_classes_survive_being_written(folder):
    spec = small(folder, classes=PETS)
    assert ImageFolder.model_validate_json(spec.model_dump_json()) == spec
    assert ImageFolder.from_toml(spec.to_toml()) == spec
    assert len({spec, small(folder, classes=PETS)}) == 1


def test_more_than_there_is_or_than_memory_should_hold_is_refused(folder, monkeypatch):
    assert "num_train of at most 60, got 61" in refused(small(folder, num_train=61))
    assert "num_train of at most 50 beside num_validation" in refused(small(folder, num_train=51, num_validation=10))
    monkeypatch.setattr(image_files, "MAX_BYTES", 10_000)
    with pytest.raises(ValueError, match="expected images of at most 0 GiB together, got 60 of 5x5x3"):
        load(small(folder, size=5), 0)


def test_the_identity_is_the_content_and_the_class_of_every_file(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "same")
    here, there = resolve(small(folder)), resolve(small(tmp_path / "same"))
    assert content_id(here) == content_id(there)
    (tmp_path / "same" / "cat" / "000.png").replace(tmp_path / "same" / "dog" / "000.png")
    changed = resolve(small(tmp_path / "same"))
    assert changed.sha256 != here.sha256
    assert f"expected SHA-256 {here.sha256}, got" in refused(small(tmp_path / "same", sha256=here.sha256))


def test_an_image_that_changed_is_noticed(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "same")
    before = resolve(small(tmp_path / "same"))
    Image.new("RGB", (9, 9)).save(tmp_path / "same" / "cat" / "000.png")
    assert "restore it, or leave sha256 out" in refused(before)


def test_each_seed_has_a_random_sample_of_its_own_on_the_scale_of_the_whole(folder):
    whole = load(small(folder), 0)
    spec = small(folder, num_train=4, sample="random")
    samples = [load(spec, seed) for seed in range(8)]
    known = {image.tobytes(): label for image, label in zip(whole.x_train, whole.y_train, strict=True)}
    for found in samples:
        assert [known[image.tobytes()] for image in found.x_train] == found.y_train.tolist()
    assert len({found.x_train.tobytes() for found in samples}) > 4
