r"""Specifications of update rules: which rule, with which numbers, clipped and decayed how.

An update goes through the same five stages whatever the rule:

1. **clip**: g <- g min(1, clip_norm / ||g||), over all parameters together, on the gradient of the loss alone;
2. **coupled decay**: g <- g + weight_decay w, the gradient of the loss plus weight_decay/2 ||w||^2;
3. **rule**: the direction u from g and the rule's memory (the docstring of each class has its equation);
4. **decoupled decay**: u <- u + weight_decay w, out of reach of the rule's memory;
5. **step**: w <- w - eta u, with eta the learning rate at this update's progress.

Decoupled decay is therefore multiplied by the learning rate and by its schedule, as in optax and PyTorch: on zero
gradients w shrinks by 1 - eta weight_decay an update. Loshchilov & Hutter (2019) multiply it by the schedule only,
w <- w - s (alpha u + lambda w); their lambda is eta(0) weight_decay here.

Either decay acts on the parameters that `decays` names: on all of them, as in PyTorch and optax unless told otherwise,
or on the kernels alone, so that biases and the scales and offsets of normalisation are left as the data want them.
Kernels are the arrays of two or more axes whose name is not `bias`: the weights of dense layers and convolutions.

A momentum or weight decay of 0 builds none, at no cost: it is stored as `False`, which equals 0.0 and, being no
number, sets the run's static form apart. Any two positive values share a program. An option that such a zero would
leave without effect is refused.

References:
    Bishop & Bishop, Deep Learning (2024), section 7.3; each class names its rule's own paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from basin.spec.base import TRACED, Spec
from basin.spec.schedule import Constant, Positive, Rate, known_kind


def _number_only(value: Any) -> Any:
    if value is True:
        raise ValueError("expected a number, got True")
    return value


def _zero_is_off(value: float) -> float:
    return False if value == 0 else value


def _off_is_zero(value: float) -> float:
    return 0.0 if value is False else value


_DIAL = (BeforeValidator(_number_only), AfterValidator(_zero_is_off), PlainSerializer(_off_is_zero))

if TYPE_CHECKING:
    Momentum = float
    Decay = float
else:
    Momentum = Annotated[float, TRACED, Field(ge=0, le=1), *_DIAL]
    Decay = Annotated[float, TRACED, Field(ge=0), *_DIAL]

Beta = Annotated[float, TRACED, Field(ge=0, lt=1)]
DecayForm = Literal["coupled", "decoupled"]
Decaying = Literal["all", "kernels"]


class _Rule(Spec):
    """What every rule has.

    Attributes:
        learning_rate: Number or schedule.
        weight_decay: Strength of the decay; 0 for none.
        clip_norm: Largest global Euclidean norm of the gradient; none for no clipping.
        decays: Which parameters the decay acts on: `all`, or the `kernels` alone.
    """

    learning_rate: Rate
    weight_decay: Decay = 0.0
    clip_norm: Positive | None = None
    decays: Decaying = "all"

    @model_validator(mode="after")
    def _decaying_parameters_need_a_decay(self) -> _Rule:
        if self.decays != "all" and not self.weight_decay:
            raise ValueError(
                f"decays='{self.decays}' has no effect at weight_decay=0; leave it out or give a weight decay"
            )
        return self

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _off_is_zero(value) if name in ("momentum", "weight_decay") else value


class _DecayingRule(_Rule):
    """What a rule has in which it matters where the decay enters.

    Attributes:
        decay: Where the weight decay enters: with the gradient, or past the rule.
    """

    decay: DecayForm = "coupled"

    @model_validator(mode="after")
    def _decay_form_needs_a_decay(self) -> _DecayingRule:
        if self.decay == "decoupled" and not self.weight_decay:
            raise ValueError("decay='decoupled' has no effect at weight_decay=0; leave it out or give a weight decay")
        return self


class GradientDescent(_Rule):
    r"""Steepest descent, w <- w - eta g; on the full batch with `batch_size="full"`, otherwise plain SGD.

    Coupled and decoupled decay are one here. Along an eigenvector of a quadratic with eigenvalue lambda the distance
    to the minimum shrinks by 1 - eta lambda an update, and converges for 0 < eta < 2/lambda.

    References:
        Bishop & Bishop (2024), section 7.2.
    """

    kind: Literal["gradient_descent"] = "gradient_descent"


class SGD(_DecayingRule):
    r"""Gradient descent with momentum, of the heavy ball or of Nesterov.

    With mu = momentum and v(0) = 0:

    * `"accumulated"`: v <- mu v + g, u = v, which is slide 26's dw = -eta g + mu dw_previous while eta is constant.
      Under a constant gradient u tends to g / (1 - mu).
    * `"averaged"`: v <- mu v + (1 - mu) g, u = v; u tends to g. Equal to the former at 1 - mu times the rate.

    The learning rate multiplies the whole velocity (PyTorch, optax, and equation 9 of Goyal et al. 2017), so that a
    change of it acts at once; with the rate inside the velocity a change would fade in over 1/(1 - mu) updates.

    Nesterov's form takes u = c g + mu v with the new v and c = 1 (accumulated) or 1 - mu (averaged). Its iterates are
    the look-ahead points: with theta the iterates of Sutskever et al. 2013, where the gradient is taken at
    theta + mu dtheta, it is w = theta + mu dtheta, so the gradient is always taken at w itself.

    Attributes:
        momentum: mu in [0, 1]; 0 builds no velocity.
        nesterov: Whether the gradient is taken at the look-ahead point.
        momentum_form: Whether the velocity accumulates or averages gradients.

    Example:
        >>> SGD(learning_rate=0.1).momentum == 0.0
        True
        >>> from basin.spec.ids import static_id
        >>> static_id(SGD(learning_rate=0.1, momentum=0.5)) == static_id(SGD(learning_rate=1.0, momentum=0.9))
        True

    References:
        Polyak (1964); Nesterov (1983); Sutskever et al., On the importance of initialization and momentum (2013).
    """

    kind: Literal["sgd"] = "sgd"
    momentum: Momentum = 0.0
    nesterov: bool = False
    momentum_form: Literal["accumulated", "averaged"] = "accumulated"

    @model_validator(mode="after")
    def _options_need_momentum(self) -> SGD:
        idle = {
            "nesterov=True": self.nesterov,
            "momentum_form='averaged'": self.momentum_form == "averaged",
            "decay='decoupled'": self.decay == "decoupled",
        }
        for option, given in idle.items():
            if given and not self.momentum:
                raise ValueError(f"{option} has no effect at momentum=0; leave it out or give a momentum")
        return self


class AdaGrad(_DecayingRule):
    r"""r <- r + g^2, u = g / (sqrt(r) + epsilon), r(0) = 0; every operation is per parameter.

    Under a constant gradient the t-th step is eta / sqrt(t). (`optax.adagrad` starts r at 0.1 and puts epsilon inside
    the root.)

    References:
        Duchi, Hazan & Singer (2011); Bishop & Bishop (2024), section 7.3.3, whose delta is epsilon.
    """

    kind: Literal["adagrad"] = "adagrad"
    epsilon: Positive = 1e-8


class RMSProp(_DecayingRule):
    r"""r <- beta r + (1 - beta) g^2, u = g / (sqrt(r) + epsilon), r(0) = 0; every operation is per parameter.

    There is no correction of the start: the first step is eta / sqrt(1 - beta). (`optax.rmsprop` puts epsilon inside
    the root by default.)

    Attributes:
        beta: How much of the average each update leaves in place; 0.9 as in the source.

    References:
        Hinton, lecture 6e of Neural Networks for Machine Learning (2012), which has no epsilon; Bishop & Bishop
        (2024), section 7.3.3.
    """

    kind: Literal["rmsprop"] = "rmsprop"
    learning_rate: Rate = Constant(value=1e-3)
    beta: Beta = 0.9
    epsilon: Positive = 1e-8


class Adam(_DecayingRule):
    r"""s <- beta1 s + (1 - beta1) g, r <- beta2 r + (1 - beta2) g^2, u = s^ / (sqrt(r^) + epsilon).

    s(0) = r(0) = 0; at update t the bias is corrected by s^ = s / (1 - beta1^t) and r^ = r / (1 - beta2^t), so the
    first step is eta whatever the scale of the gradient. With `decay="decoupled"` it is :class:`AdamW`.

    Attributes:
        beta1: Of the average of gradients; 0.9 as in the paper.
        beta2: Of the average of squares; 0.999 as in the paper. Bishop & Bishop (2024) print 0.99, which after 200
            updates is another walk altogether.
        bias_correction: Without it u = s / (sqrt(r) + epsilon), and the first step is
            eta (1 - beta1) / sqrt(1 - beta2): what the correction is worth can be measured.

    References:
        Kingma & Ba (2015), algorithm 1, defaults included; section 6.4 removes the correction.
    """

    kind: Literal["adam"] = "adam"
    learning_rate: Rate = Constant(value=1e-3)
    beta1: Beta = 0.9
    beta2: Beta = 0.999
    epsilon: Positive = 1e-8
    bias_correction: bool = True


class AdamW(_Rule):
    r"""Adam with decoupled decay: w <- w - eta (s^ / (sqrt(r^) + epsilon) + weight_decay w).

    The decay is multiplied by the learning rate (see the module). 0.01 is PyTorch's default; the paper has none.

    References:
        Loshchilov & Hutter, Decoupled Weight Decay Regularization (2019), algorithm 2.
    """

    kind: Literal["adamw"] = "adamw"
    learning_rate: Rate = Constant(value=1e-3)
    weight_decay: Decay = 0.01
    beta1: Beta = 0.9
    beta2: Beta = 0.999
    epsilon: Positive = 1e-8


class Adadelta(_DecayingRule):
    r"""r <- rho r + (1 - rho) g^2, u = g sqrt(q + epsilon) / sqrt(r + epsilon), then q <- rho q + (1 - rho) u^2.

    r(0) = q(0) = 0, and epsilon is inside both roots. The published rule has no learning rate, which is 1 here; its
    first steps are of size sqrt(epsilon / (1 - rho)), so it starts slowly.

    Attributes:
        rho: How much of each average an update leaves in place; 0.95 as in the paper's experiments.
        epsilon: 1e-6 as in the paper's experiments.

    References:
        Zeiler, ADADELTA: An Adaptive Learning Rate Method (2012), algorithm 1.
    """

    kind: Literal["adadelta"] = "adadelta"
    learning_rate: Rate = Constant(value=1.0)
    rho: Beta = 0.95
    epsilon: Positive = 1e-6


Optimizer = GradientDescent | SGD | AdaGrad | RMSProp | Adam | AdamW | Adadelta

if TYPE_CHECKING:
    AnyOptimizer = Optimizer
else:
    AnyOptimizer = Annotated[
        Optimizer, Field(discriminator="kind"), BeforeValidator(lambda value: known_kind(value, Optimizer, "optimiser"))
    ]
    """Any optimiser, told apart by `kind`."""
