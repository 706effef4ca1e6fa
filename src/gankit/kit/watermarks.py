"""An invisible watermark: a keyed pattern, repeated over an item and found again by correlation.

Spread spectrum (Cox et al. 1997, https://doi.org/10.1109/83.650120) with a periodic pattern, so
that the detector finds it wherever an item was cut. A plugin adds the pattern, shaped so that it
cannot be noticed, and whitens items before they are correlated: each frequency then counts by how
much the pattern stands out in it. Only who has the key can find it, or imitate it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


def pattern(key: bytes, shape: Sequence[int], low: float, high: float) -> Array:
    """One period of noise between two frequencies: of variance 1, the same on every machine.

    Args:
        shape: of a period, one axis or more.
        low, high: in cycles per sample, up to 0.5; on several axes, their Euclidean norm.
    """
    name = repr((tuple(shape), low, high)).encode()
    drawn = hashlib.shake_256(name + b"\0" + key).digest(2 * int(np.prod(shape)))
    phases = np.frombuffer(drawn, "<u2").reshape(shape) * (2 * np.pi / 2**16)
    axes = np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij")
    radius = np.sqrt(np.sum(np.square(axes), axis=0))
    inside = (radius >= low) & (radius <= high)
    noise = np.fft.ifftn(inside * np.exp(1j * phases)).real
    found: Array = noise / noise.std()
    return found


def repeated(period: Array, shape: Sequence[int]) -> Array:
    """The pattern over an item of this shape."""
    times = [-(-n // p) for n, p in zip(shape, period.shape, strict=True)]
    return np.tile(period, times)[tuple(map(slice, shape))]


def score(whitened: Array, periods: Iterable[Array]) -> float:
    """The highest correlation with any of the patterns at any place, in standard deviations over
    all places: around 4 for what has no mark.

    Args:
        whitened: an item without its mean, all frequencies and places of about the same strength.
        periods: a pattern, and its mirror images where an item may be mirrored.
    """
    best = 0.0
    for period in periods:
        correlation = np.fft.ifftn(
            np.fft.fftn(_folded(whitened, period.shape)) * np.conj(np.fft.fftn(period))
        ).real
        spread = float(correlation.std())
        best = max(best, float(correlation.max()) / spread if spread else 0.0)
    return best


def _folded(values: Array, shape: Sequence[int]) -> Array:
    """The sum over all periods."""
    whole = [-(-n // p) * p for n, p in zip(values.shape, shape, strict=True)]
    padded = np.pad(values, [(0, w - n) for n, w in zip(values.shape, whole, strict=True)])
    split = [part for w, p in zip(whole, shape, strict=True) for part in (w // p, p)]
    folded: Array = padded.reshape(split).sum(axis=tuple(range(0, len(split), 2)))
    return folded


def decibels_for(reached: float, target: float, at: float, least: float, most: float) -> float:
    """How far below its cover the mark has to be for a score, if it is ``reached`` at ``at``
    decibels: scores are proportional to its amplitude. Within bounds, the quieter the better.
    """
    needed = at - 20 * float(np.log10(target / max(reached, 1.0)))
    return min(max(needed, least), most)
