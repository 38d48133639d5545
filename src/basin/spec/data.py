"""Specifications of where examples come from: a finite set, an endless stream, or a finite sample of a stream.

Each says what the examples are, how many are trained on, and what is done to them (label noise, standardisation). The
functions that make the arrays are in :mod:`basin.data`; the identity of a file of the user's is its content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from basin.spec.base import STATIC, HostInt, LocationMark, Spec, StaticFloat, StaticInt, TracedFloat, TracedInt

DIGITS_TRAIN = 1437
"""Training examples among the 1 797 handwritten digits; the other 360 are the test part."""

NumValidation = Annotated[HostInt, Field(ge=0, le=2**24)]
"""Examples held out of training, from the same source and with the same label noise; 0 for none."""

LabelNoise = Annotated[TracedFloat, Field(ge=0, lt=1)]
"""Probability that a training label is replaced by a uniformly chosen incorrect class."""


Sha256 = Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")]
"""What a file must hold, by its hash; None where it is not known yet."""


Ending = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,15}$")]
"""Of a file's name, after its last dot: which language it is in."""

Subset = Literal["first", "random"]
"""Which of a finite set's examples are trained on."""

PAD, BOS, EOS, UNK = range(4)
"""Tokens of every vocabulary: padding, begin and end of a sentence, and what is in no vocabulary."""

SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>")
"""What these are called."""

NO_TOKEN = -1
"""Label where a sentence has ended and there is nothing to predict."""


class _FiniteSet(Spec):
    """A set of which there are only so many examples."""

    @property
    def endless(self) -> bool:
        """Whether training examples are drawn fresh for ever."""
        return False


class _Stream(Spec):
    """A stream, or a finite sample of it."""

    if TYPE_CHECKING:  # a field of each stream, in its own place
        num_train: int | None

    @property
    def endless(self) -> bool:
        """Whether training examples are drawn fresh for ever."""
        return self.num_train is None


class Digits(_FiniteSet):
    """The 1 797 handwritten digits of 8x8 pixels that come with scikit-learn (Alpaydin & Kaynak 1998).

    The split into 1 437 training and 360 test examples is stratified by class and never changes.

    Attributes:
        num_train: The first so many training examples, a stratified sample; None for all that are not held out.
        num_validation: Held-out examples, those that follow the training examples; a stratified sample too.
        label_noise: Probability that a training label is replaced by another class. The test part stays clean.
        standardise: Whether each pixel is centred and scaled by its mean and standard deviation over the training
            examples; without it pixels are in [0, 1].

    Example:
        >>> Digits(label_noise=0.2).replace(num_train=500).num_train
        500
    """

    kind: Literal["digits"] = "digits"
    num_train: Annotated[TracedInt | None, Field(ge=10, le=DIGITS_TRAIN)] = None
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0
    standardise: bool = True

    @model_validator(mode="after")
    def _enough_digits(self) -> Digits:
        if (self.num_train or 10) + self.num_validation > DIGITS_TRAIN:
            raise ValueError(
                f"expected num_train and num_validation of at most {DIGITS_TRAIN} together, got {self.num_train or 10} "
                f"and {self.num_validation}; ask for fewer examples"
            )
        return self


class Glyphs(_Stream):
    """Images of the ten digits from an endless stream: many typefaces, warped, blurred by noise, drawn from a key.

    Attributes:
        size: Height and width in pixels.
        channels: 1 for grey, 3 for colours drawn at random for ink and background.
        difficulty: 0 is clean and centred, 1 very hard; scales every distortion.
        num_train: Training examples, a sample of the stream of the run's seed; None trains on the stream itself, which
            never shows an example twice.
        num_test: Test examples, the same for every seed.
        num_validation: Held-out examples: of a sample, its next ones; of the stream itself, the same for every seed.
        label_noise: Probability that a training label is replaced by another class. The test part stays clean.
        standardise: Whether each channel is centred and scaled by its mean and standard deviation over a reference
            sample of the stream, the same for the stream and for every sample of it; without it pixels are in [0, 1].

    Example:
        >>> Glyphs(size=16).endless, Glyphs(size=16, num_train=5000).endless
        (True, False)
    """

    kind: Literal["glyphs"] = "glyphs"
    size: Annotated[Literal[8, 16, 28, 32], STATIC] = 16
    channels: Annotated[Literal[1, 3], STATIC] = 1
    difficulty: Annotated[TracedFloat, Field(ge=0, le=1)] = 0.5
    num_train: Annotated[TracedInt | None, Field(ge=1, le=2**24)] = None
    num_test: Annotated[StaticInt, Field(ge=1, le=2**24)] = 10_000
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0
    standardise: bool = True


class Mixture(_Stream):
    """An endless stream of vectors from Gaussians, some to a class: a problem whose least possible error is known.

    Each of the `num_classes` x `modes` Gaussians has unit variance in every direction, and their means are the corners
    of a regular simplex, `separation` apart from one another. A class is one of its Gaussians, chosen at random.

    Attributes:
        num_classes: Number of classes, all equally likely.
        modes: Gaussians of each class; with more than one no linear classifier is best.
        dimension: Length of an input, at least `num_classes * modes`.
        separation: Distance between two means, in standard deviations.
        num_train: Training examples, a sample of the stream of the run's seed; None trains on the stream itself.
        num_test: Test examples, the same for every seed.
        num_validation: Held-out examples: of a sample, its next ones; of the stream itself, the same for every seed.
        label_noise: Probability that a training label is replaced by another class. The test part stays clean.

    Example:
        >>> Mixture(num_classes=2, modes=1, dimension=8).endless
        True
    """

    kind: Literal["mixture"] = "mixture"
    num_classes: Annotated[StaticInt, Field(ge=2, le=1000)] = 10
    modes: Annotated[StaticInt, Field(ge=1, le=1000)] = 3
    dimension: Annotated[StaticInt, Field(ge=2, le=2**14)] = 32
    separation: Annotated[TracedFloat, Field(ge=0, le=100)] = 4.0
    num_train: Annotated[TracedInt | None, Field(ge=1, le=2**24)] = None
    num_test: Annotated[StaticInt, Field(ge=1, le=2**24)] = 10_000
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0

    @model_validator(mode="after")
    def _a_corner_for_each_mean(self) -> Mixture:
        if self.dimension < self.num_classes * self.modes:
            raise ValueError(
                f"expected a dimension of at least num_classes * modes = {self.num_classes * self.modes}, got "
                f"{self.dimension}; the means are the corners of a simplex"
            )
        return self


class Teacher(_Stream):
    """An endless stream of Gaussian vectors labelled by a fixed random network: a problem with a known least error.

    The teacher has one hidden layer of `width` ReLU units. Its outputs, scaled to mean 0 and variance 1 a class, are
    divided by `temperature`, and the label is drawn from their softmax; at temperature 0 it is the largest.

    Attributes:
        num_classes: Number of classes.
        dimension: Length of an input, whose entries are standard normal, rounded to sixty-fourths.
        width: Hidden units of the teacher.
        teacher: Which of the random networks.
        temperature: How much chance there is in a label.
        num_train: Training examples, a sample of the stream of the run's seed; None trains on the stream itself.
        num_test: Test examples, the same for every seed.
        num_validation: Held-out examples: of a sample, its next ones; of the stream itself, the same for every seed.
        label_noise: Probability that a training label is replaced by another class. The test part stays clean.
    """

    kind: Literal["teacher"] = "teacher"
    num_classes: Annotated[StaticInt, Field(ge=2, le=1000)] = 10
    dimension: Annotated[StaticInt, Field(ge=2, le=2**10)] = 32
    width: Annotated[StaticInt, Field(ge=1, le=2**8)] = 32
    teacher: Annotated[StaticInt, Field(ge=0, lt=2**31)] = 0
    temperature: Annotated[TracedFloat, Field(ge=0, le=100)] = 0.2
    num_train: Annotated[TracedInt | None, Field(ge=1, le=2**24)] = None
    num_test: Annotated[StaticInt, Field(ge=1, le=2**24)] = 10_000
    num_validation: NumValidation = 0
    label_noise: LabelNoise = 0.0


class Language(_Stream):
    """An endless stream of sentences of a made-up language with their translations into another.

    A small grammar makes the sentences; dictionary, word order, agreement and context decide the translation, but for
    words that may be translated in two ways and for noise (:mod:`basin.data.grammar`, :mod:`basin.data.lexicon`). How
    well it can be predicted is known: `basin.data.entropy_floor`. An input is tokens of shape (2, length), the source
    sentence with its end, and the begin with the target sentence, both padded; its label is the target sentence with
    its end, then -1.

    Attributes:
        nouns: Source words that are nouns; of every class the r-th word has a probability proportional to 1 / r.
        verbs: Source words that are verbs.
        adjectives: Source words that are adjectives.
        length: Most tokens of a sentence, its end counted; what the grammar makes has at most 32.
        language: Which of the random pairs of languages.
        ambiguous: Share of nouns and of verbs with two translations between which the context decides.
        free: Share of those with two translations between which chance decides.
        noise: Probability that a target word is replaced by another one, uniformly chosen; part of the language, so the
            test and the held-out examples have it too.
        num_train: Training examples, a sample of the stream of the run's seed; None trains on the stream itself.
        num_test: Test examples, the same for every seed.
        num_validation: Held-out examples: of a sample, its next ones; of the stream itself, the same for every seed.

    Example:
        >>> Language(length=12).endless, Language(length=12, num_train=4000).endless
        (True, False)
    """

    kind: Literal["language"] = "language"
    nouns: Annotated[StaticInt, Field(ge=2, le=2**12)] = 40
    verbs: Annotated[StaticInt, Field(ge=2, le=2**12)] = 20
    adjectives: Annotated[StaticInt, Field(ge=1, le=2**12)] = 20
    length: Annotated[StaticInt, Field(ge=4, le=32)] = 16
    language: Annotated[StaticInt, Field(ge=0, lt=2**31)] = 0
    ambiguous: Annotated[StaticFloat, Field(ge=0, le=1)] = 0.25
    free: Annotated[StaticFloat, Field(ge=0, le=1)] = 0.25
    noise: Annotated[TracedFloat, Field(ge=0, lt=1)] = 0.05
    num_train: Annotated[TracedInt | None, Field(ge=1, le=2**24)] = None
    num_test: Annotated[StaticInt, Field(ge=1, le=2**24)] = 10_000
    num_validation: NumValidation = 0

    @model_validator(mode="after")
    def _shares_of_one_whole(self) -> Language:
        if self.ambiguous + self.free > 1:
            raise ValueError(
                f"expected ambiguous and free of at most 1 together, got {self.ambiguous} and {self.free}; lower one"
            )
        return self


class Npz(_FiniteSet):
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


class Pairs(_FiniteSet):
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


class Cifar5m(_FiniteSet):
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


class ImageFolder(_FiniteSet):
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


Classified = Annotated[Digits | Glyphs | Mixture | Teacher | Npz | Cifar5m | ImageFolder, Field(discriminator="kind")]
"""Any source whose examples are of one class each, a share of which may be made wrong."""

AnyData = Annotated[
    Digits | Glyphs | Mixture | Teacher | Language | Npz | Pairs | Cifar5m | ImageFolder, Field(discriminator="kind")
]
"""Any source of examples, told apart by `kind`."""
