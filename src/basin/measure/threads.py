"""One thread for the dense algebra of a measure, which neither fights the compiled passes nor depends on the cores.

Between passes over the data, NumPy and SciPy work on a few vectors of the size of the weights. With threads of their
own they wait for cores that XLA's threads hold: on two busy cores, the ten iterations of L-BFGS-B for 43 000 weights
took 25 times longer. One thread also makes their sums the same on every number of cores.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

import threadpoolctl


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run what is inside with BLAS and LAPACK on one thread; usable as a decorator."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()
