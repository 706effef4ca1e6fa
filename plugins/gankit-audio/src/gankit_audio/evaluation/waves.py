"""Clips as batches of waveforms for a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torchaudio.functional import resample

from gankit_audio.data.clips import Clip

BATCH = 64
"""Most clips that go through a network at once."""
SECONDS = 128
"""Most seconds of clips that do."""


def at_rate(x: Tensor, rate: int, wanted: int) -> Tensor:
    """Resampled waveforms ``(..., T)``. The rate is off by a few millionths: exact filters for some
    rates, such as 22051, would take gigabytes."""
    ratio = Fraction(wanted, rate).limit_denominator(500)
    return x if ratio == 1 else resample(x, ratio.denominator, ratio.numerator)


def as_waves(clips: Sequence[Clip], rate: int) -> Tensor:
    """Mono waveforms ``(N, T)`` at a rate, of clips of one length and rate."""
    x = torch.from_numpy(np.stack([clip.samples.mean(0) for clip in clips]))
    return at_rate(x, clips[0].rate, rate)


def by_shape(clips: Sequence[Clip], function: Callable[[Sequence[Clip]], Tensor]) -> Tensor:
    """Applies a function of a few clips of one rate and length to any clips: ``(N, …)``."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i, clip in enumerate(clips):
        groups.setdefault((clip.rate, clip.samples.shape[1]), []).append(i)
    order: list[int] = []
    parts = []
    for (rate, samples), group in groups.items():
        size = max(1, min(BATCH, SECONDS * rate // max(samples, 1)))
        for start in range(0, len(group), size):
            chosen = group[start : start + size]
            parts.append(function([clips[i] for i in chosen]))
            order += chosen
    return torch.cat(parts)[np.argsort(order)]
