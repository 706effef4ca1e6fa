"""The invisible watermark of images: noise in their brightness, stronger where there is texture."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image

from gankit.contract import WatermarkSearch
from gankit.errors import GankitError
from gankit.kit.watermarks import Array, decibels_for, pattern, repeated, score
from gankit_image.data.decoding import UndecodableError, decode

if TYPE_CHECKING:
    from gankit_image.data.images import Image

SMALLEST = 128
"""Pixels of the shorter side."""
PERIOD = (64, 64)
LOW, HIGH = 0.06, 0.35
"""Cycles per pixel: below, pictures are strongest; above, JPEG and resizing leave little."""
TARGET = 20.0
LEAST, MOST = 38.0, 46.0
"""PSNR of the mark in dB: as high as gives the target score, within these bounds."""
THRESHOLD = 6.0
"""The score from which on a picture counts as marked."""
SIDES = (128, 256, 512, 1024)
"""Pixels of the longer side to which the detector scales a picture, besides its own size."""
LARGEST = 1024
"""Pixels of each side that the detector looks at, in the middle."""
MAX_PIXELS = 100_000_000
"""Of a picture that is decoded."""
MEASURED = (
    "measured at 128 pixels: 1 of 2,400 unmarked pictures and none of 2,400 with another key "
    "reached 6; marked ones did in 95 % after JPEG at quality 50"
)
"""How often the detector is wrong, by ``benchmarks/watermark.py``."""
_LUMA = np.array([0.299, 0.587, 0.114])


def mark(image: Image, key: bytes) -> Image:
    """The same image with the mark.

    Raises:
        GankitError: it is too small, or of another kind than 8-bit grey, RGB or RGBA.
    """
    pixels = image.pixels
    height, width, channels = pixels.shape
    if min(height, width) < SMALLEST:
        raise GankitError(
            f"images of {width}×{height} are too small for a watermark",
            f"It needs {SMALLEST} pixels a side; leave it out",
        )
    if pixels.dtype != np.uint8 or image.bands or channels not in (1, 3, 4):
        raise GankitError(
            "a watermark is for images of 8 bits in grey or colour", "Leave it out for these"
        )
    cover, period = _brightness(pixels), _period(key)
    added = np.clip(0.6 + _deviation(cover) / 15, None, 2.5) * repeated(period, cover.shape)
    added *= 255 / np.sqrt((added**2).mean())
    at = 44.0
    reached = score(_whitened(cover + added / 10 ** (at / 20)), [period])
    added /= 10 ** (decibels_for(reached, TARGET, at, LEAST, MOST) / 20)
    marked = pixels.copy()
    colours = slice(0, 3 if channels > 1 else 1)
    summed = pixels[..., colours] + added[..., None]
    marked[..., colours] = np.clip(np.rint(summed), 0, 255).astype(np.uint8)
    return dataclasses.replace(image, pixels=marked)


def find(pixels: Array, key: bytes) -> float:
    """The score of a picture ``(H, W, C)``, mirrored or not, at several sizes."""
    middle = tuple(slice(max(0, (n - LARGEST) // 2), (n + LARGEST) // 2) for n in pixels.shape[:2])
    found = [_score(_brightness(pixels[middle]), key)]
    longest = max(pixels.shape[:2])
    if longest <= LARGEST * 2:
        cover = PIL.Image.fromarray(_brightness(pixels).astype(np.float32))
        for side in SIDES:
            if side != longest and 0.45 < side / longest < 2.3:
                size = [max(1, round(n * side / longest)) for n in cover.size]
                scaled = cover.resize((size[0], size[1]), PIL.Image.Resampling.BICUBIC)
                found.append(_score(np.asarray(scaled, np.float64), key))
    return max(found)


def search(content: bytes, key: bytes) -> WatermarkSearch | None:
    """What there is of the mark in a picture's file; None for what is no picture of 8 bits."""
    try:
        pixels = decode(content, MAX_PIXELS)
    except (UndecodableError, OSError):
        return None
    if pixels.dtype != np.uint8 or pixels.shape[2] not in (1, 3, 4):
        return None
    return WatermarkSearch(find(pixels, key), THRESHOLD, MEASURED)


def _score(cover: Array, key: bytes) -> float:
    if min(cover.shape) < PERIOD[0] // 2:
        return 0.0
    period = _period(key)
    mirrored = [period[::i, ::j] for i in (1, -1) for j in (1, -1)]
    return score(_whitened(cover), mirrored)


@functools.lru_cache(maxsize=8)
def _period(key: bytes) -> Array:
    return pattern(key, PERIOD, LOW, HIGH)


def _brightness(pixels: Array) -> Array:
    """``(H, W)``, 0 to 255."""
    values = pixels.astype(np.float64)
    found: Array = values[..., :3] @ _LUMA if pixels.shape[2] >= 3 else values[..., 0]
    return found


def _whitened(cover: Array) -> Array:
    """What a picture has in the band, high frequencies raised and local contrast evened out."""
    height, width = cover.shape
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    weight = ((radius >= LOW) & (radius <= HIGH)) * np.minimum(radius * 10, 3)
    inside = np.fft.irfft2(np.fft.rfft2(cover) * weight, s=(height, width))
    evened: Array = inside / (np.sqrt(np.maximum(_mean(inside**2, 9), 0)) + 0.5)
    return evened


def _deviation(cover: Array) -> Array:
    """The local standard deviation."""
    found: Array = np.sqrt(np.maximum(_mean(cover**2, 7) - _mean(cover, 7) ** 2, 0))
    return found


def _mean(values: Array, size: int) -> Array:
    """The mean over a square of an odd size around each pixel."""
    half = size // 2
    sums = np.pad(values, (half + 1, half), mode="symmetric").cumsum(0).cumsum(1)
    found: Array = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size]
    found = (found + sums[:-size, :-size]) / size**2
    return found
