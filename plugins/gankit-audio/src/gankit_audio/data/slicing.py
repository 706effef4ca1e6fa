"""Cuts recordings into clips: trimming, windows, padding, fading, levels."""

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
"""The highest sample of a levelled clip: 1 dB below full scale."""
FADE = 0.002
"""Seconds of the fade at a cut edge."""
BEFORE = 0.005
"""Seconds from the beginning of a window to its onset."""
SHORTEST = 0.05
"""Fewest seconds of sound after an onset, near the end of a recording."""


CUT, PADDED, OFFSET, CLIPPED = "cut", "padded", "offset", "clipped"
"""What is counted: recordings that were cut or padded, those with a DC offset, clipped ones."""
FULL, CLIPPED_RUNS = 0.99, 3
"""Level of clipped samples, and how often three in a row of the same value make a clipped
recording."""
NOTABLE_OFFSET = 0.01
"""Mean of a recording, relative to full scale, from which its DC offset is notable."""


@dataclass(frozen=True)
class Cut:
    """The parts of a recording that become clips.

    Attributes:
        pieces: float32 ``(channels, L)``: clips, or the whole recording if windows are random.
        starts: where each piece begins in the recording, in samples.
        windows: where each clip begins in its piece; ``(0,)`` unless windows are random.
        notes: what was skipped, and why.
        counts: what is to be counted of the recording: ``CUT`` and the like.
    """

    pieces: Sequence[Samples]
    starts: Sequence[int]
    windows: Sequence[Sequence[int]]
    notes: Sequence[str] = ()
    counts: Sequence[str] = ()


def cut(recording: Samples, rate: int, size: int, settings: AudioSettings, beyond: int = 0) -> Cut:
    """The clips of a recording by ``settings.slice``, ``pad``, ``loudness``, ``trim``, ``silent``.

    Every clip has ``size`` samples, all finite and within full scale. If windows are random, the
    whole recording is brought to the level.

    Args:
        recording: float32 ``(channels, L)``, L at least 1.
        beyond: samples after its end that were not decoded.

    Raises:
        UnusableError: silent.
    """
    counts = _doubts(recording)
    if settings.remove_dc:
        recording = recording - recording.mean(1, keepdims=True, dtype=np.float64).astype("f4")
    height = decibels(recording)
    if height < settings.silent:
        raise UnusableError(f"silent: {_level(height, settings.silent)}")
    start, end = trimmed(recording, rate, settings.trim)
    sound, total = recording[:, start:end], recording.shape[1] + beyond
    if settings.slice == "random":
        return _whole(sound, start, total, rate, size, settings, counts)

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
        notes.append(_short(size, rate))
    if total > size and settings.slice == "first":
        counts.append(CUT)
    if pieces and total < size:
        counts.append(PADDED)
    return Cut(pieces, starts, [(0,)] * len(pieces), notes, counts)


def _short(size: int, rate: int) -> str:
    return f"shorter than a clip of {size / rate:g} s (pad=drop)"


def _doubts(recording: Samples) -> list[str]:
    """What makes a recording doubtful: a DC offset, or several samples in a row at full scale."""
    found = []
    mean = float(np.abs(recording.mean(1)).max())
    if mean > NOTABLE_OFFSET and mean > 0.1 * float(recording.std()):
        found.append(OFFSET)
    if float(np.abs(recording).max()) >= FULL:
        same = (recording[:, 1:] == recording[:, :-1]) & (np.abs(recording[:, 1:]) >= FULL)
        if int((same[:, 1:] & same[:, :-1]).sum()) >= CLIPPED_RUNS:
            found.append(CLIPPED)
    return found


def _whole(
    sound: Samples,
    start: int,
    total: int,
    rate: int,
    size: int,
    settings: AudioSettings,
    counts: list[str],
) -> Cut:
    """The recording as one piece, covered by windows; the last one ends with the recording."""
    held = sound.shape[1]
    if held < size and settings.pad == "drop":
        return Cut([], [], [], [_short(size, rate)], counts)
    windows = [min(at, max(held - size, 0)) for at in range(0, held, size)]
    loud = [w for w in windows if decibels(sound[:, w : w + size]) >= settings.silent]
    notes = _silent(len(windows) - len(loud))
    edges = (start > 0, start + held < total)
    whole = _finished(sound, rate, max(size, held), edges, settings)
    counts += [PADDED] if held < size else []
    return Cut([whole], [start], [loud], notes, counts)


def _windows(sound: Samples, rate: int, size: int, settings: AudioSettings) -> Sequence[int]:
    held = sound.shape[1]
    if settings.slice == "first":
        return (0,)
    if settings.slice == "all":  # a remainder of at least half a clip is one
        return [at for at in range(0, held, size) if at == 0 or 2 * (held - at) >= size]
    lead, least = round(BEFORE * rate), round(SHORTEST * rate)
    found = [max(at - lead, 0) for at in onsets(sound, rate) if held - at >= least]
    return found or (0,)


def _finished(
    window: Samples, rate: int, size: int, edges: tuple[bool, bool], settings: AudioSettings
) -> Samples:
    """A window as a clip, with cut edges faded, and padded if it is short."""
    first, last = edges
    if window.shape[1] < size and settings.pad == "reflect":
        window, last = padded(window, size, "reflect"), True
    last = last or window.shape[1] < size  # silence follows
    window = faded(window, rate, first, last)
    return padded(levelled(window, rate, settings.loudness), size, "zero")


# --- Steps --------------------------------------------------------------------------------------


def decibels(samples: Samples) -> float:
    """The highest sample in dB relative to full scale; minus infinity for silence."""
    peak = float(np.abs(samples).max(initial=0.0))
    return 20 * math.log10(peak) if peak else -math.inf


def trimmed(recording: Samples, rate: int, below: float) -> tuple[int, int]:
    """Start and end of a recording without edges that are more than ``below`` dB under its peak, to
    10 ms; 0 trims nothing.
    """
    length = recording.shape[1]
    if not below:
        return 0, length
    step = max(rate // 100, 1)
    heights = np.maximum.reduceat(np.abs(recording).max(0), range(0, length, step))
    loud = np.flatnonzero(heights >= heights.max() * 10 ** (-below / 20))
    return int(loud[0]) * step, min((int(loud[-1]) + 1) * step, length)


def padded(samples: Samples, size: int, how: str) -> Samples:
    """Samples ``(channels, L)``, L at least 1, padded to ``size`` with silence (``zero``) or with
    their repeated mirror image (``reflect``).
    """
    missing = size - samples.shape[1]
    if missing <= 0:
        return samples
    if how == "zero":
        return np.pad(samples, ((0, 0), (0, missing)))
    return np.pad(samples, ((0, 0), (0, missing)), "reflect")


def faded(samples: Samples, rate: int, first: bool = True, last: bool = True) -> Samples:
    """Samples faded in and out along half a cosine.

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
    """``size`` samples from ``start`` on; edges inside the recording are faded."""
    end = start + size
    return faded(recording[:, start:end], rate, first=start > 0, last=end < recording.shape[1])


def levelled(samples: Samples, rate: int, wanted: float | str) -> Samples:
    """Samples at a level, one of the setting ``loudness``, within full scale."""
    out: Samples = np.clip(samples * np.float32(_gain(samples, rate, wanted)), -1, 1)
    return out


def _gain(samples: Samples, rate: int, wanted: float | str) -> float:
    """The factor for a level: ``keep``, ``peak`` or LUFS."""
    peak = float(np.abs(samples).max(initial=0.0))
    if wanted == "keep" or not peak:
        return 1.0
    if wanted == "peak":
        return PEAK / peak
    return min(10 ** ((float(wanted) - lufs(samples, rate)) / 20), PEAK / peak)


def _silent(windows: int) -> list[str]:
    if not windows:
        return []
    return ["some of its windows are silent"]


def _level(height: float, least: float) -> str:
    if height == -math.inf:
        return "every sample is zero"
    return f"its peak is below {least:g} dB of full scale"
