"""The time that a command may take, from its start to its end."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator


class Budget:
    """Seconds spent and left, over all resumptions of a run.

    Args:
        limit: seconds in all; 0 for none.
        started: when the command started, on ``time.monotonic()``'s clock; now by default.
    """

    def __init__(self, limit: float = 0.0, started: float | None = None) -> None:
        self.limit = limit
        self.started = time.monotonic() if started is None else started
        self.before = 0.0
        """Seconds spent before this command, by those that it resumes."""
        self.reserved = 0.0
        """Seconds that are kept for what follows training; 0 again when that begins."""

    def spent(self) -> float:
        return self.before + time.monotonic() - self.started

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """What happens within does not count: waiting for somebody's answer."""
        before = time.monotonic()
        yield
        self.started += time.monotonic() - before

    def left(self) -> float:
        """Seconds left; infinite without a limit."""
        return self.limit - self.reserved - self.spent() if self.limit else math.inf

    def share(self, fraction: float) -> Callable[[], float]:
        """The seconds left of a part of what is left now."""
        reserved = (1 - fraction) * self.left() if self.limit else 0.0
        return lambda: self.left() - reserved
