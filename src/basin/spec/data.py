"""Specifications of where examples come from: a finite set, an endless stream, or a finite sample of a stream.

Each says what the examples are, how many are trained on, and what is done to them (label noise, standardisation). The
functions that make the arrays are in :mod:`basin.data`; data in files are in :mod:`basin.spec.data_files`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from basin.spec.base import STATIC, StaticFloat, StaticInt, TracedFloat, TracedInt
from basin.spec.data_common import FiniteSet, LabelNoise, NumValidation, Stream
from basin.spec.data_files import Cifar5m, Cifar10, Cifar100, Frames, ImageFolder, Mnist, Npz, Pairs

DIGITS_TRAIN = 1437
"""Training examples among the 1 797 handwritten digits; the other 360 are the test part."""

PAD, BOS, EOS, UNK = range(4)
"""Tokens of every vocabulary: padding, begin and end of a sentence, and what is in no vocabulary."""

SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>")
"""What these are called."""

NO_TOKEN = -1
"""Label where a sentence has ended and there is nothing to predict."""


class Digits(FiniteSet):
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


class Glyphs(Stream):
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


class Mixture(Stream):
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


class Teacher(Stream):
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


class Language(Stream):
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


Classified = Annotated[
    Digits | Glyphs | Mixture | Teacher | Npz | Mnist | Cifar10 | Cifar100 | Frames | Cifar5m | ImageFolder,
    Field(discriminator="kind"),
]
"""Any source whose examples are of one class each, a share of which may be made wrong."""

AnyData = Annotated[
    Digits
    | Glyphs
    | Mixture
    | Teacher
    | Language
    | Npz
    | Pairs
    | Mnist
    | Cifar10
    | Cifar100
    | Frames
    | Cifar5m
    | ImageFolder,
    Field(discriminator="kind"),
]
"""Any source of examples, told apart by `kind`."""
