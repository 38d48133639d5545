"""What training returns: one finished run with its curves, its weights and the loss that it minimised."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

from basin.loss.dataset_loss import DatasetLoss
from basin.loss.precision import arithmetic
from basin.models import recompute
from basin.models.model import Model, Params, State
from basin.spec.ids import content_id
from basin.spec.run import RunSpec
from basin.training.examples import judges
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import model_of


@dataclass(frozen=True)
class Run:
    """One finished training.

    Attributes:
        spec: The resolved specification.
        outcome: How it ended.
        history: Its metrics.
        params: The final weights, nested dicts of arrays; with `keep_best`, those of the best look.
        state: The running statistics of the model that go with them.
        cost: Seconds spent on training and on evaluating, and where they were spent; no part of the result.
    """

    spec: RunSpec
    outcome: Outcome
    history: History
    params: Params
    state: State
    cost: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def id(self) -> str:
        """The identity of what was asked for."""
        return content_id(self.spec)

    @property
    def model(self) -> Model:
        """The network."""
        return model_of(self.spec)

    @property
    def loss_fn(self) -> DatasetLoss:
        """The mean loss on the training set as a function of the weights: what measures take."""
        return self.loss()

    def loss(self, split: str = "train", *, num_examples: int | None = None, **options: Any) -> DatasetLoss:
        """Return the mean loss on the `train` or the `test` set as a function of the weights.

        Batch statistics are those that the specification names, at the final weights: with `recomputed`, those of the
        training set, for both splits. They stay fixed when a measure moves the weights.

        Args:
            split: `"train"` or `"test"`.
            num_examples: The mean is over the first so many examples; all if not given.
            options: Passed on to :class:`basin.loss.DatasetLoss`.

        Raises:
            ValueError: The training set of an endless stream, or another split.
        """
        if split not in ("train", "test"):
            raise ValueError(f"expected the split 'train' or 'test', got '{split}'")
        with arithmetic(self.spec.precision):
            judged = getattr(judges(self.spec), split)
            if judged is None:
                raise ValueError(
                    "expected the split 'test', got 'train': no training set is held in memory; set data.num_train"
                )
            return DatasetLoss(
                self.model,
                self._statistics,
                judged[0][:num_examples],
                judged[1][:num_examples],
                **{**self._definition, "split": split, **options},
            )

    @property
    def _definition(self) -> dict[str, Any]:
        return {
            "example_loss": self.spec.loss,
            "batch_norm": self.spec.batch_norm,
            "precision": self.spec.precision,
        }

    @functools.cached_property
    def _statistics(self) -> State:
        if self.spec.batch_norm != "recomputed":
            return self.state
        return recompute(self.model, self.params, self.state, judges(self.spec).reference)
