"""What is compiled in little time has the bits that JAX's own way of compiling gives."""

from typing import Any

import jax
import numpy as np
import pytest

from basin.models import CNN5, MLP, build
from basin.training.keys import named_key
from basin.training.slot import initial_weights, pick, put, stack, take

NETWORKS = {
    **{kind: MLP(widths=(37,), initializer={"kind": kind}) for kind in ("he", "glorot", "lecun")},
    **{kind: MLP(widths=(5, 3), initializer={"kind": kind, "epsilon": 0.3}) for kind in ("uniform", "normal")},
    "cnn5": CNN5(width=2),
}


def same_bits(a: Any, b: Any) -> None:
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize("name", NETWORKS)
def test_first_weights_have_the_bits_of_a_program_compiled_with_all_optimisations(name: str) -> None:
    model = build(NETWORKS[name], (8, 8, 1), 10)
    fully = jax.jit(model.init)
    for seed in (0, 1, 2**31 - 1):
        same_bits(initial_weights(model, seed), fully(named_key(seed, "init")))


def test_slots_are_stacked_put_and_taken_as_numpy_would() -> None:
    rng = np.random.default_rng(0)
    one, other = ({"a": rng.normal(size=(3, 2)).astype(np.float32), "b": np.int32(rng.integers(9))} for _ in range(2))
    slots = stack(one, 4)  # pyright: ignore[reportArgumentType]  any tree of arrays
    same_bits(slots, {"a": np.stack([one["a"]] * 4), "b": np.array([one["b"]] * 4)})
    slots = put(slots, 2, other)
    same_bits([take(slots, index) for index in range(4)], [one, one, other, one])
    same_bits(jax.jit(pick)(slots, 2), other)
