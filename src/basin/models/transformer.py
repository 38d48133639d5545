"""The encoder-decoder transformer of Vaswani et al. 2017, with normalisation after each sum.

Words become vectors, times the root of the width, plus sinusoidal positions

    p(t, 2i) = sin(t / 10000^(2i / d)),      p(t, 2i + 1) = cos(t / 10000^(2i / d)).

A layer of the encoder is x <- norm(x + attention(x)), x <- norm(x + dense(relu(dense(x)))), where no word looks at
padding. A layer of the decoder has between the two x <- norm(x + attention(x to the encoder's output)), and no word
looks at a later one of its own sentence. Outputs are the products of what the decoder gives with one vector a word.

References:
    Vaswani et al. 2017, "Attention is all you need". From Ott et al. 2019, "fairseq", with which Nakkiran et al. 2019
    trained: epsilon of the normalisation 1e-5, words' vectors normal with variance 1 / d, no bias of the outputs.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from basin.models.adapt_flax import flax_model
from basin.models.attention import Attention, Tokens, Visible
from basin.models.initializers import initializer
from basin.models.model import Model
from basin.spec import model as specs
from basin.spec.data import PAD


class Dense(nnx.Module):
    """Dense, ReLU, dense: each token by itself."""

    def __init__(self, spec: specs.Transformer, *, rngs: nnx.Rngs) -> None:
        init = initializer(spec.initializer)
        self.hidden = nnx.Linear(spec.width, spec.hidden_width, kernel_init=init, rngs=rngs)
        self.output = nnx.Linear(spec.hidden_width, spec.width, kernel_init=init, rngs=rngs)

    def __call__(self, x: Tokens) -> Tokens:
        """Map tokens to tokens of the same shape."""
        return self.output(jax.nn.relu(self.hidden(x)))


class Added(nnx.Module):
    """norm(x + dropout(change)): what follows every part of a layer."""

    def __init__(self, spec: specs.Transformer, *, rngs: nnx.Rngs) -> None:
        self.norm = nnx.LayerNorm(spec.width, epsilon=1e-5, rngs=rngs)
        self.dropout = nnx.Dropout(spec.dropout, rngs=rngs) if spec.dropout else None

    def __call__(self, x: Tokens, change: Tokens) -> Tokens:
        """Return the normalised sum."""
        return self.norm(x + (change if self.dropout is None else self.dropout(change)))


class Layer(nnx.Module):
    """Self-attention, in a decoder attention to the encoder's output, and dense layers, each added and normalised."""

    def __init__(self, spec: specs.Transformer, *, decodes: bool, rngs: nnx.Rngs) -> None:
        init = initializer(spec.initializer)
        self.itself = Attention(spec.width, spec.heads, init, rngs=rngs)
        self.source = Attention(spec.width, spec.heads, init, rngs=rngs) if decodes else None
        self.dense = Dense(spec, rngs=rngs)
        self.added = nnx.List([Added(spec, rngs=rngs) for _ in range(3 if decodes else 2)])

    def __call__(
        self, x: Tokens, visible: Visible, memory: Tokens | None = None, present: Visible | None = None
    ) -> Tokens:
        """Map tokens to tokens of the same shape; `memory` is the encoder's output and `present` where it has words."""
        x = self.added[0](x, self.itself(x, visible=visible))
        if self.source is not None:
            x = self.added[1](x, self.source(x, memory, present))
        return self.added[-1](x, self.dense(x))


class EncoderDecoder(nnx.Module):
    """Two rows of words in, one vector of outputs for each word of the second row out."""

    def __init__(self, spec: specs.Transformer, vocabulary: int, *, rngs: nnx.Rngs) -> None:
        tables = {"all": 1, "decoder": 2, "none": 3}[spec.tied]
        normal = jax.nn.initializers.normal(spec.width**-0.5)
        shape = vocabulary, spec.width
        self.words = nnx.List([nnx.Param(normal(rngs.params(), shape, jnp.float32)) for _ in range(tables)])
        encoder, decoder = spec.depths
        self.encoder = nnx.List([Layer(spec, decodes=False, rngs=rngs) for _ in range(encoder)])
        self.decoder = nnx.List([Layer(spec, decodes=True, rngs=rngs) for _ in range(decoder)])
        self.dropout = nnx.Dropout(spec.dropout, rngs=rngs) if spec.dropout else None

    def __call__(self, x: Int[Array, "batch 2 length"]) -> Float[Array, "batch length words"]:
        """Map source sentences and the words before each target word to outputs for the target words."""
        source, before = x[:, 0], x[:, 1]
        of_source, of_target, of_output = (self.words[min(i, len(self.words) - 1)][...] for i in range(3))
        present = (source != PAD)[:, None, None, :]
        memory = self._embedded(of_source, source)
        for layer in self.encoder:
            memory = layer(memory, present)
        earlier = jnp.tri(before.shape[1], dtype=bool)[None, None]
        tokens = self._embedded(of_target, before)
        for layer in self.decoder:
            tokens = layer(tokens, earlier, memory, present)
        return tokens @ of_output.T

    def _embedded(self, table: Float[Array, "words width"], words: Int[Array, "batch length"]) -> Tokens:
        width = table.shape[1]
        tokens = table[words] * width**0.5 + jnp.asarray(positions(words.shape[1], width), table.dtype)
        return tokens if self.dropout is None else self.dropout(tokens)


def positions(length: int, width: int) -> Float[np.ndarray, "length width"]:
    """Return the sinusoidal positions of Vaswani et al. 2017, section 3.5.

    Example:
        >>> positions(2, 4).round(4).tolist()
        [[0.0, 1.0, 0.0, 1.0], [0.8415, 0.5403, 0.01, 1.0]]
    """
    column = np.arange(width)
    angle = np.arange(length)[:, None] / 10_000.0 ** (2 * (column // 2) / width)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle))


def build_transformer(spec: specs.Transformer, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build the network.

    Raises:
        ValueError: The input is no pair of rows of words.
    """
    if len(input_shape) != 2 or input_shape[0] != 2:
        raise ValueError(
            f"Transformer expects a source and a target of words, of shape (2, length), got {input_shape}; use another "
            "network, or data of sentences"
        )
    return flax_model(
        lambda rngs: EncoderDecoder(spec, num_classes, rngs=rngs),
        name=f"Transformer {spec.depths[0]} + {spec.depths[1]} x {spec.width}",
        input_shape=input_shape,
        num_classes=num_classes,
    )
