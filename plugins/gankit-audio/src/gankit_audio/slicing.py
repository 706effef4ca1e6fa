"""From a recording to clips of one length and level: trimming, onsets, cutting, padding, levels.

All take float32 ``(channels, L)``, L at least 1, and none changes what it is given.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torchaudio

from gankit.errors import GankitError
from gankit_audio.clips import Samples

Floats = npt.NDArray[np.floating[Any]]

PEAK = 10 ** (-1 / 20)
"""Highest sample of a levelled clip: -1 dB of full scale, so that resampling and lossy coding do
not clip it."""
FADE = 0.002
"""Seconds over which an edge is faded where it was cut."""
QUIETEST = -70.0
"""LUFS; the absolute gate of ITU-R BS.1770, below which nothing counts as sound."""
GATE = 0.4
"""Seconds of a block of BS.1770; the shortest sound that has a loudness."""

WINDOW, HOP = 0.032, 0.004
"""Seconds of the spectra in which onsets are looked for."""
APART = 0.05
"""Fewest seconds from one onset to the next."""
BEFORE = 0.003
"""Seconds by which an onset comes before its attack: the fade ends before it."""
AROUND = 0.15
"""Seconds to each side whose mean flux an onset must exceed, by ``TIMES``."""
TIMES = 2.0
FLOOR = 0.1
"""Part of the recording's highest flux that an onset must have."""
COMPRESSION = 300.0
"""Magnitudes m, at most 1, count as log(1 + 300 m): what lies 50 dB below the loudest is lost."""


def trim(x: Samples, decibels: float, rate: int = 16_000) -> Samples:
    """Without the silence at its start and end.

    Args:
        decibels: below the peak, under which it is silence; 0 cuts nothing.
        rate: samples a second; silence is cut in frames of 10 ms.
    """
    if decibels <= 0:
        return x
    frame = max(rate // 100, 1)
    level = np.abs(x).max(0)
    loud = np.flatnonzero(level >= float(level.max()) * 10 ** (-decibels / 20))
    return x[:, loud[0] // frame * frame : (loud[-1] // frame + 1) * frame]


# --- Onsets -------------------------------------------------------------------------------------


def onsets(x: Samples, rate: int) -> list[int]:
    """Samples at which something begins, each ``BEFORE`` its attack; none in silence.

    Spectral flux: the sum of what log magnitudes gain from one spectrum to the next. An onset is
    the highest for ``APART`` around, above a threshold that follows the mean around it (after
    Bello et al. 2005, "A tutorial on onset detection in music signals"). Silence is thought to
    come before, so that what sounds from the start begins at 0. What is shorter than about 10 ms
    has none.
    """
    if not x.any():
        return []
    hop, window = max(round(HOP * rate), 1), round(WINDOW * rate)
    flux = _flux(x, window, hop)
    apart = round(APART / HOP)
    around = round(AROUND / HOP)
    # Silence lies before the recording and counts; after it lies nothing.
    totals = np.cumsum(np.pad(flux, (around + 1, 0)), dtype=np.float64)
    first = np.arange(len(flux))
    last = np.minimum(first + 2 * around + 1, len(totals) - 1)
    mean = (totals[last] - totals[first]) / (last - first)
    neighbours = np.lib.stride_tricks.sliding_window_view(np.pad(flux, apart), 2 * apart + 1)
    highest = neighbours.max(1)
    wanted = (flux == highest) & (flux > TIMES * mean) & (flux > FLOOR * flux.max())

    level = np.abs(x).max(0)
    found: list[int] = []
    for frame in np.flatnonzero(wanted):
        start = max(_attack(level, int(frame) * hop, window, rate) - round(BEFORE * rate), 0)
        if not found or start - found[-1] >= round(APART * rate):
            found.append(start)
    return found


def _flux(x: Samples, window: int, hop: int) -> Floats:
    """Of every frame; frame t ends before sample ``t * hop``. The recording's end makes none: a
    sound that stops there is cut, which its spectrum would show.
    """
    after_silence = np.pad(x, ((0, 0), (window, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(after_silence, window, axis=1)[:, ::hop]
    shape = np.hanning(window).astype(np.float32)
    scale = max(float(np.abs(x).max()), 1e-30) * shape.sum() / 2
    last = np.zeros(window // 2 + 1, np.float32)
    parts = []
    for start in range(0, frames.shape[1], 2048):  # hours of sound do not fit in memory
        spectra = np.abs(np.fft.rfft(frames[:, start : start + 2048] * shape)).mean(0) / scale
        logs = np.log1p(COMPRESSION * spectra).astype(np.float32)
        parts.append(np.diff(logs, axis=0, prepend=last[None]).clip(0).sum(1))
        last = logs[-1]
    return np.concatenate(parts)


def _attack(level: Floats, end: int, window: int, rate: int) -> int:
    """Where the level rises, in the frame whose spectrum gained most and the one after it."""
    first, last = max(end - window, 0), min(end + window // 2, len(level))
    before = level[max(first - round(0.02 * rate), 0) : first].max(initial=0)
    inside = level[first:last]
    peak = inside.max(initial=0)
    if peak > 1.2 * before:
        return first + int(np.argmax(inside >= before + 0.15 * (peak - before)))
    return min(max(end - window // 4, 0), len(level) - 1)  # it changes but grows no louder


# --- Cutting and padding ------------------------------------------------------------------------


def cut(
    x: Samples, rate: int, length: int, how: Literal["first", "random", "all", "onset"]
) -> list[Samples]:
    """Pieces of at most ``length`` samples; an edge that was cut is faded over 2 ms.

    Args:
        how: ``first``, one from the start; ``random``, one from the middle; ``all``, one after
            the other, where a last one below half of ``length`` is left out; ``onset``, one from
            each onset on, which may have later onsets in it (from the start, if there is none).
    """
    total = x.shape[1]
    starts = [0]
    if how == "all":
        starts = [i for i in range(0, total, length) if i == 0 or 2 * (total - i) >= length]
    elif how == "onset":
        starts = onsets(x, rate) or starts
    elif how == "random":
        starts = [max(total - length, 0) // 2]
    ends = [min(start + length, total) for start in starts]
    return [
        faded(x[:, start:end], rate, begins=start > 0, ends=end < total)
        for start, end in zip(starts, ends, strict=True)
    ]


def faded(x: Samples, rate: int, begins: bool = True, ends: bool = True) -> Samples:
    """A copy that rises from and falls to silence within 2 ms."""
    out = x.copy()
    width = min(round(FADE * rate), x.shape[1] // 2)
    ramp = np.sin(np.arange(width, dtype=np.float32) * np.float32(np.pi / 2 / max(width, 1))) ** 2
    if begins:
        out[:, :width] *= ramp
    if ends:
        out[:, x.shape[1] - width :] *= ramp[::-1]
    return out


def padded(x: Samples, length: int, how: Literal["zero", "reflect", "drop"]) -> Samples | None:
    """Exactly ``length`` samples, of a longer one the first; None where a shorter one is dropped.

    Args:
        how: ``zero`` adds silence after it, ``reflect`` its mirror image, again and again.
    """
    short = length - x.shape[1]
    if short <= 0:
        return x[:, :length]
    if how == "drop":
        return None
    if how == "zero":
        return np.pad(x, ((0, 0), (0, short)))
    there_and_back = max(2 * (x.shape[1] - 1), 1)
    i = np.arange(length) % there_and_back
    return x[:, np.minimum(i, there_and_back - i)]


# --- Levels -------------------------------------------------------------------------------------


def check_loudness(value: object) -> float | str:
    """The setting, where it is one.

    Raises:
        GankitError: it is not peak, keep or a number from -70 to 0.
    """
    if value in ("peak", "keep"):
        return str(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and QUIETEST <= value <= 0:
        return float(value)
    raise GankitError(
        f"loudness={value}: not a level",
        f"Set peak, keep, or a loudness in LUFS from {QUIETEST:g} to 0, such as -23",
    )


def levelled(x: Samples, rate: int, loudness: float | str) -> Samples:
    """At the level asked for; silence stays silence.

    Args:
        loudness: ``keep``; ``peak``, the highest sample at -1 dB of full scale; or LUFS
            (ITU-R BS.1770-4), less where that would lift the peak above -1 dB.
    Raises:
        GankitError: another ``loudness``.
    """
    wanted = check_loudness(loudness)
    peak = float(np.abs(x).max())
    if wanted == "keep" or peak == 0:
        return x
    gain = PEAK / peak
    if not isinstance(wanted, str):
        gain = min(gain, 10 ** ((wanted - _loudness(x, rate, peak)) / 20))
    return (x * np.float64(gain)).astype(np.float32)


def _loudness(x: Samples, rate: int, peak: float) -> float:
    """LUFS; minus infinity where nothing of it can be heard.

    Measured with the peak at 0.25, since torchaudio's filters clip at 1, and so that the absolute
    gate leaves no quiet recording without a loudness. Twice the precision, for the high-pass at
    38 Hz is not steady in 32 bits at high rates.
    """
    scaled = x * np.float64(0.25 / peak)
    least = math.ceil(GATE * rate)
    scaled = np.tile(scaled, (1, -(-least // x.shape[1])))  # shorter than a block: repeated
    found = float(torchaudio.functional.loudness(torch.from_numpy(scaled), rate))
    return found + 20 * math.log10(peak / 0.25) if math.isfinite(found) else -math.inf
