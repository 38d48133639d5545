"""Small specifications of every registered source, and the archive of a user."""

import numpy as np
from image_samples import cifar10_folder, cifar100_folder, frames_file, mnist_folder
from PIL import Image

from basin.data import (
    Cifar5m,
    Cifar10,
    Cifar100,
    Digits,
    Frames,
    Glyphs,
    ImageFolder,
    Language,
    Mixture,
    Mnist,
    Npz,
    Pairs,
    Teacher,
)

CIFAR5M_PARTS = 6


def user_arrays(num_train=40, num_test=20, shape=(3, 2), num_classes=4):
    """Return the arrays of a user: inputs of any shape, every class in the training part."""
    rng = np.random.Generator(np.random.PCG64(3))
    labels = np.arange(num_train + num_test) % num_classes
    x = rng.normal(5, 3, (num_train + num_test, *shape)) + labels.reshape(-1, *[1] * len(shape))
    x[:, 0] = 7.0  # a constant input, as an image's corner is
    return {
        "x_train": x[:num_train],
        "y_train": labels[:num_train],
        "x_test": x[num_train:],
        "y_test": labels[num_train:],
    }


def user_file(folder, name="user.npz", **changes):
    """Write the archive of a user and return its path."""
    path = folder / name
    np.savez(path, **{key: value for key, value in (user_arrays() | changes).items() if value is not None})
    return str(path)


def cifar5m_part(number, count=30):
    """Return the arrays of one part of a small CIFAR-5m; the first pixel of an image is its part and its number."""
    rng = np.random.Generator(np.random.PCG64(number))
    x = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
    x[:, 0, 0] = np.stack([np.full(count, number), *divmod(np.arange(count), 256)], axis=1)
    return {"X": x, "Y": np.arange(count) % 10}


def cifar5m_folder(folder, save=np.savez, **changes):
    """Write a small CIFAR-5m and return its path; `part3={"X": ...}` changes arrays, `part3=None` leaves a part out."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(CIFAR5M_PARTS):
        change = changes.get(f"part{number}", {})
        if change is not None:
            save(folder / f"part{number}.npz", **cifar5m_part(number) | change)
    return str(folder)


def image_folder(folder, classes=("bird", "cat", "dog"), count=25, suffixes=(".png", ".jpg")):
    """Write images of random sizes, a folder a class, and return the path."""
    rng = np.random.Generator(np.random.PCG64(8))
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            height, width = rng.integers(9, 20, 2)
            pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:03}{suffixes[number % len(suffixes)]}")
    return str(folder)


GERMAN = "das Haus ist grün und klein , aber der Hund schläft nicht . wir gehen heute schnell über die Straße"
ENGLISH = "the house is green and small , but dogs do not sleep here . we walk quickly across wide streets"


def sentences(number, count, words):
    """Return sentences of random words of a text."""
    rng = np.random.Generator(np.random.PCG64(number))
    return [" ".join(rng.choice(words.split(), rng.integers(2, 9))) for _ in range(count)]


def text_folder(folder, parts=(("train", 60), ("test", 12), ("valid", 8)), **changes):
    """Write parallel text and return its path; `train_de="..."` writes another content, of bytes or text."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (part, count) in enumerate(parts):
        for ending, words in (("de", GERMAN), ("en", ENGLISH)):
            lines = "".join(f"{line}\n" for line in sentences(number, count, words))
            content = changes.get(f"{part}_{ending}", lines)
            if content is not None:
                held = content if isinstance(content, bytes) else content.encode()
                (folder / f"{part}.{ending}").write_bytes(held)
    return str(folder)


def cases(folder):
    """Return specifications by kind, each with and without what may be asked of it."""
    text = text_folder(folder / "text")
    path, cifar5m, images = user_file(folder), cifar5m_folder(folder / "cifar5m"), image_folder(folder / "images")
    mnist, cifar10, cifar100 = mnist_folder(folder / "m"), cifar10_folder(folder / "c"), cifar100_folder(folder / "f")
    frames = frames_file(folder / "speech")
    return {
        "digits": [Digits(), Digits(num_train=500), Digits(label_noise=0.3)],
        "glyphs": [
            Glyphs(size=8, num_train=300, num_test=40),
            Glyphs(size=8, num_test=40),
            Glyphs(size=8, channels=3, num_train=300, num_test=40, difficulty=0.9, label_noise=0.3),
        ],
        "mixture": [
            Mixture(num_train=300, num_test=200),
            Mixture(num_test=200),
            Mixture(num_classes=3, modes=1, dimension=5, num_train=300, num_test=40, label_noise=0.3),
        ],
        "teacher": [
            Teacher(num_train=300, num_test=300),
            Teacher(num_test=300),
            Teacher(num_classes=3, dimension=5, temperature=0.0, num_train=300, num_test=90, label_noise=0.3),
        ],
        "language": [
            Language(num_train=300, num_test=200),
            Language(num_test=200, length=32),
            Language(
                nouns=4, verbs=2, adjectives=1, length=9, num_train=300, num_test=40, num_validation=20, noise=0.3
            ),
        ],
        "npz": [
            Npz(path=path),
            Npz(path=path, num_train=30),
            Npz(path=path, label_noise=0.3),
            Npz(path=path, num_train=30, sample="random"),
        ],
        "pairs": [
            Pairs(path=text, length=40),
            Pairs(path=text, length=40, vocabulary=60, num_train=30, num_validation=5),
            Pairs(path=text, length=40, num_train=30, sample="random"),
        ],
        "mnist": [
            Mnist(path=mnist, published="any"),
            Mnist(path=mnist, published="any", num_train=30, num_validation=20, label_noise=0.3),
            Mnist(path=mnist, published="any", num_train=30),
        ],
        "cifar10": [
            Cifar10(path=cifar10, published=False),
            Cifar10(path=cifar10, published=False, num_train=40, num_validation=10, label_noise=0.3),
            Cifar10(path=cifar10, published=False, num_train=30),
        ],
        "cifar100": [
            Cifar100(path=cifar100, published=False),
            Cifar100(path=cifar100, published=False, labels="coarse", num_train=40, num_validation=10),
            Cifar100(path=cifar100, published=False, num_train=30, label_noise=0.3),
        ],
        "frames": [
            Frames(path=frames),
            Frames(path=frames, num_train=30, num_validation=10, label_noise=0.3),
            Frames(path=frames, num_train=30),
        ],
        "cifar5m": [
            Cifar5m(path=cifar5m, num_train=60, num_test=20),
            Cifar5m(path=cifar5m, num_test=30),
            Cifar5m(path=cifar5m, num_train=100, num_test=20, num_validation=40, label_noise=0.3),
        ],
        "image_folder": [
            ImageFolder(path=images, size=8),
            ImageFolder(path=images, size=8, num_train=40, num_validation=20),
            ImageFolder(
                path=images,
                size=4,
                channels=1,
                classes={"pet": ["dog", "cat"], "bird": ["bird"]},
                test_share=0.3,
                label_noise=0.3,
            ),
        ],
    }
