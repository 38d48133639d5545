"""Which example comes when: an order that is computed entry by entry and remembers nothing.

Example number p = step * batch_size + j of a training, one of epoch e = p // N, is

* **reshuffled**: entry p mod N of a permutation of 0..N-1 that belongs to the key and to epoch e;
* **cyclic**: p mod N itself, the order in which the examples stand;
* **fixed**: entry p mod N of one permutation that belongs to the key, the same in every epoch;
* **once**: as fixed, in a run no longer than one pass, so that no example comes twice;
* **replacement**: a 32-bit word that belongs to the key, the step and j, modulo N: each example as likely as any other
  (to N / 2^32), whatever came before. Drawn so, a set with each example in it k times, one whole copy after another,
  gives the batches of the set itself, bit for bit.

In the first four every pass shows each example once, and batches run on over the end of a pass and drop no remainder.
In all five the order at any step follows from the key and the step alone: to resume, a run needs no state of a sampler.

The permutation is a generalised Feistel network (Black & Rogaway 2002). An index x < a b is a pair (l, r) = (x mod a,
x div a); rounds replace l by l + F(r) mod a and r by r + G(l) mod b in turn, which can be undone whatever F and G are,
so the whole is a permutation of a b indices. With a near sqrt N and b = ceil(N / a) there are fewer than a
indices too many; one that lands on them is sent through again until it does not (cycle walking), which permutes
0..N-1. Among some such rectangles that are nearly square the one with the fewest indices too many is taken. Everything
is traced, N too, and arithmetic is on unsigned 32-bit words: right while p < 2^32.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, UInt32

from basin.spec.run import Order

ROUNDS = 12
"""Rounds of the network, even. Over 20 000 keys, 6 leave a bias that a chi-square test sees up to N = 1 437; 12 leave
none that it sees from N = 7 on, and among five or six examples some orders come a tenth to a third too often."""

MAX_EXAMPLES = 2**32
"""A run may see fewer examples than this, repetitions counted."""

_RECTANGLES = 32
_GOLDEN = np.uint32(0x9E3779B9)

Traced = int | Array


def batch_indices(
    key: jax.Array, step: Traced, batch_size: int, num_examples: Traced, order: Order = "reshuffled"
) -> Int32[Array, " batch"]:
    """Return which examples make up the batch of a step.

    Args:
        key: Decides the order; a run's own.
        step: Updates done before, from 0; `(step + 1) * batch_size` must stay below 2^32 (see :func:`check_length`).
        batch_size: Examples in a batch; with `num_examples` of them a batch is the whole set, in another order.
        num_examples: N, at least 1 and below 2^31.
        order: How the examples follow one another; the module's docstring defines the five.

    Returns:
        Indices in [0, N).

    Example:
        >>> key = jax.random.key(0)
        >>> epoch = jnp.concatenate([batch_indices(key, step, 4, 10) for step in range(5)])  # two passes over ten
        >>> sorted(epoch[:10].tolist()) == sorted(epoch[10:].tolist()) == list(range(10))
        True

    References:
        Black & Rogaway 2002, "Ciphers with arbitrary finite domains".
    """
    n, step = jnp.asarray(num_examples, jnp.uint32), jnp.asarray(step, jnp.uint32)
    if order == "replacement":
        words = jax.random.bits(jax.random.fold_in(key, step), (batch_size,), jnp.uint32)
        return (words % n).astype(jnp.int32)
    first = step * jnp.uint32(batch_size)
    passed, index = _divide(first % n + jnp.arange(batch_size, dtype=jnp.uint32), n)
    if order == "cyclic":
        return index.astype(jnp.int32)
    epoch = jnp.zeros_like(passed) if order in ("fixed", "once") else first // n + passed
    return permute(key, epoch, index, n).astype(jnp.int32)


def permute(
    key: jax.Array, epoch: UInt32[Array, "*shape"], index: UInt32[Array, "*shape"], num_examples: Traced
) -> UInt32[Array, "*shape"]:
    """Return entry `index` of the permutation of 0..num_examples-1 that belongs to `key` and `epoch`."""
    n = jnp.asarray(num_examples, jnp.uint32)
    a, b = _rectangle(n)
    round_keys = _round_keys(key, epoch)

    def again(walk: tuple[Array, Array]) -> tuple[Array, Array]:
        outside, x = walk
        x = jnp.where(outside, _feistel(round_keys, x, a, b), x)
        return x >= n, x

    # every index is sent through once, as if it had landed outside: the network is compiled in one place
    begin = jnp.ones(index.shape, bool), index
    return jax.lax.while_loop(lambda walk: jnp.any(walk[0]), again, begin)[1]


def check_length(num_steps: int, batch_size: int) -> None:
    """Refuse a run that would see more examples than the sampler can number.

    Raises:
        ValueError: `num_steps * batch_size` is 2^32 or more.
    """
    if num_steps * batch_size >= MAX_EXAMPLES:
        raise ValueError(
            f"expected fewer than 2^32 examples in a run, got {num_steps} steps of {batch_size}; shorten the budget"
        )


def _rectangle(n: UInt32[Array, ""]) -> tuple[Array, Array]:
    """Return the sides of the rectangle that exceeds n least among some that are nearly square."""
    root = jnp.sqrt(n.astype(jnp.float32)).astype(jnp.uint32)  # at most one off, and exact after the next line
    root = root - (root * root > n) + ((root + 1) * (root + 1) <= n)
    a = jnp.maximum(root - jnp.minimum(np.arange(_RECTANGLES, dtype=np.uint32), root // 8), 2)
    b = (n + a - 1) // a
    best = jnp.argmin(a * b - n)
    return a[best], b[best]


def _round_keys(key: jax.Array, epoch: UInt32[Array, "*shape"]) -> tuple[UInt32[Array, "*shape"], ...]:
    """Return (first, second) of which round i takes first + i second."""
    state = jnp.zeros_like(epoch)
    for word in jnp.ravel(jax.random.key_data(key)):
        state = _mix(state ^ word) + _GOLDEN
    return jax.lax.optimization_barrier((_mix(state ^ epoch), _mix(state + _mix(epoch + _GOLDEN)) | 1))


def _feistel(round_keys: tuple[Array, ...], x: Array, a: Array, b: Array) -> Array:
    first, second = round_keys

    def two_rounds(_: Array, halves: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        left, right, key = halves
        left = _add_modulo(left, _scale(_mix(right + key), a), a)
        right = _add_modulo(right, _scale(_mix(left + key + second), b), b)
        return left, right, key + second + second

    right, left = _divide(x, a)
    left, right, _ = jax.lax.fori_loop(0, ROUNDS // 2, two_rounds, (left, right, first))
    return right * a + left


def _divide(x: Array, divisor: Array) -> tuple[Array, Array]:
    """Return quotient and remainder, exact for quotients below 2^22; unlike integer division this is vectorised."""
    quotient = (x.astype(jnp.float32) / divisor.astype(jnp.float32)).astype(jnp.uint32)  # at most one off
    remainder = (x - quotient * divisor).astype(jnp.int32)
    step = (remainder >= divisor.astype(jnp.int32)).astype(jnp.int32) - (remainder < 0).astype(jnp.int32)
    quotient = quotient + step.astype(jnp.uint32)
    return quotient, x - quotient * divisor


def _add_modulo(x: Array, y: Array, modulus: Array) -> Array:
    total = x + y
    return jnp.where(total < modulus, total, total - modulus)


def _scale(word: Array, n: Array) -> Array:
    """Return floor(word * n / 2^32) for n <= 2^16: a number below n, without a division."""
    return ((word >> 16) * n + ((word & 0xFFFF) * n >> 16)) >> 16


def _mix(x: Array) -> Array:
    """Return a word in which every bit depends on every bit of `x` (Wellons 2018, `lowbias32`)."""
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)
