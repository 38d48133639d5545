"""What is done to the images of a batch before they are trained on: pure functions of a key, traceable.

Each image of a batch is changed by draws of its own, so it does not matter which others are in the batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from basin.spec import augment as specs

Image = Float[Array, "height width channels"]
Images = Float[Array, "batch height width channels"]


def augment(augmentations: Sequence[specs.AnyAugmentation], key: jax.Array, x: Images) -> Images:
    """Return images changed by the augmentations, one after the other.

    Args:
        augmentations: What is done; nothing if empty.
        key: Decides every draw; image i of a batch has its own.
        x: Images, channels last.

    Raises:
        ValueError: The inputs are no images, or of a size that an augmentation cannot take.

    Example:
        >>> x = jnp.arange(4.0).reshape(1, 2, 2, 1)
        >>> augment([specs.Flip(probability=1.0)], jax.random.key(0), x)[0, :, :, 0].tolist()
        [[1.0, 0.0], [3.0, 2.0]]
    """
    if augmentations:
        check_images(augmentations, x.shape[1:])
    for place, spec in enumerate(augmentations):
        keys = jax.random.split(jax.random.fold_in(key, place), x.shape[0])
        x = jax.vmap(functools.partial(CHANGES[type(spec)], spec))(keys, x)
    return x


def check_images(augmentations: Sequence[specs.AnyAugmentation], shape: tuple[int, ...]) -> None:
    """Refuse inputs that cannot be augmented so.

    Raises:
        ValueError: They are no images (height, width, channels), or of a size that an augmentation cannot take.
    """
    if len(shape) != 3:
        raise ValueError(f"expected images (height, width, channels) to augment, got inputs {shape}; drop `augment`")
    for spec in augmentations:
        match spec:
            case specs.Crop(padding=padding) if padding >= min(shape[:2]):
                raise ValueError(f"expected a padding below the image's side {min(shape[:2])}, got {padding}")
            case specs.Turn() if shape[0] != shape[1]:
                raise ValueError(f"expected square images to turn, got {shape[0]} x {shape[1]}")
            case specs.Shuffle(block=block) if shape[0] % block or shape[1] % block:
                raise ValueError(f"expected blocks that divide the image's sides {shape[:2]}, got {block}")
            case _:
                pass


def _flip(spec: specs.Flip, key: jax.Array, x: Image) -> Image:
    return jnp.where(jax.random.uniform(key) < spec.probability, x[:, ::-1], x)


def _crop(spec: specs.Crop, key: jax.Array, x: Image) -> Image:
    p = spec.padding
    padded = jnp.pad(x, ((p, p), (p, p), (0, 0)), mode="constant" if spec.fill == "zeros" else "reflect")
    row, column = jax.random.randint(key, (2,), 0, 2 * p + 1)
    return jax.lax.dynamic_slice(padded, (row, column, 0), x.shape)


def _turn(spec: specs.Turn, key: jax.Array, x: Image) -> Image:
    quarters = jax.random.randint(key, (), 0, 4)
    return jax.lax.select_n(quarters, *(jnp.rot90(x, k) for k in range(4)))


def _shuffle(spec: specs.Shuffle, key: jax.Array, x: Image) -> Image:
    (height, width, channels), side = x.shape, spec.block
    blocks = x.reshape(height // side, side, width // side, side, channels).swapaxes(1, 2)
    mixed = jax.random.permutation(key, blocks.reshape(-1, side, side, channels))
    return mixed.reshape(height // side, width // side, side, side, channels).swapaxes(1, 2).reshape(x.shape)


def _erase(spec: specs.Erase, key: jax.Array, x: Image) -> Image:
    return jnp.where(jax.random.uniform(key, (*x.shape[:2], 1)) < spec.probability, 0, x)


CHANGES: dict[type, Callable[..., Array]] = {
    specs.Flip: _flip,
    specs.Crop: _crop,
    specs.Turn: _turn,
    specs.Shuffle: _shuffle,
    specs.Erase: _erase,
}
