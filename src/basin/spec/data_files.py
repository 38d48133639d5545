"""Specifications of data that lie in files: arrays, text and images of the user's, and published sets.

What such data is, is its content: `basin.data.resolve` fills a hash, and where the files lie is then no part of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from basin.spec.base import STATIC, LocationMark, StaticFloat, StaticInt, TracedInt
from basin.spec.data_common import Ending, FiniteSet, LabelNoise, NumValidation, Sha256, Subset

FoundPath = Annotated[str | None, LocationMark("sha256"), Field(min_length=1)]
"""Where files lie; None where they are looked for below the user's folder of data sets."""


class Npz(FiniteSet):
    """Arrays of the user's in an `.npz` archive with the keys `x_train`, `y_train`, `x_test` and `y_test`.

    Inputs are numbers of any shape, one example a row; labels are integers from 0. What the data is, is its content:
    `basin.data.resolve` fills `sha256`, and from then on the path does not enter the identity of a run.

    Attributes:
        path: Where the archive lies.
        sha256: Hash of the archive; a file with another one is refused.
        num_classes: Number of classes; None for one more than the largest label.
        num_train: So many of the training examples; None for all that are not held out.
        sample: Which: the `"first"`, or a `"random"` sample of the run's seed.
        num_validation: Held-out examples, those that follow the training examples.
        label_noise: Probability that a training label is replaced by another class. The test part stays clean.
        standardise: Whether each input is centred and scaled by its mean and standard deviation over the training
            examples (with a random sample over all in the archive, so that every sample is on one scale); without it
            the inputs are as they are in the archive.

    Example:
        >>> from basin.spec.ids import content_id
        >>> here, there = (Npz(path=path, sha256="0" * 64) for path in ("here.npz", "there.npz"))
        >>> content_id(here) == content_id(there)
        True
    """

    kind: Literal["npz"] = "npz"
    path: Annotated[str, LocationMark("sha256"), Field(min_length=1)]
    sha256: Sha256 = None
    num_classes: Annotated[StaticInt | None, Field(ge=2)] = None
    num_train: Annotated[TracedInt | None, Field(ge=2)] = None
    sample: Subset = "first"
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0
    standardise: bool = True


class Frames(FiniteSet):
    """Frames of speech and the state of each, TIMIT's above all: an `.npz` archive.

    `x_train` and `x_test` hold one frame with its context a row, `y_train` and `y_test` the states, integers from 0.
    Keskar et al. 2017 train on 721 329 frames of 360 numbers with 1 973 states. Everything else is as in :class:`Npz`.

    Attributes:
        path: The archive, or a folder with `timit.npz`; if not given, that of `--data-root` or of `BASIN_DATA`.
        sha256: Hash of the archive; a file with another one is refused.
        num_classes: Number of states; None for one more than the largest in the archive.
        num_train: So many of the training frames; None for all that are not held out.
        sample: Which: the `"first"`, or a `"random"` sample of the run's seed; frames of one speaker stand together.
        num_validation: Held-out frames, those that follow the training frames.
        label_noise: Probability that a training label is replaced by another state. The test part stays clean.
        standardise: Whether each number of a frame is centred and scaled by its mean and standard deviation over the
            training frames (with a random sample over all in the archive).

    Example:
        >>> Frames(num_train=100_000, sample="random").path is None
        True
    """

    kind: Literal["frames"] = "frames"
    path: FoundPath = None
    sha256: Sha256 = None
    num_classes: Annotated[StaticInt | None, Field(ge=2)] = None
    num_train: Annotated[TracedInt | None, Field(ge=2, le=2**24)] = None
    sample: Subset = "first"
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0
    standardise: bool = True


class Mnist(FiniteSet):
    """MNIST (LeCun et al. 1998), 60 000 and 10 000 digits of 28x28 pixels, or any other set in files of its form.

    The folder holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    `t10k-labels-idx1-ubyte`, each as it is or as `.gz`. What the data is, is its content: `basin.data.resolve` fills
    `sha256`, and from then on neither `path` nor `published` enters the identity of a run.

    Attributes:
        path: The folder, or the folder above it; if not given, that of `--data-root` or of `BASIN_DATA`.
        sha256: Hash of the content of the four files, unpacked; others are refused.
        published: Which published set the files must be, by their lengths and checksums; `"any"` takes any set
            of byte-valued images in such files.
        num_classes: Number of classes; labels beyond are refused.
        num_train: So many of the training examples; None for all that are not held out.
        sample: Which: the `"first"`, or a `"random"` sample of the run's seed.
        num_validation: Held-out examples, those that follow the training examples.
        label_noise: Probability that a training label is replaced by another class. The test part stays clean.
        standardise: Whether pixels are centred and scaled by their one mean and standard deviation over the training
            examples (with a random sample over all in the file); without it they are in [0, 1].

    Example:
        >>> Mnist(path="fashion", published="fashion_mnist", num_train=5000).num_classes
        10
    """

    kind: Literal["mnist"] = "mnist"
    path: FoundPath = None
    sha256: Sha256 = None
    published: Annotated[Literal["mnist", "fashion_mnist", "any"], LocationMark("sha256")] = "mnist"
    num_classes: Annotated[StaticInt, Field(ge=2, le=256)] = 10
    num_train: Annotated[TracedInt | None, Field(ge=2, le=2**24)] = None
    sample: Subset = "first"
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0
    standardise: bool = True


class Cifar10(FiniteSet):
    """CIFAR-10 (Krizhevsky 2009), 50 000 and 10 000 colour images of 32x32 pixels in ten classes, binary version.

    The folder holds `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`; the pickled Python version is
    refused. What the data is, is its content: `basin.data.resolve` fills `sha256`, and from then on neither `path` nor
    `published` enters the identity of a run.

    Attributes:
        path: The folder, or the folder above it; if not given, that of `--data-root` or of `BASIN_DATA`.
        sha256: Hash of the content of the six files; others are refused.
        published: Whether the files must be those published, by their lengths and checksums; without it any in their
            form are taken.
        num_train: So many of the training examples; None for all that are not held out.
        sample: Which: the `"first"`, or a `"random"` sample of the run's seed.
        num_validation: Held-out examples, those that follow the training examples.
        label_noise: Probability that a training label is replaced by another class. The test part stays clean.
        standardise: Whether each channel is centred and scaled by its mean and standard deviation over the training
            examples (with a random sample over all in the files); without it pixels are in [0, 1].

    Example:
        >>> Cifar10(num_train=45_000, num_validation=5000).standardise
        True
    """

    kind: Literal["cifar10"] = "cifar10"
    path: FoundPath = None
    sha256: Sha256 = None
    published: Annotated[bool, LocationMark("sha256")] = True
    num_train: Annotated[TracedInt | None, Field(ge=2, le=2**24)] = None
    sample: Subset = "first"
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0
    standardise: bool = True


class Cifar100(FiniteSet):
    """CIFAR-100 (Krizhevsky 2009), 50 000 and 10 000 colour images of 32x32 pixels in 100 classes, binary version.

    The folder holds `train.bin` and `test.bin`. Everything else is as in :class:`Cifar10`.

    Attributes:
        path: The folder, or the folder above it; if not given, that of `--data-root` or of `BASIN_DATA`.
        sha256: Hash of the content of the two files; others are refused.
        published: Whether the files must be those published, by their lengths and checksums.
        labels: The 100 `"fine"` classes, or the 20 `"coarse"` ones that they make up.
        num_train: So many of the training examples; None for all that are not held out.
        sample: Which: the `"first"`, or a `"random"` sample of the run's seed.
        num_validation: Held-out examples, those that follow the training examples.
        label_noise: Probability that a training label is replaced by another class. The test part stays clean.
        standardise: Whether each channel is centred and scaled by its mean and standard deviation over the training
            examples (with a random sample over all in the file); without it pixels are in [0, 1].
    """

    kind: Literal["cifar100"] = "cifar100"
    path: FoundPath = None
    sha256: Sha256 = None
    published: Annotated[bool, LocationMark("sha256")] = True
    labels: Literal["fine", "coarse"] = "fine"
    num_train: Annotated[TracedInt | None, Field(ge=2, le=2**24)] = None
    sample: Subset = "first"
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0
    standardise: bool = True


class Pairs(FiniteSet):
    """Sentences of the user's with their translations: `<path>/train.de` and `<path>/train.en`, likewise `test`.

    One sentence a line, the same line of both files being a pair; `valid` or `dev` may be there too. Sentences are cut
    into pieces of words, one vocabulary for both languages, by byte-pair encoding learnt from the whole training text
    whatever `num_train` is (Sennrich, Haddow & Birch 2016). Inputs and labels are as those of :class:`Language`. What
    the data is, is its content: `basin.data.resolve` fills `sha256`, and from then on the path does not enter the
    identity of a run.

    Attributes:
        path: The folder.
        source: Ending of the files that are translated from.
        target: Ending of the files that are translated into.
        sha256: Hash of the text of all files that are there; others are refused.
        vocabulary: Most tokens of the vocabulary, which a small text may not fill.
        length: Most tokens of a sentence, its end counted; pairs with a longer one are left out.
        num_train: So many of the training pairs; None for all that are not left out.
        sample: Which: the `"first"`, or a `"random"` sample of the run's seed.
        num_validation: The first so many pairs of `valid` or `dev`.

    Example:
        >>> Pairs(path="iwslt14", num_train=4000, sample="random").vocabulary
        10000
    """

    kind: Literal["pairs"] = "pairs"
    path: Annotated[str, LocationMark("sha256"), Field(min_length=1)]
    source: Ending = "de"
    target: Ending = "en"
    sha256: Sha256 = None
    vocabulary: Annotated[StaticInt, Field(ge=16, le=2**18)] = 10_000
    length: Annotated[StaticInt, Field(ge=2, le=2**12)] = 64
    num_train: Annotated[TracedInt | None, Field(ge=1, le=2**24)] = None
    sample: Subset = "first"
    num_validation: NumValidation = 0

    @model_validator(mode="after")
    def _two_languages(self) -> Pairs:
        if self.source == self.target:
            raise ValueError(f"expected two languages, got {self.source} twice; name the files' endings")
        return self


class Cifar5m(FiniteSet):
    """CIFAR-5m, six million generated images of 32x32 pixels in ten classes (Nakkiran, Neyshabur & Sedghi 2021).

    The folder holds `part0.npz` to `part5.npz`; parts 0 to 4 are trained on, the beginning of part 5 is the test set.
    When first used they are converted to files that are read image by image. What the data is, is its content:
    `basin.data.resolve` fills `sha256`, and from then on the path does not enter the identity of a run.

    Attributes:
        path: The folder.
        sha256: Hash of the images and labels of all parts; others are refused.
        num_train: Training examples, a random sample of the run's seed; None for all that are not held out.
        num_test: The first so many images of part 5, the same for every seed.
        num_validation: Held-out examples, the next ones of the sample.
        label_noise: Probability that a training label is replaced by another class. The test part stays clean.
        standardise: Whether a level x in 0 ... 255 becomes (x / 255 - 0.5) / 0.5, in [-1, 1], as in the authors' code;
            without it x / 255.

    Example:
        >>> Cifar5m(path="cifar5m", num_train=50_000).num_test
        10000
    """

    kind: Literal["cifar5m"] = "cifar5m"
    path: Annotated[str, LocationMark("sha256"), Field(min_length=1)]
    sha256: Sha256 = None
    num_train: Annotated[TracedInt | None, Field(ge=1, le=2**24)] = None
    num_test: Annotated[StaticInt, Field(ge=1, le=2**24)] = 10_000
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0
    standardise: bool = True


class ImageFolder(FiniteSet):
    """Images of the user's in a folder a class: `<path>/<class>/*.png`, or `.jpg`.

    Below `<path>/train` and `<path>/test` if these are there; otherwise a share of every class is the test part. Each
    image is cropped to the largest square in its middle and resized. What the data is, is the content of the files, in
    their order: `basin.data.resolve` fills `sha256`, and from then on the path does not enter the identity of a run.

    Attributes:
        path: The folder.
        sha256: Hash of the files that are used, with their classes; others are refused.
        size: Height and width in pixels that images are resized to.
        channels: 1 for grey, 3 for colour.
        classes: Names of classes and the folders that make each up, such as `{"dog": ["n02085620", "n02085782"],
            "bird": ["n01530575"]}`; other folders are left out. If not given, each folder is a class, in the order of
            their names.
        test_share: Share of each class that is the test part, the same for every seed; if not given, 0.2. Refused where
            there is a folder `test`.
        num_train: So many of the training examples; None for all that are not held out.
        sample: Which: the `"first"` of a random order that never changes, or a `"random"` sample of the run's seed.
        num_validation: Held-out examples, those that follow the training examples.
        label_noise: Probability that a training label is replaced by another class. The test part stays clean.
        standardise: Whether each input is centred and scaled by its mean and standard deviation over the training
            examples (with a random sample over all in the folder); without it inputs are in [0, 1].

    Example:
        >>> ImageFolder(path="images", classes={"dog": ["n02085620"], "bird": ["n01530575"]}).classes
        (('dog', ('n02085620',)), ('bird', ('n01530575',)))
    """

    kind: Literal["image_folder"] = "image_folder"
    path: Annotated[str, LocationMark("sha256"), Field(min_length=1)]
    sha256: Sha256 = None
    size: Annotated[StaticInt, Field(ge=1, le=1024)] = 32
    channels: Annotated[Literal[1, 3], STATIC] = 3
    classes: Annotated[tuple[tuple[str, tuple[str, ...]], ...] | None, Field(min_length=2)] = None
    test_share: Annotated[StaticFloat | None, Field(gt=0, lt=1)] = None
    num_train: Annotated[TracedInt | None, Field(ge=2, le=2**24)] = None
    sample: Subset = "first"
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0
    standardise: bool = True

    @field_validator("classes", mode="before")
    @classmethod
    def _in_pairs(cls, value: Any) -> Any:
        return tuple(value.items()) if isinstance(value, Mapping) else value

    @field_validator("classes")
    @classmethod
    def _each_folder_once(cls, classes: tuple[tuple[str, tuple[str, ...]], ...] | None) -> Any:
        folders = [folder for _, members in classes or () for folder in members]
        twice = sorted({folder for folder in folders if folders.count(folder) > 1})
        if twice or not all(members for _, members in classes or ()):
            found = ", ".join(twice) or "a class of none"
            raise ValueError(f"expected at least one folder a class and each folder once, got {found}; mend classes")
        return classes
