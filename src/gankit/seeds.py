"""Random numbers that are functions of a seed: no state, so nothing depends on its neighbours.

For everything drawn for one item, in the engine and in a plugin's codec.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Seeds = Sequence[int] | npt.NDArray[np.integer[Any]]

_LATENT = 2**32
"""The first stream of latents: above all that others use."""
_CACHED = 2**15
"""Pairs of numbers drawn together, few enough for the processor's cache."""


def uniform(seeds: Seeds, stream: int) -> npt.NDArray[np.float64]:
    """A number in [0, 1) a seed, of shape (N,).

    Args:
        seeds: integers of 64 bits; those of an item.
        stream: another one for each thing that is drawn for the same item; a codec's are below
            2**31.
    """
    mixed = _mix(_start(seeds) + _step(np.asarray(stream + 1)))
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) / 2**53)


def normal(seeds: Seeds, width: int, stream: int = 0) -> npt.NDArray[np.float32]:
    """Independent draws from N(0, 1), of shape (N, width), by Box and Muller (1958): each two of
    them from one number of 64 bits.

    Args:
        stream: another one for each latent of the same item; below 2**16.
    """
    half = (width + 1) // 2
    start, steps = _start(seeds)[:, None], _step(_LATENT * (stream + 1) + np.arange(half))
    drawn = np.empty((len(seeds), width), np.float32)
    rows = max(_CACHED // max(half, 1), 1)
    for at in range(0, len(seeds), rows):
        here = slice(at, at + rows)
        pairs = _mix(start[here] + steps).view(np.uint32).astype(np.float32)
        first, second = pairs[:, ::2], pairs[:, 1::2]
        radius = np.sqrt(-2 * np.log((first + 1) / np.float32(2**32)))
        angle = second * np.float32(2 * np.pi / 2**32)
        drawn[here, :half] = radius * np.cos(angle)
        drawn[here, half:] = (radius * np.sin(angle))[:, : width - half]
    return drawn


def shuffled(n: int, seed: int, positions: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Which of n items stands at each position of an endless shuffle; every n positions show each
    item once.

    A Feistel network of four rounds (Luby and Rackoff 1988) permutes a power of four; what falls
    outside goes round again until it falls inside (Black and Rogaway 2002, cycle walking).
    """
    half = max((n - 1).bit_length() + 1, 8) // 2  # of fewer bits it would not reach every order
    mask = np.uint64(2**half - 1)
    key = _mix(_start([seed]) + _step(positions // n))
    found = (positions % n).astype(np.uint64)
    outside = np.arange(len(found))
    while len(outside):
        left, right = found[outside] >> np.uint64(half), found[outside] & mask
        for round_ in range(4):
            noise = _mix(right ^ _mix(key[outside] + _step(np.asarray(round_))))
            left, right = right, left ^ (noise & mask)
        found[outside] = (left << np.uint64(half)) | right
        outside = outside[found[outside] >= n]
    return found.astype(np.int64)


# SplitMix64 (Steele, Lea and Flood 2014), its state a function of seed and stream.


def _start(seeds: Seeds) -> npt.NDArray[np.uint64]:
    if isinstance(seeds, range) and seeds.step == 1:  # NumPy would read it one by one
        found = np.uint64(seeds.start) + np.arange(len(seeds), dtype=np.uint64)
    else:
        found = np.asarray(seeds, np.uint64)
    return found * np.uint64(0x9E3779B97F4A7C15)


def _step(stream: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    return stream.astype(np.uint64) * np.uint64(0xD1B54A32D192ED03)


def _mix(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z ^ (z >> np.uint64(31))
