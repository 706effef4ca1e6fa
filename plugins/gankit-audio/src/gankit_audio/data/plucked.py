"""The built-in data: plucked strings of a dozen notes, synthesised on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gankit_audio.data.clips import LABEL, PITCH, Clip

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

    Floats = np.ndarray[Any, np.dtype[np.float64]]

RATE = 8000
SECONDS = 1.0
EACH = 100
"""Clips per note."""
NOTES = {
    "A2": 45,
    "C3": 48,
    "D3": 50,
    "E3": 52,
    "G3": 55,
    "A3": 57,
    "C4": 60,
    "D4": 62,
    "E4": 64,
    "G4": 67,
    "A4": 69,
    "C5": 72,
}
"""A pentatonic scale with its MIDI note numbers: 110 to 523 Hz."""
LICENCE = "synthesised by gankit; no rights are reserved"


def plucked() -> list[Clip]:
    """``EACH`` clips of every note, mono, with ``label`` and ``pitch``; always the same."""
    clips = []
    for number, (note, pitch) in enumerate(NOTES.items()):
        sounds = strings(pitch, EACH, np.random.default_rng(number))
        values: dict[str, str | float] = {LABEL: note, PITCH: float(pitch)}
        clips += [Clip(sound[None], RATE, values, f"{note} {i}") for i, sound in enumerate(sounds)]
    return clips


def strings(pitch: float, count: int, rng: np.random.Generator) -> Samples:
    """Plucked strings of one pitch, float32 ``(count, T)``.

    A string is a delay line of one period, filled with noise, with feedback through a low-pass
    filter (Karplus and Strong 1983). As in Jaffe and Smith 1983, the plucked position combs the
    noise, a soft pick smooths it, and a fractional delay keeps it in tune. Tuning (±5 cents),
    position, softness, brightness, decay and loudness vary.
    """
    length = round(RATE * SECONDS)
    cents = rng.uniform(-5, 5, count)
    hertz = 440 * 2 ** ((pitch - 69 + cents / 100) / 12)
    place, softness = rng.uniform(0.08, 0.5, count), rng.uniform(0.0, 0.7, count)
    damping = np.exp(rng.uniform(1.1, 3.4, count)) / hertz  # e^-3 to e^-30 per second at 2 kHz
    seconds = np.exp(rng.uniform(0.0, 2.0, count))  # to decay by 60 dB
    level = 10 ** (rng.uniform(-18, -1, count) / 20)
    taps, period = _loop(RATE / hertz, damping)
    taps *= 10 ** (-3 / (hertz * seconds))[:, None]

    noise = rng.uniform(-1, 1, (count, period + taps.shape[1] - 1))
    for _ in range(2):
        noise += softness[:, None] * (np.roll(noise, 1, 1) - noise)
    at = np.maximum((place * noise.shape[1]).round().astype(int), 1)
    columns = (np.arange(noise.shape[1]) - at[:, None]) % noise.shape[1]
    noise -= np.take_along_axis(noise, columns, 1)
    noise -= noise.mean(1, keepdims=True)

    lead = noise.shape[1]
    string = np.zeros((count, lead + length))
    string[:, :lead] = noise
    for start in range(lead, lead + length, period):  # almost a period at a time
        n = min(period, lead + length - start)
        for tap in range(taps.shape[1]):
            before = start - period - tap
            string[:, start : start + n] += taps[:, tap, None] * string[:, before : before + n]
    sounds = string[:, lead:]
    peak = np.abs(sounds).max(1, keepdims=True)
    return np.asarray(sounds / peak * level[:, None], np.float32)


def _loop(exact: Floats, damping: Floats) -> tuple[Floats, int]:
    """The loop's filters ``(count, taps)``, and the delay of their first tap.

    Each is a low-pass filter (d/2, 1 - d, d/2), delayed by ``exact`` samples by Lagrange
    interpolation through six; between the middle two, no frequency is amplified.
    """
    whole = np.floor(exact).astype(int)
    first = int(whole.min()) - 3
    taps = np.zeros((len(exact), int(whole.max()) - first + 5))
    rows, nodes = np.arange(len(exact)), range(-2, 4)
    for node in nodes:
        share = np.prod([(exact - whole - m) / (node - m) for m in nodes if m != node], 0)
        for shift, weight in ((-1, damping / 2), (0, 1 - damping), (1, damping / 2)):
            taps[rows, whole - first + node + shift] += share * weight
    return taps, first
