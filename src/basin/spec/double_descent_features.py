"""The specification of the study `double-descent-features`: models that are linear in random or given features."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from basin.spec.base import HOST, HostFloat, HostInt, Spec
from basin.spec.data import Classified, Digits, Glyphs
from basin.spec.double_descent import Ascending, Noises, ascending
from basin.spec.study import StudySpec

Count = Annotated[HostInt, Field(ge=1)]
Positive = Annotated[HostFloat, Field(gt=0)]
Sizes = Annotated[tuple[float, ...], HOST, Field(min_length=5)]


class FeatureFamily(Spec):
    """Random features of one kind on one source of images.

    Attributes:
        name: What claims and figures call it.
        data: Where a seed's examples come from; it has all that can be drawn from, and no label noise of its own.
        features: Random Fourier features, or random ReLU features.
        bandwidth: sigma of the Gaussian kernel that Fourier features approximate, in the unit of the inputs.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9-]+$")]
    data: Classified
    features: Literal["fourier", "relu"]
    bandwidth: Positive | None = None

    @model_validator(mode="after")
    def _fourier_features_have_a_bandwidth(self) -> Self:
        if (self.features == "fourier") != (self.bandwidth is not None):
            raise ValueError(f"expected a bandwidth for Fourier features only, got {self.bandwidth} in '{self.name}'")
        return self

    @model_validator(mode="after")
    def _examples_are_finite_and_their_labels_clean(self) -> Self:
        if self.data.endless or self.data.label_noise:
            raise ValueError(f"expected finite data without label noise in '{self.name}'; the study adds its own noise")
        return self


class LinearModel(Spec):
    """Linear regression on normal inputs of which some features are seen, chosen at random: theory gives its risk.

    Attributes:
        num_examples: n.
        num_features: D, of which the first p of a random order are seen.
        sizes: p over n, ascending, 1 among them, none within max(5, n/10) of n but n itself.
        noise: Variance of the noise; the signal has variance 1.
        power: Eigenvalue i of the covariance is i to minus this; 0 in the isotropic model.
        draws: Of data, signal and order.
    """

    num_examples: Annotated[HostInt, Field(ge=20)] = 40
    num_features: Count = 400
    sizes: Sizes = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
    noise: Annotated[HostFloat, Field(ge=0)] = 0.1
    power: Positive = 1.0
    draws: Annotated[HostInt, Field(ge=20)] = 200

    @model_validator(mode="after")
    def _sizes_are_far_from_the_threshold_or_on_it(self) -> Self:
        n, seen = self.num_examples, [round(size * self.num_examples) for size in self.sizes]
        ascending("sizes", tuple(seen))
        near = [p for p in seen if 0 < abs(p - n) < max(5, n / 10)]
        if near or n not in seen or seen[-1] > self.num_features:
            raise ValueError(
                f"expected sizes up to {self.num_features / n:g} with 1 among them and no other within max(5, n/10) "
                f"features of it, where the mean risk cannot be measured, got {self.sizes}"
            )
        return self


class DoubleDescentFeatures(StudySpec):
    """Test error over the number of features, where the solution is known in closed form.

    Attributes:
        families: Features and data.
        num_train: Training examples, n.
        num_validation: Held-out examples, on which penalties are chosen; their labels have the same noise.
        ratios: Numbers of features over n, ascending, 1 among them.
        label_noises: Rates, the first of them 0; claims are about the first and the last.
        penalties: Of ridge, ascending, beside a sum of squared errors over the examples.
        penalty_ratio: Number of features over n, one of `ratios`, at which the penalty is swept.
        sampled: Name of the family whose number of examples is swept.
        samples: Those numbers, ascending, the last at most num_train; each is a number of features there, too.
        fewer: The one of them that the last is compared with.
        linear: The model in which theory gives the risk.
        demo_sizes: Numbers of ReLU features of one variable in the drawing of Belkin et al.
    """

    seeds: Annotated[HostInt, Field(ge=4, le=1000)] = 20
    families: Annotated[tuple[FeatureFamily, ...], HOST, Field(min_length=1, max_length=4)] = (
        FeatureFamily(name="digits-fourier", data=Digits(standardise=False), features="fourier", bandwidth=1.5),
        FeatureFamily(name="digits-relu", data=Digits(), features="relu"),
        FeatureFamily(
            name="glyphs-fourier",
            data=Glyphs(size=16, difficulty=0.25, num_train=1000, num_test=1000, standardise=False),
            features="fourier",
            bandwidth=2.5,
        ),
        FeatureFamily(
            name="glyphs-relu", data=Glyphs(size=16, difficulty=0.25, num_train=1000, num_test=1000), features="relu"
        ),
    )
    num_train: Count = 300
    num_validation: Count = 200
    ratios: Sizes = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
    label_noises: Annotated[Noises, Field(min_length=2)] = (0.0, 0.1, 0.2)
    penalties: Sizes = (1e-4, 1e-2, 1.0, 10.0, 100.0, 300.0, 1e3, 3e3, 1e4, 1e5)
    penalty_ratio: Positive = 5.0
    sampled: str = "digits-fourier"
    samples: Ascending = (50, 75, 100, 150, 200, 300)
    fewer: Count = 75
    linear: Annotated[LinearModel, HOST] = LinearModel()
    demo_sizes: Annotated[tuple[int, int], HOST] = (40, 4000)

    @model_validator(mode="after")
    def _places_are_among_the_sizes(self) -> Self:
        for name in ("ratios", "penalties"):
            values = getattr(self, name)
            if values[0] <= 0 or list(values) != sorted(set(values)):
                raise ValueError(f"expected {name} above 0 in ascending order, got {values}; sort them")
        ascending("samples", self.samples)
        if 1.0 not in self.ratios or self.penalty_ratio not in self.ratios:
            raise ValueError(f"expected 1 and penalty_ratio among the ratios, got {self.ratios}")
        if self.label_noises[0] != 0 or self.samples[-1] > self.num_train or self.fewer not in self.samples[:-1]:
            raise ValueError("expected label_noises to begin at 0, samples up to num_train, and fewer among them")
        if self.sampled not in {family.name for family in self.families}:
            raise ValueError(f"expected sampled to be the name of a family, got '{self.sampled}'")
        return self

    def sizes(self) -> list[int]:
        """Return the numbers of features of every family."""
        return [round(ratio * self.num_train) for ratio in self.ratios]

    def sample_sizes(self) -> list[int]:
        """Return the numbers of features where the number of examples is swept."""
        return sorted({*self.sizes(), *self.samples})
