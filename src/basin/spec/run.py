"""The specification of one training, and of when to look at it and when to stop."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from basin.spec.augment import AnyAugmentation
from basin.spec.base import HOST, STATIC, TRACED, HostFloat, HostInt, Spec
from basin.spec.budget import Budget
from basin.spec.data import AnyData
from basin.spec.model import AnyModel
from basin.spec.optimizer import AnyOptimizer


class StopAtLoss(Spec):
    """Stop at the first evaluation whose loss on the whole training set is at most `threshold` (mean, nats)."""

    kind: Literal["train_loss"] = "train_loss"
    threshold: Annotated[HostFloat, Field(gt=0)]


class StopAtSoftError(Spec):
    """Stop at the first evaluation whose training soft-error (mean of 1 - p of the label) is at most `threshold`."""

    kind: Literal["train_soft_error"] = "train_soft_error"
    threshold: Annotated[HostFloat, Field(gt=0, lt=1)] = 0.01


class StopAtError(Spec):
    """Stop at the first evaluation at which at most a share `threshold` of the training set is classified wrongly."""

    kind: Literal["train_error"] = "train_error"
    threshold: Annotated[HostFloat, Field(ge=0, lt=1)] = 0.0


class StopAtPlateau(Spec):
    """Stop when the training loss has not improved by `min_improvement` of itself for `patience` evaluations."""

    kind: Literal["plateau"] = "plateau"
    patience: Annotated[HostInt, Field(ge=1)] = 5
    min_improvement: Annotated[HostFloat, Field(ge=0, lt=1)] = 0.01


class StopAtDivergence(Spec):
    """Call a run diverged when its training loss exceeds `factor` times the loss at the start.

    A loss that is no longer finite ends a run as diverged with or without this rule.
    """

    kind: Literal["divergence"] = "divergence"
    factor: Annotated[HostFloat, Field(gt=1)] = 10.0


class StopAtValidation(Spec):
    """Stop when a metric of the held-out examples has had no new best value at `patience` full looks in a row.

    The best look is then `patience` looks back: `run.history.best("validation", metric)` says where. Weights are those
    of the end, unless the run has `keep_best`.
    """

    kind: Literal["validation"] = "validation"
    patience: Annotated[HostInt, Field(ge=1)] = 5
    metric: Literal["loss", "error", "soft_error"] = "loss"


AnyStop = Annotated[
    StopAtLoss | StopAtSoftError | StopAtError | StopAtPlateau | StopAtDivergence | StopAtValidation,
    Field(discriminator="kind"),
]


class Evaluations(Spec):
    """When the full training and test sets are looked at: at the start, log-spaced early, then regularly, at the end.

    Attributes:
        early: Log-spaced points between step 1 and the first regular one.
        regular: Regularly spaced points, the last of them at the end of the budget.
        checks: Regularly spaced points at which stop rules are checked and nothing but the training set is looked at;
            a run that a rule stops there is looked at in full before it ends.
    """

    early: Annotated[HostInt, Field(ge=0)] = 4
    regular: Annotated[HostInt, Field(ge=1)] = 20
    checks: Annotated[HostInt, Field(ge=0)] = 0

    def steps(self, num_steps: int) -> tuple[int, ...]:
        """Return the steps before which metrics are taken, ascending, from 0 to `num_steps` inclusive.

        Example:
            >>> Evaluations(early=2, regular=4).steps(100)
            (0, 3, 9, 25, 50, 75, 100)
        """
        regular = _regular_steps(self.regular, num_steps)
        first = max(regular[0], 1)
        early = [round(first ** ((i + 1) / (self.early + 1))) for i in range(self.early)]
        return tuple(sorted({0, *early, *regular, num_steps}))

    def check_steps(self, num_steps: int) -> tuple[int, ...]:
        """Return the steps of `checks` that are not among :meth:`steps`, ascending.

        Example:
            >>> Evaluations(early=0, regular=2, checks=10).check_steps(100)
            (10, 20, 30, 40, 60, 70, 80, 90)
        """
        return tuple(sorted(set(_regular_steps(self.checks, num_steps)) - set(self.steps(num_steps))))


def _regular_steps(count: int, num_steps: int) -> list[int]:
    return [round(num_steps * (i + 1) / count) for i in range(count)]


Order = Literal["reshuffled", "cyclic", "fixed", "once", "replacement"]
"""How the examples of a finite set follow one another; :mod:`basin.data.sampler` has the definitions."""


class Start(Spec):
    """Another run, the parent, whose weights a run begins from: transfer, fine-tuning, or going on at another rate.

    A run draws first weights of its own, from its model and seed, and puts the parent's arrays over them. Statistics of
    batch normalisation are taken like weights; the optimiser, its schedule and the count of steps begin anew. Where not
    all is taken, give the parent another seed: the rest, as drawn, is else what the parent's layers were trained under.

    Attributes:
        run: The parent, which is trained first, once for all that begin from it. It decides which of its weights there
            are to take: those of its end, or of its best look with `keep_best`.
        layers: Which arrays are taken, by the beginnings of their dotted paths, such as `"dense"`, `"dense.0"` or
            `"output.kernel"`; each must be in both networks, in one shape. If not given, every layer whose arrays have
            the same paths and shapes in both: a last layer for other classes stays as it was drawn.
        new_weights_std: Lets a network grow out of a smaller one: an array of the parent that is nowhere larger is put
            into the corner of the child's, as its first units, and the rest is drawn from a normal distribution with
            mean 0 and this standard deviation (Belkin et al. 2019: 0.1). If not given, shapes must be equal.

    Example:
        >>> import basin
        >>> glyphs = basin.RunSpec(data=basin.data.Glyphs(size=8), model=basin.models.MLP(), batch_size=16,
        ...                        optimizer=basin.optim.Adam(learning_rate=1e-3), budget="500 steps")
        >>> digits = glyphs.replace(seed=1, data=basin.data.Digits(), start={"run": glyphs, "layers": ["dense"]})
        >>> digits.start.run == glyphs
        True
    """

    run: RunSpec
    layers: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] | None = None
    new_weights_std: Annotated[HostFloat, Field(ge=0)] | None = None

    @field_validator("layers")
    @classmethod
    def _in_one_order(cls, layers: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if layers is None else tuple(sorted(set(layers)))

    @model_serializer(mode="wrap")
    def _without_what_had_no_word(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write nothing of growing where nothing grows, as in records from before networks could."""
        return {name: value for name, value in write(self).items() if name != "new_weights_std" or value is not None}


class RunSpec(Spec):
    """One training: data, model, optimiser, batch size, length and seed.

    Attributes:
        data: Where examples come from.
        model: The network.
        optimizer: The update rule with its learning rate or schedule.
        batch_size: Examples an update; `"full"` for the whole training set.
        budget: The length, in steps, epochs or examples.
        seed: Decides initial weights, the order of examples, a stream's sample, label noise and dropout, each
            through a key of its own. Two runs with equal model and seed start from the same bytes.
        order: How examples follow one another: `"reshuffled"` (every epoch in a new random order), `"cyclic"` (every
            epoch in the order in which they stand), `"fixed"` (one random order, kept), `"once"` (that order, in a run
            that ends before any example comes again), or `"replacement"` (each drawn independently of all others). An
            endless stream has no order to choose.
        augment: What is done to the images of every batch, in this order, anew at every step; looks and measures see
            images as they are.
        loss: `"cross_entropy"` (mean over labels, nats) or `"mse"` (mean over examples of half the sum of squares).
        batch_norm: With which statistics a network is looked at and measured: `"recomputed"` (those of the training
            set at these weights), `"running"` (the averages that training left), or `"batch"` (at test time too those
            of the batch, about 5 000 examples: what the code of Keskar et al. 2017 does). None changes the training.
        precision: Type of weights and arithmetic.
        stop: Rules that end a run early, checked whenever the training set is looked at.
        evaluations: When metrics are taken.
        start: Another run whose weights this one begins from (see :class:`Start`); that run alone, or one that was
            trained, takes all that fits. If not given, all weights are drawn by the seed.
        keep_best: Keep the weights of the full look at which this metric of the held-out examples was lowest, the first
            such look, and not those of the end.
        fresh: In a run that sees no example twice: at least so many examples, those of the coming steps, at which every
            full look also looks, before they are trained on; history has them as the split `fresh`.
        gradient_norm: Whether every full look takes the norm of the gradient that the next step will use, which a
            program of its own is compiled for.
        label_smoothing: Share of each label that training spreads evenly over all classes, the label's own included
            (:func:`basin.loss.examples.smoothed_cross_entropy`); looks and measures take labels as they are. None, or
            0, for none.

    Example:
        >>> import basin
        >>> run = basin.RunSpec(data=basin.data.Digits(), model=basin.models.MLP(), batch_size=16, budget="2 epochs",
        ...                     optimizer=basin.optim.Adam(learning_rate=1e-3))
        >>> basin.RunSpec.model_validate_json(run.model_dump_json()) == run
        True
    """

    data: AnyData
    model: AnyModel
    optimizer: AnyOptimizer
    batch_size: Annotated[int, STATIC, Field(ge=1)] | Literal["full"]
    budget: Annotated[Budget, HOST]
    seed: Annotated[int, TRACED, Field(ge=0, lt=2**31)] = 0
    order: Order = "reshuffled"
    augment: tuple[AnyAugmentation, ...] = ()
    loss: Literal["cross_entropy", "mse"] = "cross_entropy"
    batch_norm: Literal["recomputed", "running", "batch"] = "recomputed"
    precision: Literal["float32", "float64"] = "float32"
    stop: Annotated[tuple[AnyStop, ...], HOST] = ()
    evaluations: Annotated[Evaluations, HOST] = Evaluations()
    start: Annotated[Start | None, HOST] = None
    keep_best: Annotated[Literal["loss", "error", "soft_error"] | None, HOST] = None
    fresh: Annotated[HostInt, Field(ge=0, le=2**20)] = 0
    gradient_norm: Annotated[bool, HOST] = True
    label_smoothing: Annotated[float, TRACED, Field(gt=0, lt=1)] | None = None

    def record(self) -> dict[str, Any]:
        """Return the run as the plain JSON that is kept; what runs had no word for once is left out where it is none.

        Example:
            >>> import basin
            >>> run = basin.RunSpec(data=basin.data.Digits(), model=basin.models.MLP(), batch_size=16,
            ...                     optimizer=basin.optim.Adam(), budget="2 epochs")
            >>> "start" in run.record(), "start" in run.replace(start=run).record()
            (False, True)
        """
        return self.model_dump(mode="json", exclude={name for name in ADDED if getattr(self, name) == _default(name)})

    @property
    def num_steps(self) -> int:
        """Updates in the budget of a resolved run."""
        assert self.budget.unit == "steps", "resolve the run first"
        return int(self.budget.amount)

    @property
    def examples_per_step(self) -> int:
        """Examples an update of a resolved run."""
        assert isinstance(self.batch_size, int), "resolve the run first"
        return self.batch_size

    @field_validator("model", mode="before")
    @classmethod
    def _accept_a_built_model(cls, value: Any) -> Any:
        return getattr(value, "spec", value)

    @field_validator("start", mode="before")
    @classmethod
    def _accept_a_run(cls, value: Any) -> Any:
        value = getattr(value, "spec", value)
        return Start(run=value) if isinstance(value, RunSpec) else value

    @field_validator("label_smoothing", mode="before")
    @classmethod
    def _no_smoothing_is_none(cls, value: Any) -> Any:
        return None if value == 0 and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _only_labels_are_smoothed(self) -> RunSpec:
        if self.label_smoothing is not None and self.loss == "mse":
            raise ValueError(
                f"expected no label_smoothing with loss='mse', got {self.label_smoothing}; use loss='cross_entropy'"
            )
        return self

    @model_validator(mode="after")
    def _an_order_needs_a_training_set(self) -> RunSpec:
        if self.order != "reshuffled" and getattr(self.data, "endless", False):
            raise ValueError(
                f"expected no order for an endless stream, which draws every example anew, got '{self.order}'; "
                "set num_train"
            )
        return self

    @model_validator(mode="after")
    def _what_is_fresh_was_never_seen(self) -> RunSpec:
        if self.fresh and self.order != "once" and not getattr(self.data, "endless", False):
            raise ValueError(
                f"expected fresh=0, as examples are trained on again and again, got {self.fresh}; use order='once' or "
                "an endless stream"
            )
        return self

    @model_validator(mode="after")
    def _stop_rules_need_their_examples(self) -> RunSpec:
        held_out = getattr(self.data, "num_validation", 0)
        if any(isinstance(rule, StopAtValidation) for rule in self.stop) and not held_out:
            raise ValueError("expected held-out examples for a stop at their best, got none; set data.num_validation")
        if self.keep_best is not None and not held_out:
            raise ValueError(
                "expected held-out examples to keep the best weights by, got none; set data.num_validation"
            )
        if self.stop and getattr(self.data, "endless", False):
            raise ValueError(
                "stop rules use the loss on the training set, and an endless stream has none; set num_train"
            )
        return self


ADDED = ("start", "keep_best", "augment", "fresh", "gradient_norm", "label_smoothing")
"""Fields of a run that came after the first runs were kept: a record without one of them means its default."""


def _default(name: str) -> Any:
    return RunSpec.model_fields[name].default


Start.model_rebuild()
