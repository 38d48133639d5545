"""Augmentations: what may come out of each, how often, and that each image has draws of its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basin.data.augment import augment, check_images
from basin.spec.augment import Crop, Erase, Flip, Shuffle, Turn

pytestmark = pytest.mark.usefixtures("compiled_cheaply")

KEY = jax.random.key(0)
IMAGE = np.arange(1.0, 37.0).reshape(6, 6, 1)


def many(spec: object, n: int = 2000, image: np.ndarray = IMAGE) -> np.ndarray:
    return np.asarray(augment([spec], KEY, jnp.tile(jnp.asarray(image, jnp.float32), (n, 1, 1, 1))))


def shares(found: np.ndarray, expected: list[np.ndarray]) -> list[float]:
    """How often each expected image came out; every image is one of them."""
    equal = np.stack([(found == image).all(axis=(1, 2, 3)) for image in expected])
    assert (equal.sum(0) == 1).all(), "an image came out that was not expected"
    return equal.mean(1).tolist()


def test_nothing_is_done_when_nothing_is_asked() -> None:
    x = jnp.ones((2, 5))
    assert augment((), KEY, x) is x


def test_a_flip_is_the_mirror_image_as_often_as_asked() -> None:
    found = shares(many(Flip(probability=0.3)), [IMAGE, IMAGE[:, ::-1]])
    assert found == pytest.approx([0.7, 0.3], abs=4 * np.sqrt(0.21 / 2000))


@pytest.mark.parametrize("fill", ["zeros", "reflection"])
def test_a_crop_is_each_shift_of_the_padded_image_alike(fill: str) -> None:
    mode = {"zeros": "constant", "reflection": "reflect"}[fill]
    padded = np.pad(IMAGE, ((2, 2), (2, 2), (0, 0)), mode=mode)
    cuts = [padded[i : i + 6, j : j + 6] for i in range(5) for j in range(5)]
    found = shares(many(Crop(padding=2, fill=fill), 5000), cuts)
    assert found == pytest.approx([1 / 25] * 25, abs=4.5 * np.sqrt(0.04 * 0.96 / 5000))


def test_a_turn_is_each_quarter_alike() -> None:
    found = shares(many(Turn()), [np.rot90(IMAGE, k) for k in range(4)])
    assert found == pytest.approx([0.25] * 4, abs=4 * np.sqrt(0.1875 / 2000))


def test_a_shuffle_keeps_blocks_whole_and_puts_each_anywhere() -> None:
    found = many(Shuffle(block=3), 4800)
    blocks = [IMAGE[i : i + 3, j : j + 3] for i in (0, 3) for j in (0, 3)]
    for i, j in ((0, 0), (0, 3), (3, 0), (3, 3)):
        place = shares(found[:, i : i + 3, j : j + 3], blocks)
        assert place == pytest.approx([0.25] * 4, abs=4 * np.sqrt(0.1875 / 4800))
    np.testing.assert_array_equal(np.sort(found.reshape(4800, -1), axis=1), np.tile(IMAGE.ravel(), (4800, 1)))


def test_an_erasure_takes_all_channels_of_a_pixel() -> None:
    found = many(Erase(probability=0.2), 2000, np.ones((4, 4, 3)))
    gone = found == 0
    assert (gone.all(-1) == gone.any(-1)).all()
    assert gone.mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / (2000 * 16)))


def test_augmentations_follow_one_another_with_draws_of_their_own() -> None:
    twice = np.asarray(augment([Flip(probability=1.0), Flip(probability=1.0)], KEY, jnp.asarray(IMAGE)[None]))[0]
    np.testing.assert_array_equal(twice, IMAGE)
    halves = many(Flip()), np.asarray(augment([Flip(), Flip()], KEY, jnp.tile(jnp.asarray(IMAGE), (2000, 1, 1, 1))))
    assert 0.4 < (halves[0] != halves[1]).any(axis=(1, 2, 3)).mean() < 0.6


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        (Flip(), (64,), r"expected images \(height, width, channels\) to augment, got inputs \(64,\)"),
        (Crop(padding=8), (8, 8, 1), "expected a padding below the image's side 8, got 8"),
        (Turn(), (8, 4, 1), "expected square images to turn, got 8 x 4"),
        (Shuffle(block=3), (8, 8, 1), "expected blocks that divide the image's sides"),
    ],
)
def test_images_that_cannot_be_augmented_so_are_refused(spec: object, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_images([spec], shape)
