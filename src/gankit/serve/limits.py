"""What one client, and all of them, may ask of the server."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of this machine that no other reaches."""
CLIENTS = 4096
"""Clients whose use is remembered; the longest unseen are forgotten."""
BURST = 4.0
"""Seconds of the rate that a client can use at once."""


@dataclass(frozen=True)
class Limits:
    """Bounds of a server, each refused with one sentence."""

    n: int = 256
    """Samples of one request."""
    rate: float = 0.0
    """Samples per second and client, on average; 0 for no limit."""
    queue: int = 256
    """Requests that wait for the generator."""
    url: int = 8192
    """Bytes of an address."""
    body: int = 65536
    """Bytes of a request's body, which no page needs."""
    cache: int = 32 * 2**20
    """Bytes of items, and as many of batches, that are kept for the next request."""


class Rates:
    """Token buckets, one a client.

    Args:
        rate: tokens per second; 0 for no limit.
        least: a bucket holds at least as many, so that the largest request can be met.
    """

    def __init__(
        self, rate: float, least: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.size, self.clock = rate, max(rate * BURST, least), clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, cost: float) -> float:
        """Takes tokens, and returns 0; or the seconds after which they will be there."""
        if not self.rate:
            return 0.0
        now = self.clock()
        with self._lock:
            left, then = self._left.pop(client, (self.size, now))
            left = min(self.size, left + (now - then) * self.rate)
            short = max(cost - left, 0.0)
            self._left[client] = (left if short else left - cost), now
            while len(self._left) > CLIENTS:
                self._left.popitem(last=False)
        return short / self.rate
