"""Pictures of clips: log-mel spectrograms in colour, waveforms, and grids of both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torchaudio.functional import melscale_fbanks

from gankit_audio.data.clips import LABEL, Clip

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

WIDE, HIGH, STRIP = 160, 80, 24
"""Width and height of a spectrogram, and height of the waveform below it, in pixels."""
MELS = 80
RANGE = 70.0
"""Dynamic range in decibels, below the loudest point of all clips."""
GAP, LINE = 8, 14
PAPER, INK, FAINT = (255, 255, 255), (40, 40, 48), (120, 120, 132)

ANCHORS = (
    (6, 11, 24), (31, 23, 79), (72, 26, 117), (119, 29, 137), (168, 36, 138), (210, 55, 126),
    (242, 88, 108), (255, 130, 100), (254, 173, 120), (248, 211, 167), (251, 243, 221),
)  # fmt: skip
"""Colours from silence to the loudest: CIE lightness 3 to 96 in even steps, hue from blue over red
to yellow, so that they are distinct in greyscale and for colour-blind people."""


def palette() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The 256 colours, (256, 3)."""
    at, anchors = np.linspace(0, len(ANCHORS) - 1, 256), np.array(ANCHORS, float)
    channels = [np.interp(at, np.arange(len(ANCHORS)), channel) for channel in anchors.T]
    return np.asarray(np.rint(np.stack(channels, 1)), np.uint8)


def spectrograms(clips: Sequence[Clip]) -> list[Image.Image]:
    """Log-mel spectrograms of ``WIDE`` by ``HIGH`` pixels, low frequencies at the bottom, on one
    scale of decibels.
    """
    powers = [_mel_power(clip.samples, clip.rate) for clip in clips]
    loudest = max((float(p.max()) for p in powers), default=0.0)
    return [_coloured(p / max(loudest, 1e-12)) for p in powers]


def _mel_power(samples: Samples, rate: int) -> np.ndarray[Any, Any]:
    """Power by mel band and frame, (MELS, F)."""
    mono = torch.from_numpy(np.ascontiguousarray(samples.mean(0)))
    # A window of about 30 ms, padded to twice its length, so that narrow bands have a bin.
    window = 2 ** round(math.log2(0.032 * rate))
    n_fft = 4 * window if rate > 32_000 else 2 * window
    hop = max(1, min(window // 2, len(mono) // WIDE))
    spectrum = torch.stft(
        mono,
        n_fft,
        hop,
        window,
        torch.hann_window(window),
        pad_mode="constant",
        return_complex=True,
    )
    bands = melscale_fbanks(n_fft // 2 + 1, 0.0, rate / 2, MELS, rate)
    return np.asarray(bands.T @ spectrum.abs().square())


def _coloured(power: np.ndarray[Any, Any]) -> Image.Image:
    decibels = 10 * np.log10(np.maximum(power, 1e-12))
    level = np.clip(1 + decibels / RANGE, 0, 1).astype(np.float32)
    picture = Image.fromarray(level[::-1]).resize((WIDE, HIGH), Image.Resampling.BOX)
    indices = np.rint(np.asarray(picture) * 255).astype(np.uint8)
    coloured = Image.frombytes("P", picture.size, indices.tobytes())
    coloured.putpalette(palette().tobytes())
    return coloured


def envelope(samples: Samples, columns: int) -> np.ndarray[Any, Any]:
    """Lowest and highest sample in each of ``columns`` equal parts, (2, columns)."""
    mono = samples.mean(0)
    edges = np.linspace(0, len(mono), columns + 1).astype(int)[:-1]
    edges = np.minimum(edges, len(mono) - 1)
    return np.stack([np.minimum.reduceat(mono, edges), np.maximum.reduceat(mono, edges)])


def caption(clip: Clip) -> str:
    """A clip's label, or its values."""
    if clip.label is not None:
        return clip.label
    return ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in clip.values.items()
        if key != LABEL
    )


def columns(clips: Sequence[Clip]) -> int:
    """Clips per row: the period of the labels if they repeat (0…9, 0…9), so that a column has one
    class; otherwise about a square.
    """
    labels = [clip.label for clip in clips]
    period = len(set(labels))
    cyclic = all(label == labels[i % period] for i, label in enumerate(labels))
    if cyclic and 1 < period <= 12 and period < len(labels):
        return period
    return min(len(clips), max(1, min(8, round(math.sqrt(len(clips))))))


def grid(parts: Sequence[tuple[str, Sequence[Clip]]], across: int) -> Image.Image:
    """Clips with spectrogram, waveform and caption, in titled parts below each other."""
    step_x, step_y = WIDE + GAP, HIGH + STRIP + LINE + GAP
    heights = [2 * LINE + -(-len(clips) // across) * step_y for _, clips in parts]
    picture = Image.new("RGB", (across * step_x + GAP, sum(heights) + GAP), PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(11)
    shown = iter(spectrograms([clip for _, clips in parts for clip in clips]))
    below = GAP
    for (title, clips), height in zip(parts, heights, strict=True):
        pen.text((GAP, below), title, INK, ImageFont.load_default(13))
        for i, clip in enumerate(clips):
            x, y = GAP + i % across * step_x, below + 2 * LINE - 4 + i // across * step_y
            picture.paste(next(shown).convert("RGB"), (x, y))
            middle, reach = y + HIGH + STRIP / 2, STRIP / 2 - 1
            for column, (low, high) in enumerate(np.clip(envelope(clip.samples, WIDE), -1, 1).T):
                ends = (x + column, middle - high * reach, x + column, middle - low * reach)
                pen.line(ends, INK)
            text = _printable(caption(clip))
            while text and pen.textlength(text, font) > WIDE:
                text = text[:-1]
            pen.text((x, y + HIGH + STRIP), text, FAINT, font)
        below += height
    return picture


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:60]
