"""Small specifications of every registered source, and the archive of a user."""

import numpy as np

from basin.data import Digits, Glyphs, Mixture, Npz, Teacher


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


def cases(folder):
    """Return specifications by kind, each with and without what may be asked of it."""
    path = user_file(folder)
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
        "npz": [Npz(path=path), Npz(path=path, num_train=30), Npz(path=path, label_noise=0.3)],
    }
