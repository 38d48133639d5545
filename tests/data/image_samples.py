"""Small files in the exact forms of MNIST and CIFAR, written with `struct` and `gzip` from the forms' descriptions."""

import gzip
import struct

import numpy as np

IDX_PARTS = {"train": 60, "t10k": 30}
BATCHES = [f"data_batch_{number}.bin" for number in range(1, 6)]


def grey_images(number, count, side=6):
    """Return random images of which one pixel is always black, as a corner of MNIST is, and labels of ten classes."""
    rng = np.random.Generator(np.random.PCG64(number))
    images = rng.integers(0, 256, (count, side, side), np.uint8)
    images[:, 0, 0] = 0
    return images, (np.arange(count) * 7 % 10).astype(np.uint8)


def idx_bytes(array):
    """Return a file in IDX form: two zeros, 8 for bytes, the number of sizes, the sizes, the bytes."""
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return struct.pack(">BBBB", 0, 0, 8, array.ndim) + sizes + bytes(array.ravel().tolist())


def mnist_files():
    """Return the content of the four files by their usual names."""
    files = {}
    for number, (part, count) in enumerate(IDX_PARTS.items()):
        images, labels = grey_images(number, count)
        files[f"{part}-images-idx3-ubyte"] = idx_bytes(images)
        files[f"{part}-labels-idx1-ubyte"] = idx_bytes(labels)
    return files


def mnist_folder(folder, packed=False, **changes):
    """Write a small set in MNIST's form and return its path; `train_labels=...` writes another content, None none."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in mnist_files().items():
        held = changes.get(name[: name.index("-idx")].replace("-", "_"), content)
        if held is not None:
            path = folder / f"{name}.gz" if packed else folder / name
            path.write_bytes(gzip.compress(held) if packed else held)
    return str(folder)


def colour_images(number, count=12):
    """Return random colour images, the first pixel of each its file's and its own number, and labels of 10 and 100."""
    rng = np.random.Generator(np.random.PCG64(100 + number))
    images = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
    images[:, 0, 0] = [(number, place, 255) for place in range(count)]
    return images, np.arange(count) % 10, np.arange(count) * 41 % 100


def cifar_bytes(images, *labels):
    """Return a file of records: the labels' bytes, then the red, the green and the blue plane, row by row."""
    records = []
    for place, image in enumerate(images):
        records.append(bytes(int(label[place]) for label in labels))
        records += [bytes(image[..., channel].ravel().tolist()) for channel in range(3)]
    return b"".join(records)


def cifar10_folder(folder, **changes):
    """Write a small CIFAR-10 and return its path; `test_batch=b"..."` writes another content, None none."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate([*BATCHES, "test_batch.bin"]):
        images, labels, _ = colour_images(number)
        held = changes.get(name.removesuffix(".bin"), cifar_bytes(images, labels))
        if held is not None:
            (folder / name).write_bytes(held)
    return str(folder)


def cifar100_folder(folder, **changes):
    """Write a small CIFAR-100 and return its path; every class is in the test part."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, count) in enumerate({"train": 60, "test": 100}.items()):
        images, _, fine = colour_images(number, count)
        held = changes.get(name, cifar_bytes(images, fine // 5, fine))
        if held is not None:
            (folder / f"{name}.bin").write_bytes(held)
    return str(folder)


def frames_file(folder, name="timit.npz", **changes):
    """Write frames of 12 numbers with five states and return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.Generator(np.random.PCG64(5))
    states = np.arange(90) % 5
    frames = rng.normal(size=(90, 12)) + states[:, None]
    arrays = {"x_train": frames[:60], "y_train": states[:60], "x_test": frames[60:], "y_test": states[60:]}
    np.savez(folder / name, **arrays | changes)
    return str(folder / name)
