"""From the specification of a network to its two pure functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from basin.models.cnn5 import build_cnn5
from basin.models.densenet import build_densenet
from basin.models.external import brought
from basin.models.keskar import build_deep, build_perceptron, build_shallow
from basin.models.mlp import build_mlp
from basin.models.model import Model
from basin.models.resnet import build_resnet18
from basin.models.transformer import build_transformer
from basin.models.vgg import build_vgg11
from basin.models.vit import build_vit
from basin.spec.base import Spec
from basin.spec.model import C1, C2, C3, C4, CNN5, F1, F2, MLP, VGG11, DenseNet, External, ResNet18, Transformer, ViT

BUILDERS: dict[type[Spec], Callable[[Any, tuple[int, ...], int], Model]] = {
    MLP: build_mlp,
    F1: build_perceptron,
    F2: build_perceptron,
    C1: build_shallow,
    C2: build_deep,
    C3: build_shallow,
    C4: build_deep,
    CNN5: build_cnn5,
    ResNet18: build_resnet18,
    VGG11: build_vgg11,
    DenseNet: build_densenet,
    ViT: build_vit,
    Transformer: build_transformer,
}


@functools.cache
def build(spec: Spec, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build a network for inputs of a shape and a number of classes; the same arguments give the same object.

    Raises:
        ValueError: The network cannot take such inputs.

    Example:
        >>> import jax
        >>> model = build(MLP(widths=(8,)), (64,), 10)
        >>> params, state = model.init(jax.random.key(0))
        >>> params["output"]["kernel"].shape
        (8, 10)
    """
    if isinstance(spec, External):
        return _check_brought(brought(spec), input_shape, num_classes)
    return BUILDERS[type(spec)](spec, input_shape, num_classes)


def _check_brought(model: Model, input_shape: tuple[int, ...], num_classes: int) -> Model:
    if (model.input_shape, model.num_classes) != (input_shape, num_classes):
        raise ValueError(
            f"the model '{model.name}' takes {model.input_shape} to {model.num_classes} classes, "
            f"the data are {input_shape} with {num_classes}; give both the same shape"
        )
    return model
