"""Resampling between any two rates."""

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
"""Bound on the geometric mean of numerator and denominator of a ratio of rates: the number of taps
grows with its square. Common rates stay below it; unusual ones, such as 44,101 to 16,000, are
approximated within 5e-4, less than a hundredth of a semitone."""


@lru_cache(4096)
def ratio(rate: int, target: int) -> tuple[int, int]:
    """Small integers p and q: p samples at ``rate`` last as long as q samples at ``target``."""
    exact = Fraction(rate, target)
    near = exact.limit_denominator(max(1, int(LARGEST / math.sqrt(exact))))
    return near.numerator, near.denominator


@lru_cache(16)
def resampler(p: int, q: int) -> tuple[Any, int]:
    """A map from float32 ``(channels, n)`` to ``(channels, ceil(n q / p))``, and the samples that
    its filter spans on either side (Smith 2002, bandlimited interpolation).

    The transition band begins at 0.9 of half the lower rate.
    """
    if p == q:
        return torch.nn.Identity(), 0
    transform = Resample(
        p, q, "sinc_interp_kaiser", lowpass_filter_width=ZEROS, rolloff=0.95, beta=10.0
    )
    return transform, int(transform.width)
