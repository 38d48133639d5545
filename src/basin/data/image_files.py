"""A user's images: which files there are, what they hold, and their pixels at one size.

A file is believed to be an image only after its format and size were read from its own header; only PNG and JPEG are
tried, and none of more than :data:`MAX_PIXELS` pixels is decoded. Every sign of damage becomes one line that names it.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

MAX_PIXELS = 2**26
"""Most pixels of an image that is decoded."""

MAX_BYTES = 8 * 2**30
"""Most memory that the images of a folder may take in single precision."""

SUFFIXES = (".png", ".jpg", ".jpeg")
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")  # eight bits a channel; others would be clipped


@dataclass(frozen=True)
class ImageFile:
    """A file as it was when the folder was listed."""

    path: str
    size: int
    modified_ns: int


def folders_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, ascending; hidden ones are passed over.

    Raises:
        ValueError: There is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of images, got none; check the path")
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def images_in(folder: Path) -> list[ImageFile]:
    """Return the images of a class in the order of their names.

    Raises:
        ValueError: There is none, or a file is no image by its name.
    """
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    strange = [path.name for path in files if path.suffix.lower() not in SUFFIXES or not path.is_file()]
    if strange or not files:
        raise ValueError(f"{folder}: expected .png and .jpg files, got {strange[0] if strange else 'none'}; move it")
    return [ImageFile(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]


@functools.lru_cache(maxsize=4)
def hash_files(files: tuple[ImageFile, ...], labels: tuple[int, ...]) -> str:
    """Return the hash of the content of files in their order, with their labels."""
    whole = hashlib.sha256()
    for file, label in zip(files, labels, strict=True):
        with open(file.path, "rb") as opened:
            whole.update(f"{label} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


@functools.lru_cache(maxsize=2)
def decode_files(
    files: tuple[ImageFile, ...], size: int, channels: int
) -> UInt8[np.ndarray, "n {size} {size} {channels}"]:
    """Return the pixels of files, each cropped to the largest square in its middle and resized; read-only.

    Raises:
        ValueError: They do not fit in memory together, or a file is damaged, too large or no image.
    """
    needed = 4 * len(files) * size * size * channels
    if needed > MAX_BYTES:
        raise ValueError(
            f"expected images of at most {MAX_BYTES / 2**30:.0f} GiB together, got {len(files)} of "
            f"{size}x{size}x{channels}, {needed / 2**30:.1f} GiB; lower size, or use fewer"
        )
    images = np.empty((len(files), size, size, channels), np.uint8)
    for image, file in zip(images, files, strict=True):
        image[...] = _decoded(file.path, size, channels)
    images.flags.writeable = False
    return images


def _decoded(path: str, size: int, channels: int) -> UInt8[np.ndarray, "size size channels"]:
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"got {image.width}x{image.height} pixels, more than {MAX_PIXELS}")
            if image.mode not in _MODES:
                raise ValueError(f"got the mode {image.mode}, not eight bits a channel")
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            pixels = image.convert("RGB" if channels == 3 else "L").crop((left, top, left + side, top + side))
            square = pixels.resize((size, size), Image.Resampling.BILINEAR)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = " ".join(str(error).replace(path, "the file").split())[:120]
        raise ValueError(f"{path}: expected an intact PNG or JPEG image, got '{reason}'; mend or remove it") from error
    return np.asarray(square, np.uint8).reshape(size, size, channels)
