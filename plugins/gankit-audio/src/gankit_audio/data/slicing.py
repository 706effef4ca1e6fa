"""From a recording to clips: trimmed, cut, padded, faded, and brought to a level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gankit_audio.data.files import UnusableError
from gankit_audio.data.loudness import lufs
from gankit_audio.data.onsets import onsets

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples
    from gankit_audio.settings import AudioSettings

PEAK = 10 ** (-1 / 20)
"""The highest sample of a clip that is brought to a level: 1 dB below full scale."""
FADE = 0.002
"""Seconds over which a cut edge is faded."""
BEFORE = 0.005
"""Seconds before an onset at which its window begins."""
SHORTEST = 0.05
"""Seconds of sound that the window of an onset has at least, at the end of a recording."""


@dataclass(frozen=True)
class Cut:
    """What is kept of a recording.

    Attributes:
        pieces: float32 ``(channels, L)`` each: clips, or the whole of it where windows are random.
        starts: where in the recording each piece begins, in samples.
        windows: where in its piece each clip begins; ``(0,)`` unless windows are random.
        notes: what was left out of it, and why.
    """

    pieces: Sequence[Samples]
    starts: Sequence[int]
    windows: Sequence[Sequence[int]]
    notes: Sequence[str] = ()


def cut(recording: Samples, rate: int, size: int, settings: AudioSettings, beyond: int = 0) -> Cut:
    """The clips of a recording by ``settings.slice``, ``pad``, ``loudness``, ``trim``, ``silent``.

    Every clip has ``size`` samples, all finite, none beyond full scale. Where windows are random,
    the level is that of the whole recording.

    Args:
        recording: float32 ``(channels, L)``, L at least 1.
        beyond: samples that follow it and were not decoded.

    Raises:
        UnusableError: nothing but silence.
    """
    height = decibels(recording)
    if height < settings.silent:
        raise UnusableError(f"silent: {_level(height)}")
    start, end = trimmed(recording, rate, settings.trim)
    sound, total = recording[:, start:end], recording.shape[1] + beyond
    if settings.slice == "random":
        return _whole(sound, start, total, rate, size, settings)

    pieces, starts, silent, short = [], [], 0, 0
    for at in _windows(sound, rate, size, settings):
        window = sound[:, at : at + size]
        if window.shape[1] < size and settings.pad == "drop":
            short += 1
        elif decibels(window) < settings.silent:
            silent += 1
        else:
            edges = (start + at > 0, start + at + window.shape[1] < total)
            pieces.append(_finished(window, rate, size, edges, settings))
            starts.append(start + at)
    notes = _silent(silent)
    if short and not pieces:
        notes.append(f"{sound.shape[1] / rate:.2f} s are shorter than a clip of {size / rate:g} s")
    return Cut(pieces, starts, [(0,)] * len(pieces), notes)


def _whole(
    sound: Samples, start: int, total: int, rate: int, size: int, settings: AudioSettings
) -> Cut:
    """The recording as one piece, with windows that cover it: the last one ends where it ends."""
    held = sound.shape[1]
    if held < size and settings.pad == "drop":
        return Cut(
            [], [], [], [f"{held / rate:.2f} s are shorter than a clip of {size / rate:g} s"]
        )
    windows = [min(at, max(held - size, 0)) for at in range(0, held, size)]
    loud = [w for w in windows if decibels(sound[:, w : w + size]) >= settings.silent]
    notes = _silent(len(windows) - len(loud))
    edges = (start > 0, start + held < total)
    whole = _finished(sound, rate, max(size, held), edges, settings)
    return Cut([whole], [start], [loud], notes)


def _windows(sound: Samples, rate: int, size: int, settings: AudioSettings) -> Sequence[int]:
    held = sound.shape[1]
    if settings.slice == "first":
        return (0,)
    if settings.slice == "all":  # what remains at the end is a clip if it fills half of one
        return [at for at in range(0, held, size) if at == 0 or 2 * (held - at) >= size]
    lead, least = round(BEFORE * rate), round(SHORTEST * rate)
    found = [max(at - lead, 0) for at in onsets(sound, rate) if held - at >= least]
    return found or (0,)


def _finished(
    window: Samples, rate: int, size: int, edges: tuple[bool, bool], settings: AudioSettings
) -> Samples:
    """A window as a clip: what was cut is faded, what is short is padded."""
    first, last = edges
    if window.shape[1] < size and settings.pad == "reflect":
        window, last = padded(window, size, "reflect"), True
    last = last or window.shape[1] < size  # silence follows
    window = faded(window, rate, first, last)
    return padded(levelled(window, rate, settings.loudness), size, "zero")


# --- The parts ----------------------------------------------------------------------------------


def decibels(samples: Samples) -> float:
    """The highest sample, in decibels of full scale; minus infinity for silence."""
    peak = float(np.abs(samples).max(initial=0.0))
    return 20 * math.log10(peak) if peak else -math.inf


def trimmed(recording: Samples, rate: int, below: float) -> tuple[int, int]:
    """Where a recording begins and ends, but for what lies more than ``below`` decibels under its
    peak, to 10 ms; 0 trims nothing.
    """
    length = recording.shape[1]
    if not below:
        return 0, length
    step = max(rate // 100, 1)
    heights = np.maximum.reduceat(np.abs(recording).max(0), range(0, length, step))
    loud = np.flatnonzero(heights >= heights.max() * 10 ** (-below / 20))
    return int(loud[0]) * step, min((int(loud[-1]) + 1) * step, length)


def padded(samples: Samples, size: int, how: str) -> Samples:
    """Samples ``(channels, L)``, L at least 1, with silence (``zero``) or their mirror image, as
    often as it takes (``reflect``), up to ``size``.
    """
    lacking = size - samples.shape[1]
    if lacking <= 0:
        return samples
    if how == "zero":
        return np.pad(samples, ((0, 0), (0, lacking)))
    return np.pad(samples, ((0, 0), (0, lacking)), "reflect")


def faded(samples: Samples, rate: int, first: bool = True, last: bool = True) -> Samples:
    """Samples with edges that rise from silence, or fall to it, along half a cosine.

    Args:
        first: whether to fade the beginning.
        last: whether to fade the end.
    """
    n = min(round(FADE * rate), samples.shape[1] // 2)
    if not n or not (first or last):
        return samples
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)
    samples = samples.copy()
    if first:
        samples[:, :n] *= rise
    if last:
        samples[:, -n:] *= rise[::-1]
    return samples


def window(recording: Samples, rate: int, start: int, size: int) -> Samples:
    """``size`` samples from ``start`` on; an edge that is cut within the recording is faded."""
    end = start + size
    return faded(recording[:, start:end], rate, first=start > 0, last=end < recording.shape[1])


def levelled(samples: Samples, rate: int, wanted: float | str) -> Samples:
    """Samples at a level, as the setting ``loudness`` has it, within full scale."""
    out: Samples = np.clip(samples * np.float32(_gain(samples, rate, wanted)), -1, 1)
    return out


def _gain(samples: Samples, rate: int, wanted: float | str) -> float:
    """The factor that brings samples to a level: ``keep``, ``peak`` or LUFS."""
    peak = float(np.abs(samples).max(initial=0.0))
    if wanted == "keep" or not peak:
        return 1.0
    if wanted == "peak":
        return PEAK / peak
    return min(10 ** ((float(wanted) - lufs(samples, rate)) / 20), PEAK / peak)


def _silent(windows: int) -> list[str]:
    if not windows:
        return []
    return [f"{windows:,} windows of it are silent" if windows > 1 else "a window of it is silent"]


def _level(height: float) -> str:
    if height == -math.inf:
        return "every sample is zero"
    return f"its highest sample lies at {height:.0f} dB of full scale"
