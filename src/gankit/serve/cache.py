"""What was made lately, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")

OVERHEAD = 512
"""Bytes of an entry besides its value, about: the key, and what Python adds."""


class SizedCache(Generic[Value]):
    """The values used last, whose sizes together stay within a bound. Safe between threads.

    Args:
        most: bytes of all values; one that is larger is not kept.
    """

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keeps a value of so many bytes."""
        size += OVERHEAD
        with self._lock:
            if key in self._kept:
                self.size -= self._kept.pop(key)[1]
            self._kept[key] = value, size
            self.size += size
            while self.size > self.most:
                self.size -= self._kept.popitem(last=False)[1][1]
