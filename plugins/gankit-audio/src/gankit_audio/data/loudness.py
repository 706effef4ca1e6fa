"""Loudness by ITU-R BS.1770-4, at any rate and of any duration."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torchaudio.functional import lfilter

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

BLOCK = 0.4
"""Seconds of a block; consecutive blocks overlap by three quarters."""
ABSOLUTE, RELATIVE = -70.0, -10.0
"""Gates: blocks below the first, in LUFS, do not count, nor those below the others' mean by more
than the second, in LU."""

# The analogue prototypes of the two filters, which the standard tabulates at 48 kHz (De Man 2014,
# "Evaluation of implementations of the EBU R128 loudness measurement").
_SHELF = (1681.974450955533, 0.7071752369554196, 3.999843853973347)
_HIGHPASS = (38.13547087602444, 0.5003270373238773)


def lufs(samples: Samples, rate: int) -> float:
    """Integrated loudness of ``(channels, L)``, L at least 1, one or two channels.

    Samples shorter than a block are repeated to fill one. If no block reaches the absolute gate,
    all blocks count.
    """
    size = math.ceil(BLOCK * rate)
    if samples.shape[1] < size:
        samples = np.tile(samples, -(-size // samples.shape[1]))
    power = weighted(torch.from_numpy(samples).double(), rate).square()
    blocks = power.unfold(1, size, max(size // 4, 1)).mean(2).sum(0)
    levels = _level(blocks)
    counted = blocks[levels > ABSOLUTE]
    if len(counted):
        counted = blocks[levels > max(ABSOLUTE, float(_level(counted.mean())) + RELATIVE)]
    return float(_level((counted if len(counted) else blocks).mean()))


def _level(power: Tensor) -> Tensor:
    return -0.691 + 10 * torch.log10(power.clamp(min=1e-20))


def weighted(samples: Tensor, rate: int) -> Tensor:
    """K-weighted samples ``(channels, L)``, float64."""
    for b, a in k_weighting(rate):
        samples = lfilter(samples, torch.tensor(a).double(), torch.tensor(b).double(), clamp=False)
    return samples


@lru_cache(64)
def k_weighting(rate: int) -> tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]:
    """Coefficients (b, a) of the shelf and the high pass, by the bilinear transform."""
    hertz, q, gain = _SHELF
    k = math.tan(math.pi * hertz / rate)
    high = 10 ** (gain / 20)
    middle = high**0.4996667741545416
    norm = 1 + k / q + k * k
    shelf = (
        (high + middle * k / q + k * k) / norm,
        2 * (k * k - high) / norm,
        (high - middle * k / q + k * k) / norm,
    )
    return (shelf, _poles(k, q)), (
        (1.0, -2.0, 1.0),
        _poles(math.tan(math.pi * _HIGHPASS[0] / rate), _HIGHPASS[1]),
    )


def _poles(k: float, q: float) -> tuple[float, ...]:
    norm = 1 + k / q + k * k
    return 1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm
