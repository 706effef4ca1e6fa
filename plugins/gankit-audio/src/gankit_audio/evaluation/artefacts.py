"""Audible artefacts: silence, clipping, clicks, steady tones, noise above the band of the data.

Functions of waveforms ``(N, T)`` of full scale 1; most give one number per clip.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
Values = np.ndarray[Any, Any]

FLOOR = 1e-4
"""Inaudible amplitude, relative to full scale: -80 dB."""


def silent(x: Tensor, decibels: float = -60.0) -> Flags:
    """Whether the peak is below a level, in decibels of full scale."""
    flags: Flags = (x.abs().amax(1) < 10 ** (decibels / 20)).numpy()
    return flags


def clipped(x: Tensor) -> Flags:
    """Whether three consecutive samples are at full scale, as in clipped peaks."""
    if x.shape[1] < 3:
        return np.zeros(len(x), bool)
    full = x.abs() >= 0.999
    flags: Flags = (full[:, 2:] & full[:, 1:-1] & full[:, :-2]).any(1).numpy()
    return flags


def offset(x: Tensor) -> Numbers:
    """The distance of the mean sample from 0."""
    found: Numbers = x.mean(1).abs().double().numpy()
    return found


def edge_clicks(x: Tensor) -> Flags:
    """Whether a clip begins or ends away from 0, by more than a tenth of its peak: played alone or
    in a loop, it clicks."""
    peak = x.abs().amax(1)
    edge = torch.maximum(x[:, 0].abs(), x[:, -1].abs())
    flags: Flags = ((edge > 0.1 * peak) & (peak > FLOOR)).numpy()
    return flags


def click_strength(x: Tensor, rate: int) -> Numbers:
    """How isolated a clip's sharpest jump is: its curvature over the root mean square of the
    curvature within eight milliseconds; 0 if the curvature is below a twentieth of the peak.

    Onsets are not isolated: the sound after them is loud.
    """
    bend = (x[:, 2:] - 2 * x[:, 1:-1] + x[:, :-2]).square().double()
    near, around = max(2, round(0.0005 * rate)), max(8, round(0.008 * rate))
    if bend.shape[1] <= 2 * around:
        return np.zeros(len(x))
    sums = F.pad(bend.cumsum(1), (1, 0))
    at = torch.arange(bend.shape[1])

    def total(reach: int) -> tuple[Tensor, Tensor]:
        first, last = (at - reach).clamp_min(0), (at + reach + 1).clamp_max(len(at))
        return sums[:, last] - sums[:, first], last - first

    (outer, many), (inner, few) = total(around), total(near)
    # At least half a step of 16 bits: in digital silence any jump would be isolated.
    background = ((outer - inner) / (many - few)).clamp_min(2.0**-32)
    peak = x.abs().amax(1, keepdim=True)
    audible = (bend > (0.05 * peak).square()) & (peak > FLOOR)
    found: Numbers = torch.where(audible, (bend / background).sqrt(), 0.0).amax(1).numpy()
    return found


def clicks(found: Numbers, real: Numbers) -> Flags:
    """Whether a clip has a click: a jump stronger than those of 99 % of real clips, and ten times
    its surroundings.

    Args:
        found: :func:`click_strength` of the clips.
        real: the same of real clips.
    """
    return np.asarray(found > max(10.0, float(np.quantile(real, 0.99, method="higher"))))


def spectra(x: Tensor, rate: int) -> Tensor:
    """Magnitudes ``(N, bins, frames)`` of frames of 64 ms; 1 for a full-scale sine."""
    size = 1 << (max(64, round(0.05 * rate)) - 1).bit_length()
    x = F.pad(x, (0, max(0, size - x.shape[1])))
    window = torch.hann_window(size)
    frames = x.unfold(1, size, size // 4) * window
    magnitudes: Tensor = torch.fft.rfft(frames).abs() / (window.sum() / 2)
    return magnitudes.transpose(1, 2)


def lines(magnitudes: Tensor) -> Values:
    """How far each frequency exceeds its neighbours throughout a clip, in dB: ``(N, 2, bins)``.

    The contrast that is exceeded in nine tenths of the frames more than 20 dB below the loudest,
    and in nine tenths of the other frames: the sound may mask a tone, or the tone may follow it.
    """
    level = 20 * torch.log10(magnitudes.clamp_min(FLOOR)).transpose(1, 2)  # (N, frames, bins)

    def total(reach: int) -> Tensor:
        padded = F.pad(level, (reach, reach), mode="replicate")
        return F.avg_pool1d(padded, 2 * reach + 1, 1) * (2 * reach + 1)

    contrast = level - (total(12) - total(3)) / 18
    contrast[..., :3] = 0.0  # a DC offset is not a tone
    power = magnitudes.square().sum(1)
    loud = power >= 1e-2 * power.amax(1, keepdim=True)
    found = []
    for kept in (~loud, loud):
        ranked = contrast.masked_fill(~kept[..., None], math.inf).sort(dim=1).values
        count = kept.sum(1)
        lowest = ranked[torch.arange(len(ranked)), (count - 1).clamp_min(0) // 10]
        found.append(torch.where(count[:, None] >= 3, lowest, 0.0))  # too few frames
    both: Values = torch.stack(found, 1).numpy()
    return both


def steady_tones(found: Values, real: Values) -> Flags:
    """Whether a clip has a steady tone that no real clip has: above 12 dB, and 6 dB above the
    strongest line of real clips near that frequency.

    Args:
        found: :func:`lines` of the clips.
        real: the same of real clips.
    """
    strongest = real.max(0)
    near = np.stack([np.roll(strongest, shift, -1) for shift in (-2, -1, 0, 1, 2)]).max(0)
    return np.asarray((found > np.maximum(12.0, near + 6.0)).any((1, 2)))


def band_edge(power: Values) -> int:
    """The bin above which less than a thousandth of the power ``(bins,)`` of real data lies."""
    above = power[::-1].cumsum()[::-1] / max(power.sum(), 1e-30)
    return int((above >= 1e-3).sum())
