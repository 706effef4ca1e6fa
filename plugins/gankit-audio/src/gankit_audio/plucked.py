"""The built-in data: plucked strings, synthesised at once, so that the first minute needs no
download.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gankit.seeds import uniform
from gankit_audio.clips import LABEL, PITCH, Clip

RATE, SECONDS = 8_000, 1.0
EACH = 100
"""Clips of a note."""
_NAMES = "E3 G3 A3 C4 D4 E4 G4 A4 C5 D5 E5 G5"
NOTES = dict(zip(_NAMES.split(), (52, 55, 57, 60, 62, 64, 67, 69, 72, 74, 76, 79), strict=True))
"""Two octaves of a pentatonic scale, as MIDI note numbers."""
CENTS = 10.0
"""Most by which a string is out of tune; its ``pitch`` says so."""
TAPS = 7

Array = npt.NDArray[np.floating[Any]]


def plucked_strings() -> list[Clip]:
    """1,200 strings of 12 notes, mono, 1 s at 8,000 samples a second; the same every time.

    Each has a ``label``, the note it is meant to be, and a ``pitch``, the one it is.
    """
    clips: list[Clip] = []
    for note, midi in NOTES.items():
        seeds = np.arange(EACH) + len(clips)
        pitch = midi + CENTS / 100 * (2 * uniform(seeds, 0) - 1)
        for k, (samples, p) in enumerate(zip(_strings(seeds, pitch), pitch, strict=True)):
            values: dict[str, str | float] = {LABEL: note, PITCH: float(p)}
            clips.append(Clip(samples[None], RATE, values, f"plucked/{note}/{k:04}"))
    return clips


def _strings(seeds: npt.NDArray[np.int64], pitch: Array) -> npt.NDArray[np.float32]:
    """Strings of about one pitch, ``(N, T)``.

    Karplus and Strong (1983): a burst of noise runs round a delay line of one period and loses
    its high partials to a filter. As extended by Jaffe and Smith (1983), the delay has a fraction,
    for the strings to be in tune, and the burst depends on where and how softly it is plucked.
    """
    n, length = len(seeds), round(RATE * SECONDS)

    def drawn(stream: int, low: float, high: float) -> Array:
        return low + (high - low) * uniform(seeds, stream)

    hertz = 440 * 2 ** ((pitch - 69) / 12)
    period = RATE / hertz
    seconds = drawn(1, 0.4, 2.0)  # in which the level falls by 60 dB
    dull = drawn(2, 0.04, 1.0)
    place, soft = drawn(3, 0.1, 0.5), drawn(4, 0.0, 0.25)

    # The burst, by its partials: those with a node where it is plucked are missing.
    width = int(period.min())
    partial = np.arange(width // 2 + 1)[:, None]
    phase = np.stack([uniform(seeds, 10 + k) for k in range(len(partial))])
    size = np.abs(np.sin(np.pi * partial * place)) * np.exp(-soft * partial)
    burst = np.fft.irfft(size * np.exp(2j * np.pi * phase), width, axis=0)

    # The loop: y[t] = burst[t] + sum over k of taps[k] y[t - delay - k]. Its filters delay by 2
    # samples and a fraction. High strings have more periods a second, so each loses less.
    whole = np.floor(period).astype(int) - 2
    delay = int(whole.min())
    gain = 10 ** (-3 * period / (RATE * seconds))
    side = 0.25 * dull * np.minimum((165 / hertz) ** 2, 1)
    taps = gain * _taps(period - np.floor(period), side, whole - delay)

    # As many samples at a time as do not depend on each other.
    lead = delay + TAPS
    y = np.zeros((lead + length, n), np.float32)
    y[lead : lead + width] = burst
    rows = taps.astype(np.float32)
    for start in range(lead, len(y), delay):
        stop = min(start + delay, len(y))
        for k in range(TAPS):
            y[start:stop] += rows[k] * y[start - delay - k : stop - delay - k]

    # A clip begins within 10 ms, and ends without a click.
    after = (0.01 * RATE * uniform(seeds, 5)).astype(int)
    out = np.zeros((n, length), np.float32)
    for i, skip in enumerate(after):
        out[i, skip:] = y[lead : lead + length - skip, i]
    out[:, -80:] *= np.linspace(1, 0, 80, dtype=np.float32)
    level = 10 ** (drawn(6, -15, -1) / 20)
    out *= (level / np.abs(out).max(1))[:, None].astype(np.float32)
    return out


def _taps(fraction: Array, side: Array, later: npt.NDArray[np.int64]) -> Array:
    """Two filters in one, ``(TAPS, N)``: three symmetric taps that take off high partials (a delay
    of 1), and Lagrange's four for a delay of 1 + ``fraction`` (Laakso et al. 1996), whose gain
    stays below 1; then ``later`` (0 or 1) samples more.
    """
    d = 1 + fraction
    lagrange = np.stack(
        [
            -(d - 1) * (d - 2) * (d - 3) / 6,
            d * (d - 2) * (d - 3) / 2,
            -d * (d - 1) * (d - 3) / 2,
            d * (d - 1) * (d - 2) / 6,
        ]
    )
    taps = np.zeros((TAPS, len(d)))
    for k, weight in enumerate((side, 1 - 2 * side, side)):
        taps[k : k + 4] += weight * lagrange
    return np.where(later > 0, np.roll(taps, 1, 0), taps)
