"""Rates: a recording block by block from its own to the run's."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

import torch
from torchaudio.transforms import Resample

ZEROS = 32
"""Zero crossings of the windowed sinc on either side."""
LARGEST = 2000
"""Bound on the geometric mean of the two numbers that stand for a ratio of rates: a filter has
that many times as many taps as its square. Usual rates need less; odd ones, such as 44,101 to
16,000, are met within 5e-4, which is less than a hundredth of a semitone."""


@lru_cache(4096)
def ratio(rate: int, target: int) -> tuple[int, int]:
    """Two small numbers p and q: p samples at ``rate`` are q samples at ``target``."""
    exact = Fraction(rate, target)
    near = exact.limit_denominator(max(1, int(LARGEST / math.sqrt(exact))))
    return near.numerator, near.denominator


@lru_cache(16)
def resampler(p: int, q: int) -> tuple[Any, int]:
    """What turns float32 ``(channels, n)`` into ``(channels, ceil(n q / p))``, and how many
    samples it looks at on either side (Smith 2002, bandlimited interpolation).

    Its transition band begins at 0.9 of the lower rate's half.
    """
    if p == q:
        return torch.nn.Identity(), 0
    transform = Resample(
        p, q, "sinc_interp_kaiser", lowpass_filter_width=ZEROS, rolloff=0.95, beta=10.0
    )
    return transform, int(transform.width)
