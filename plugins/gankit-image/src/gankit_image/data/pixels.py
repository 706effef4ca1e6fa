"""Formats of images, the choice of one for a data set, and conversion to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

from gankit.errors import GankitError

if TYPE_CHECKING:
    from gankit_image.data.images import Pixels
    from gankit_image.settings import ImageSettings

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""File extensions of images."""

SMALLEST, LARGEST = 4, 4096
"""Range of a side, in pixels."""
AUTO_LARGEST, AUTO_SIDE = 256, 64
"""``resolution="auto"`` keeps sides up to the first value and otherwise uses the second."""

CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
MODES = {channels: mode for mode, channels in CHANNELS.items()}


@dataclass(frozen=True)
class PixelFormat:
    """Size, channels (1, 3 or 4) and bits per channel (8 or 16) of an image."""

    height: int
    width: int
    channels: int
    bits: int = 8

    @classmethod
    def of(cls, pixels: Pixels) -> PixelFormat:
        """The format of ``(..., H, W, C)``."""
        height, width, channels = pixels.shape[-3:]
        return cls(height, width, channels, 8 * pixels.dtype.itemsize)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if self.bits == 8 else np.uint16)

    @property
    def peak(self) -> int:
        """The value of full brightness."""
        return int(2**self.bits) - 1

    @property
    def nbytes(self) -> int:
        return self.height * self.width * self.channels * self.bits // 8

    def __str__(self) -> str:
        depth = ", 16 bit" if self.bits == 16 else ""
        return f"{self.width}×{self.height} {MODES[self.channels]}{depth}"


# --- Decoding -----------------------------------------------------------------------------------


# --- Choosing one format for all ----------------------------------------------------------------


def choose(found: Collection[PixelFormat], settings: ImageSettings) -> PixelFormat:
    """The format to which all images of a data set are converted.

    Raises:
        GankitError: ``resolution`` is malformed or out of range, or 16 bits for colour.
    """
    height, width = _resolution(settings.resolution) or _own_size(found)
    if settings.mode == "auto":
        channels = max(f.channels for f in found)
    else:
        channels = CHANNELS[settings.mode]
    if settings.depth == "16" and channels != 1:
        raise GankitError(
            f"depth=16: the images are {MODES[channels]}",
            'Only grey images can have 16 bits: add mode="L", or remove depth',
        )
    deep = settings.depth == "16" or (
        settings.depth == "auto" and channels == 1 and any(f.bits == 16 for f in found)
    )
    return PixelFormat(height, width, channels, 16 if deep else 8)


def _resolution(value: int | str) -> tuple[int, int] | None:
    """Height and width of the setting; None for auto."""
    if value == "auto":
        return None
    sides = str(value).lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.strip().isdecimal() for side in sides):
        raise GankitError(
            f"resolution={value}: not a size",
            'Use a side in pixels (64), "WIDTHxHEIGHT", or auto',
        )
    width, height = int(sides[0]), int(sides[-1])
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise GankitError(
            f"resolution={value}: out of range", f"A side has {SMALLEST} to {LARGEST} pixels"
        )
    return height, width


def _own_size(found: Collection[PixelFormat]) -> tuple[int, int]:
    sizes = {(f.height, f.width) for f in found}
    if len(sizes) == 1:
        height, width = sizes.pop()
        if min(height, width) >= SMALLEST and max(height, width) <= AUTO_LARGEST:
            return height, width
    return AUTO_SIDE, AUTO_SIDE


# --- Conversion ------------------------------------------------------------


def fit(pixels: Pixels, target: PixelFormat, how: str = "crop") -> Pixels:
    """``(H, W, C)`` in the target's size, channels and depth.

    Args:
        how: for another aspect ratio: ``crop`` the centre, ``pad`` by repeating the edge, or
            ``stretch``.
    """
    if pixels.shape == target.shape and pixels.dtype == target.dtype:
        return pixels
    pixels = convert(pixels, target)
    if pixels.shape == target.shape:
        return pixels
    height, width = pixels.shape[:2]
    if how == "crop":
        scale = min(height / target.height, width / target.width)
        h, w = target.height * scale, target.width * scale
        top, left = (height - h) / 2, (width - w) / 2
        return _resize(pixels, target.height, target.width, (left, top, left + w, top + h))
    if how == "stretch":
        return _resize(pixels, target.height, target.width, (0, 0, width, height))
    scale = max(height / target.height, width / target.width)
    h = min(max(round(height / scale), 1), target.height)
    w = min(max(round(width / scale), 1), target.width)
    top, left = (target.height - h) // 2, (target.width - w) // 2
    inner = _resize(pixels, h, w, (0, 0, width, height))
    margins = ((top, target.height - h - top), (left, target.width - w - left), (0, 0))
    return np.pad(inner, margins, mode="edge")


def convert(pixels: Pixels, target: PixelFormat) -> Pixels:
    """``(..., H, W, C)`` in the target's channels and depth; the size is kept.

    Transparency is blended onto white if the target has none; grey is ITU-R BT.601 luma.
    """
    channels, bits = pixels.shape[-1], 8 * pixels.dtype.itemsize
    if channels == 4 and target.channels < 4:
        peak = np.uint64(2**bits - 1)
        alpha = pixels[..., 3:].astype(np.uint64)
        over_white = pixels[..., :3] * alpha + peak * (peak - alpha)
        pixels = ((over_white + peak // np.uint64(2)) // peak).astype(pixels.dtype)
        channels = 3
    if channels == 3 and target.channels == 1:
        weights = np.array([19595, 38470, 7471], np.uint32)  # 0.299, 0.587, 0.114 of 2^16
        luma = (pixels * weights).sum(-1, dtype=np.uint64, keepdims=True) + 32768 >> 16
        pixels = luma.astype(pixels.dtype)
    if channels == 1 and target.channels >= 3:
        pixels = np.repeat(pixels, 3, axis=-1)
    if pixels.shape[-1] == 3 and target.channels == 4:
        opaque = np.full((*pixels.shape[:-1], 1), 2**bits - 1, pixels.dtype)
        pixels = np.concatenate([pixels, opaque], axis=-1)
    if bits > target.bits:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if bits < target.bits:
        return pixels.astype(np.uint16) * np.uint16(257)
    return pixels


def _resize(
    pixels: Pixels, height: int, width: int, box: tuple[float, float, float, float]
) -> Pixels:
    """Lanczos resampling of the box (left, top, right, bottom) to ``(height, width, C)``.

    Pillow premultiplies alpha, so that colours of transparent pixels do not bleed.
    """
    size, lanczos = (width, height), PIL.Image.Resampling.LANCZOS
    if pixels.dtype == np.uint16:
        planes = [
            np.asarray(PIL.Image.fromarray(plane.astype(np.float32)).resize(size, lanczos, box))
            for plane in np.moveaxis(pixels, -1, 0)
        ]
        resized: Pixels = np.rint(np.stack(planes, axis=-1)).clip(0, 65535).astype(np.uint16)
        return resized
    return np.asarray(as_pillow(pixels).resize(size, lanczos, box)).reshape(height, width, -1)


def as_pillow(pixels: Pixels) -> PIL.Image.Image:
    """``(H, W, C)`` as a Pillow image."""
    return PIL.Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
