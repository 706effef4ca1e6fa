"""How long work still takes: a steady estimate, and its words."""

from __future__ import annotations

import math
from collections import deque

SOONEST = 1.0
"""Seconds before the first estimate."""
SMOOTH = 8.0
"""Seconds over which a new estimate of the end replaces an old one, at most."""


class Pace:
    """A steady estimate of when work ends: by the rate of the last half of what was done, smoothed.

    Args:
        done: what was done before, as part of the whole.
        now: in seconds, when it begins.
    """

    def __init__(self, done: float, now: float) -> None:
        self.first, self.began, self.last = done, now, now
        self.seen = deque([(done, now)])
        self.end: float | None = None

    def left(self, done: float, now: float) -> float | None:
        """Seconds left at a part of the whole in 0..1; None while nobody can know."""
        if done > self.seen[-1][0]:
            self.seen.append((done, now))
        half = (self.first + done) / 2
        while len(self.seen) > 1 and self.seen[1][0] <= half:
            self.seen.popleft()
        since, then = self.seen[0]
        if now - self.began < SOONEST or done <= since:
            return None
        left = (1 - done) * (now - then) / (done - since)
        if self.end is None:
            self.end = now + left
        else:  # sooner where less is left: an old estimate must not outlast the work
            smooth = max(min(SMOOTH, left / 4), 1e-3)
            self.end += (now + left - self.end) * (1 - math.exp((self.last - now) / smooth))
        self.last = now
        return max(self.end - now, 0.0)


def rough(seconds: float) -> str:
    """A duration as exact as an estimate can be: ``40 s``, ``3 min 20 s``, ``25 min``,
    ``2 h 10 min``."""
    if seconds < 60:
        step = 1 if seconds < 10 else 5
        return f"{max(round(seconds / step) * step, 1)} s"
    if seconds < 600:
        ten = round(seconds / 10) * 10
        return f"{ten // 60} min {ten % 60} s" if ten % 60 else f"{ten // 60} min"
    minutes = round(seconds / 60) if seconds < 3600 else round(seconds / 600) * 10
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest and hours < 24 else f"{hours} h"
