"""What is taken of a recording, and how loud it is. Arrays are float32 ``(channels, L)``."""

from __future__ import annotations

import math

import numpy as np
import torch
import torchaudio

from gankit.errors import GankitError
from gankit_audio.clips import Samples

PEAK = 10 ** (-1 / 20)
"""Highest sample that levelling leaves: -1 dB of full scale."""
FADE = 0.002
"""Seconds over which sound that was cut fades, so that the cut does not click."""
BEFORE = 0.005
"""Seconds that a clip begins before its onset."""
APART = 0.05
"""Least seconds between two onsets."""
RISE = 3.0
"""An onset's flux, in medians of the flux around it."""
LUFS_SECONDS = 0.4
"""The least that ITU-R BS.1770 measures."""


def trim(x: Samples, decibels: float) -> Samples:
    """Cuts off the start and end that lie so many decibels below the peak; 0 cuts nothing."""
    level = np.abs(x).max(0)
    if decibels <= 0 or not level.any():
        return x
    loud = np.flatnonzero(level >= level.max() * 10 ** (-decibels / 20))
    return x[:, loud[0] : loud[-1] + 1]


def onsets(x: Samples, rate: int) -> list[int]:
    """Where sounds begin, a little before the attack: peaks of the spectral flux."""
    hop = max(round(rate * 0.005), 1)
    n_fft = 2 ** math.ceil(math.log2(4 * hop))
    mono = torch.from_numpy(np.pad(x.mean(0), (n_fft, n_fft)))
    spectrum = torch.stft(mono, n_fft, hop, window=torch.hann_window(n_fft), return_complex=True)
    level = torch.log1p(100 * spectrum.abs())
    flux = torch.diff(level, dim=1).clamp(min=0).sum(0).numpy()
    if flux.max(initial=0.0) <= 0:
        return []
    around = (
        np.lib.stride_tricks.sliding_window_view(np.pad(flux, 25, mode="reflect"), 51)
        if len(flux) > 25
        else np.tile(flux, (len(flux), 1))
    )
    least = np.maximum(RISE * np.median(around, 1), 0.1 * flux.max())
    found: list[int] = []
    gap = max(round(APART * rate / hop), 1)
    for i in np.argsort(-flux):
        if flux[i] < least[i]:
            continue
        if all(abs(int(i) - k) >= gap for k in found):
            found.append(int(i))
    starts = (
        (i + 1) * hop - n_fft + n_fft // 2 - hop - round(BEFORE * rate) for i in sorted(found)
    )
    return sorted({min(max(s, 0), x.shape[1] - 1) for s in starts})


def cut(x: Samples, rate: int, length: int, how: str) -> list[Samples]:
    """Pieces of at most ``length`` samples.

    Args:
        how: ``first``, the beginning; ``all``, one after another, without a rest that is shorter
            than half; ``onset``, one from each onset.
    """
    if how == "first":
        starts = [0]
    elif how == "all":
        starts = [s for s in range(0, x.shape[1], length) if s == 0 or x.shape[1] - s >= length / 2]
    else:
        starts = onsets(x, rate) or [0]
    return [_faded(x, s, min(s + length, x.shape[1]), rate) for s in starts]


def _faded(x: Samples, start: int, stop: int, rate: int) -> Samples:
    """A piece, faded where it was cut."""
    piece = x[:, start:stop].copy()
    n = min(round(FADE * rate), piece.shape[1] // 2)
    if n:
        ramp = np.linspace(0, 1, n + 1, dtype=np.float32)[:-1]
        if start:
            piece[:, :n] *= ramp
        if stop < x.shape[1]:
            piece[:, -n:] *= ramp[::-1]
    return piece


def padded(x: Samples, length: int, how: str) -> Samples | None:
    """Exactly ``length`` samples, by silence or mirror images; None for one to drop."""
    missing = length - x.shape[1]
    if missing <= 0:
        return x[:, :length]
    if how == "drop":
        return None
    if how == "zero":
        return np.pad(x, ((0, 0), (0, missing)))
    return np.pad(x, ((0, 0), (0, missing)), mode="symmetric")


def levelled(x: Samples, rate: int, loudness: float | str) -> Samples:
    """At a level: ``keep``, ``peak``, or so many LUFS, as far as the peak allows."""
    peak = float(np.abs(x).max(initial=0.0))
    if loudness == "keep" or peak == 0:
        return x
    gain = PEAK / peak
    if isinstance(loudness, (int, float)):
        times = math.ceil(LUFS_SECONDS * rate / x.shape[1])
        heard = torch.from_numpy(np.tile(x, (1, times)))
        measured = float(torchaudio.functional.loudness(heard, rate))
        if math.isfinite(measured):
            gain = min(10 ** ((loudness - measured) / 20), gain)
    return (x * np.float32(gain)).astype(np.float32)


def check_loudness(value: float | str) -> None:
    """Raises:
    GankitError: neither peak nor keep nor a sensible number of LUFS.
    """
    named = isinstance(value, str) and value in ("peak", "keep")
    number = isinstance(value, (int, float)) and -70 <= value <= 0
    if not (named or number):
        raise GankitError(f"loudness={value}: unknown", "Set peak, keep, or LUFS from -70 to 0")
