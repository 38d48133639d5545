"""What a process keeps at hand so as not to make it twice, as long as all of it fits in a share of the memory."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import jax

V = TypeVar("V")


class Kept(Generic[V]):
    """Values by their keys; those that were asked for longest ago go when all together are too large, the last never.

    Example:
        >>> kept, made = Kept(len, room=lambda: 5), []
        >>> def make(text):
        ...     made.append(text)
        ...     return text
        >>> [kept.get(text, lambda text=text: make(text)) for text in ("abc", "de", "abc", "fgh", "de")]
        ['abc', 'de', 'abc', 'fgh', 'de']
        >>> made  # "de" had gone for "fgh", because "abc" was asked for after it
        ['abc', 'de', 'fgh', 'de']
    """

    def __init__(self, size: Callable[[V], int], room: Callable[[], float]) -> None:
        """Begin empty.

        Args:
            size: Bytes of a value.
            room: Bytes that all may have together, asked for at each value that is new.
        """
        self._size = size
        self._room = room
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """Return the value of a key, made if it is not there; two threads that ask at once do not both make it."""
        with self._lock:
            if key not in self._values:
                self._values[key] = make()
                self._drop()
            self._values.move_to_end(key)
            return self._values[key]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._values.clear()

    def _drop(self) -> None:
        total, room = sum(map(self._size, self._values.values())), self._room()
        while len(self._values) > 1 and total > room:
            total -= self._size(self._values.popitem(last=False)[1])


def device_bytes() -> float:
    """Return the memory of the device that arrays lie on; that of the machine where they lie in it."""
    known = jax.devices()[0].memory_stats() or {}
    return float(known.get("bytes_limit") or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
