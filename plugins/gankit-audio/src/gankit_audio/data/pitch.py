"""Fundamental frequencies as MIDI note numbers: measured in clips, or read from labels."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from torchaudio.functional import resample

LOWEST, HIGHEST = 50.0, 2100.0
"""Range of fundamental frequencies, in hertz."""

FRAME = 4 / LOWEST
"""Seconds of a frame: four times the longest period."""

BLOCK = 32
"""Clips measured at once."""

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_NOTE = re.compile(r"([a-g])(#|♯|b|♭)?(-?\d)", re.IGNORECASE)
_NUMBER = re.compile(r"(midi[ _-]?)?(\d+(?:\.\d+)?)", re.IGNORECASE)
_HERTZ = re.compile(r"(\d+(?:\.\d+)?) ?(k?)hz", re.IGNORECASE)


# --- Names --------------------------------------------------------------------------------------


def note_number(text: str) -> float | None:
    """The MIDI note number of a label such as ``A#3``, ``Bb3``, ``69``, ``midi69`` or ``440Hz``;
    None if it is not a pitch.

    C4 is 60, A4 is 69 and 440 Hz. Plain numbers are notes from 21 (the lowest key of a piano,
    27.5 Hz) to 127, so that classes ``0`` to ``9`` are not; after ``midi``, from 0.
    """
    text = text.strip()
    if found := _NOTE.fullmatch(text):
        letter, accidental, octave = found.groups()
        step = {"#": 1, "♯": 1, "b": -1, "B": -1, "♭": -1}.get(accidental or "", 0)
        number = float(_NAMES.index(letter.upper()) + step + 12 * (int(octave) + 1))
        return number if 0 <= number <= 127 else None
    if found := _HERTZ.fullmatch(text):
        hertz = float(found[1]) * (1000 if found[2] else 1)
        return midi_of(hertz) if hertz > 0 else None
    if found := _NUMBER.fullmatch(text):
        number = float(found[2])
        return number if (0 if found[1] else 21) <= number <= 127 else None
    return None


def note_name(midi: float) -> str:
    """The nearest note of equal temperament: ``A4`` for 69."""
    nearest = math.floor(midi + 0.5)
    return f"{_NAMES[nearest % 12]}{nearest // 12 - 1}"


def midi_of(hertz: float) -> float:
    """MIDI note number of a frequency above 0."""
    return 69 + 12 * math.log2(hertz / 440)


# --- Measuring ----------------------------------------------------------------------------------


def measure_pitch(
    samples: npt.NDArray[Any] | Tensor, rate: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Fundamental frequencies of clips between 50 and 2100 Hz, with confidences.

    The pitch of a frame is the first high peak of its normalised autocorrelation (McLeod and Wyvill
    2005), with band-limited interpolation between samples; the pitch of a clip is the median over
    frames, weighted by energy. The confidence is the mean periodicity of loud frames times the
    share of them within half a semitone of the median: 1 for a steady tone, near 0 for noise, low
    for a glide.

    Args:
        samples: ``(N, T)``, or ``(N, channels, T)``, which are mixed down; full scale is 1.
        rate: samples per second, at least 4000.

    Returns:
        MIDI note numbers ``(N,)``, NaN for aperiodic clips, and confidences in [0, 1].
    """
    x = torch.as_tensor(samples, dtype=torch.float32)
    if x.ndim == 3:
        x = x.mean(1)
    midi, confidence = np.full(len(x), np.nan), np.zeros(len(x))
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        block, at = x[rows], rate
        if rate > 16_000:
            ratio = Fraction(16_000, rate).limit_denominator(500)
            block = resample(block, ratio.denominator, ratio.numerator)
            at = round(rate * ratio)
        midi[rows], confidence[rows] = _measure(block, at)
    return midi, confidence


def _measure(x: Tensor, rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    x = F.pad(x, (0, max(0, 16 - x.shape[1])))
    size = min(round(FRAME * rate), x.shape[1])
    frames = x.unfold(1, size, size // 2)
    frames = frames - frames.mean(2, keepdim=True)
    energy = frames.square().mean(2).double().numpy()
    # Frames far below the loudest one hold reverberation or noise.
    energy[energy < np.maximum(1e-3 * energy.max(1, keepdims=True), 1e-10)] = 0.0
    notes, peak = _notes(frames, rate)
    weight = np.where(np.isnan(notes), 0.0, energy)
    middle = _weighted_median(np.nan_to_num(notes), weight * peak**4)
    agree = np.abs(notes - middle[:, None]) < 0.5
    # Loud frames without a pitch lower the confidence.
    sure = np.where(agree, weight * peak, 0.0).sum(1) / np.maximum(energy.sum(1), 1e-12)
    return np.where(weight.any(1), middle, np.nan), sure


def _weighted_median(
    values: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    order = np.argsort(values, axis=1)
    total = np.take_along_axis(weight, order, 1).cumsum(1)
    place = (total >= total[:, -1:] / 2).argmax(1)
    found: npt.NDArray[np.float64] = values[
        np.arange(len(values)), order[np.arange(len(order)), place]
    ]
    return found


def _notes(frames: Tensor, rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """MIDI numbers, NaN without a peak, and the peak's height, of frames ``(N, K, size)``."""
    size = frames.shape[2]
    up = max(1, math.ceil(32_000 / rate))
    longest = min(math.ceil(rate / LOWEST) + 1, size // 2)
    shortest = max(1, math.floor(up * rate / HIGHEST))
    n = 1 << (size + longest - 1).bit_length()
    power = torch.fft.rfft(frames, n).abs().square()
    power[..., -1] /= 2  # zero-padding splits the Nyquist bin in two
    same = torch.fft.irfft(power, n * up)[..., : longest * up + 1] * up
    # 2 r(τ) over the energy of the two stretches that overlap at lag τ: 1 where they are equal.
    squares = F.pad(frames.square().cumsum(2), (1, 0))
    lags = torch.arange(longest + 1)
    both = squares[..., size - lags] + squares[..., -1:] - squares[..., lags]
    if up > 1:
        both = F.interpolate(
            both.flatten(0, 1)[None], size=longest * up + 1, mode="linear", align_corners=True
        )[0].view(*both.shape[:2], -1)
    found = 2 * same / both.clamp_min(1e-12)

    # The maximum at lag 0, which extends to the first zero crossing, does not count.
    beyond = (found < 0).cumsum(-1) > 0
    inner = found[..., 1:-1]
    is_peak = (inner >= found[..., :-2]) & (inner > found[..., 2:]) & beyond[..., 1:-1]
    is_peak[..., : shortest - 1] = False
    heights = torch.where(is_peak, inner, torch.zeros(()))
    highest = heights.amax(-1, keepdim=True)
    # Multiples of the period have peaks as high, so the first high peak counts.
    chosen = (heights >= 0.9 * highest).int().argmax(-1, keepdim=True)
    left, centre, right = (found.gather(-1, chosen + k) for k in range(3))
    bend = left - 2 * centre + right
    shift = torch.where(bend < 0, 0.5 * (left - right) / bend, torch.zeros(())).clamp(-0.5, 0.5)
    lag = (chosen + 1 + shift).squeeze(-1).double().numpy()
    peak = highest.squeeze(-1).double().numpy()
    notes = np.where(peak > 0, 69 + 12 * np.log2(up * rate / lag / 440), np.nan)
    return notes, np.clip(peak, 0.0, 1.0)
