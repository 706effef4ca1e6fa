"""The built-in data: plucked strings, synthesised at once (Karplus & Strong 1983)."""

from __future__ import annotations

import numpy as np

from gankit_audio.clips import LABEL, PITCH, Clip
from gankit_audio.pitch import note_name

RATE = 8_000
EACH = 100
"""Clips of each note."""
NOTES = range(52, 64)
"""E3 to D♯4, as MIDI note numbers."""
DETUNED = 0.1
"""Most semitones that a string is out of tune."""


def plucked_strings() -> list[Clip]:
    """1,200 clips of a second, mono; ``label`` names the note, ``pitch`` says what it is exactly.

    A string is noise in a delay line whose length is its period. Each time round, two neighbours
    are averaged, which damps high partials first: here with weights that differ from string to
    string. A fractional part of the period is made up by reading between two samples.
    """
    rng = np.random.default_rng(0)
    notes = np.repeat(np.array(NOTES), EACH)
    n = len(notes)
    pitch = notes + rng.uniform(-DETUNED, DETUNED, n)
    period = RATE / (440 * 2 ** ((pitch - 69) / 12))
    bright = rng.uniform(0.08, 0.5, n)  # weight of the older neighbour: 0.5 is the mellowest
    decay = rng.uniform(0.975, 0.998, n)
    # The average delays by its weight; the rest of the period is whole samples and a fraction.
    rest = period - bright
    whole = np.floor(rest).astype(int)
    part = rest - whole
    longest = whole.max() + 3
    out = np.zeros((n, RATE + longest), np.float32)

    noise = rng.uniform(-1, 1, (n, longest)).astype(np.float32)
    width = np.maximum((rng.uniform(0.3, 1.0, n) * whole).astype(int), 2)
    burst = np.where(np.arange(longest) < width[:, None], noise, 0)
    # Where the string is plucked, partials with a node there are missing: a comb.
    place = (rng.uniform(0.1, 0.5, n) * whole).astype(int)
    rows = np.arange(n)
    for k in range(longest):
        earlier = np.where(k >= place, burst[rows, np.maximum(k - place, 0)], 0)
        out[:, longest + k] = burst[:, k] - 0.8 * earlier
    a, b = (decay * (1 - bright)).astype(np.float32), (decay * bright).astype(np.float32)
    near, far = (1 - part).astype(np.float32), part.astype(np.float32)
    flat = out.reshape(-1)
    at = rows * out.shape[1] - whole
    for t in range(longest, out.shape[1]):
        x0, x1, x2 = flat[at + t], flat[at + t - 1], flat[at + t - 2]
        out[:, t] += a * (near * x0 + far * x1) + b * (near * x1 + far * x2)
    sound = out[:, longest:]
    sound = sound - sound.mean(1, keepdims=True)
    fade = np.minimum(1, (RATE - np.arange(RATE)) / (0.05 * RATE)).astype(np.float32)
    level = rng.uniform(0.5, 1.0, n).astype(np.float32)
    sound = sound * fade * (level / np.abs(sound).max(1))[:, None]
    return [
        Clip(
            sound[i, None],
            RATE,
            {LABEL: note_name(int(notes[i])), PITCH: float(pitch[i])},
            f"{note_name(int(notes[i]))}/{i:04d}",
        )
        for i in range(n)
    ]
