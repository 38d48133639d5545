"""The least error that any classifier can have: 1 minus the mean probability of the likeliest class."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from basin.data.keys import named_key
from basin.data.source import Sample

EXAMPLES = 2**18
"""Examples of the sample; the standard error of an error rate is then below 0.001."""

_CHUNK = 2**12


class BayesError(NamedTuple):
    """A share of the examples.

    Attributes:
        value: In [0, 1 - 1/C].
        standard_error: Of the value, from the sample it was averaged over; 0 where it is a formula.
    """

    value: float
    standard_error: float


def from_sample(sample: Sample, posterior: Callable[[Array], Array]) -> BayesError:
    """Return E[1 - max_c p(c | x)] over a sample of the inputs, the same at every call.

    Averaging the probability of a wrong label has a smaller variance than counting wrong labels.

    Args:
        sample: Draws the inputs.
        posterior: `posterior(x)`: p(class | x), (n, classes).
    """

    def misses(key: jax.Array) -> Array:
        return 1 - jnp.max(posterior(sample(key, _CHUNK)[0]), axis=-1)

    keys = jax.random.split(named_key("bayes error"), EXAMPLES // _CHUNK)
    found = np.asarray(jax.jit(lambda keys: jax.lax.map(misses, keys))(keys), np.float64).ravel()
    return BayesError(float(found.mean()), float(found.std(ddof=1) / np.sqrt(found.size)))
