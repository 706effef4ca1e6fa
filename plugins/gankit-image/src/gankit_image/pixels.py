"""From the bytes of an image file to an array of the asked size, channels and depth."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import PIL.Image

from gankit.errors import GankitError

if TYPE_CHECKING:
    from gankit_image.items import Pixels
    from gankit_image.settings import ImageSettings

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""File endings taken for images."""
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""The decoders that a file may reach; Pillow's others (PostScript among them) never run."""

SMALLEST, LARGEST = 4, 4096
"""Limits of a side in pixels."""
AUTO_LARGEST, AUTO_SIDE = 256, 64
"""``resolution="auto"`` keeps sides up to the first, and takes the second otherwise."""

CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
MODES = {channels: mode for mode, channels in CHANNELS.items()}

# All that Pillow's decoders raise on damaged files; warnings count where the caller made them
# errors (python -W error).
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
    EOFError, MemoryError, NotImplementedError, struct.error, zlib.error, Warning,
)  # fmt: skip

# EXIF tag 274 (Exif 2.32, section 4.6.4 A): what turns the stored image upright.
_ORIENTATION = 274
_UPRIGHT = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}

_open_lock = threading.Lock()


class UndecodableError(Exception):
    """The bytes are no usable image; the message says why."""


@dataclass(frozen=True)
class PixelFormat:
    """Size, channels (1, 3 or 4) and bits a channel (8 or 16) of an image."""

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


def probe(file: BinaryIO, max_pixels: int) -> PixelFormat:
    """The format of an image file from its header, upright; nothing is decoded.

    Raises:
        UndecodableError: no such image, or more than ``max_pixels`` pixels.
    """
    try:
        image = _open(file, max_pixels)
        width, height = image.size
        # Pillow's TIFF reader reports the upright size already.
        if image.format != "TIFF" and _orientation(image) >= 5:
            width, height = height, width
        channels, bits = _kind(image)
    except _DECODER_ERRORS as error:
        raise UndecodableError(_reason(error)) from error
    return PixelFormat(height, width, channels, bits)


def decode(data: bytes, max_pixels: int) -> Pixels:
    """The first frame of an image file as ``(H, W, C)``, upright, in its own size and depth.

    Palettes, CMYK and the like become RGB; whatever has transparency becomes RGBA; one bit
    becomes 0 or 255.

    Raises:
        UndecodableError: damaged, no such image, or more than ``max_pixels`` pixels.
    """
    try:
        return native(_open(io.BytesIO(data), max_pixels))
    except _DECODER_ERRORS as error:
        raise UndecodableError(_reason(error)) from error


def native(image: PIL.Image.Image) -> Pixels:
    """A Pillow image as ``(H, W, C)``, upright, in its own size and depth."""
    image.load()
    upright = _UPRIGHT.get(_orientation(image))
    if upright is not None:
        image = image.transpose(upright)
    channels, bits = _kind(image)
    if bits == 16:
        return np.asarray(image).clip(0, 65535).astype(np.uint16)[..., None]
    mode = MODES[channels]
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _open(file: BinaryIO, max_pixels: int) -> PIL.Image.Image:
    # Pillow's own limit warns at a size of its choosing and is one for the whole process: ours
    # takes its place for as long as the header is read.
    with _open_lock:
        limit, PIL.Image.MAX_IMAGE_PIXELS = PIL.Image.MAX_IMAGE_PIXELS, None
        try:
            image = PIL.Image.open(file, formats=FORMATS)
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = limit
    width, height = image.size
    if width * height > max_pixels:
        raise ValueError(f"{width}×{height} pixels are more than max_pixels={max_pixels}")
    return image


def _orientation(image: PIL.Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _DECODER_ERRORS:
        return 1  # damaged metadata around a sound image


def _kind(image: PIL.Image.Image) -> tuple[int, int]:
    """Channels and bits that the image has or unfolds to."""
    if image.mode == "F":
        raise ValueError("floating-point pixels; convert it to 8 or 16 bit")
    if image.mode.startswith("I"):
        return 1, 16
    if image.has_transparency_data:
        return 4, 8
    return (1, 8) if image.mode in ("1", "L") else (3, 8)


def _reason(error: BaseException) -> str:
    if isinstance(error, PIL.UnidentifiedImageError):
        return "not an image in PNG, JPEG, WebP, BMP, TIFF or GIF format"
    return " ".join(str(error).split()) or type(error).__name__


# --- Choosing one format for all ----------------------------------------------------------------


def choose(found: Collection[PixelFormat], settings: ImageSettings) -> PixelFormat:
    """The format that a data set is brought to.

    Raises:
        GankitError: ``resolution`` is malformed or out of range, or 16 bits of colour are asked.
    """
    height, width = _resolution(settings.resolution) or _own_size(found)
    if settings.mode == "auto":
        channels = max(f.channels for f in found)
    else:
        channels = CHANNELS[settings.mode]
    if settings.depth == "16" and channels != 1:
        raise GankitError(
            f"depth=16: the images are {MODES[channels]}",
            'Sixteen bits are for grey images: add mode="L", or drop depth',
        )
    deep = settings.depth == "16" or (
        settings.depth == "auto" and channels == 1 and any(f.bits == 16 for f in found)
    )
    return PixelFormat(height, width, channels, 16 if deep else 8)


def _resolution(asked: int | str) -> tuple[int, int] | None:
    """Height and width that the user asked for; None is auto."""
    if asked == "auto":
        return None
    sides = str(asked).lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.strip().isdecimal() for side in sides):
        raise GankitError(
            f"resolution={asked}: not a size",
            'Write a side in pixels (64), "WIDTHxHEIGHT", or auto',
        )
    width, height = int(sides[0]), int(sides[-1])
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise GankitError(
            f"resolution={asked}: out of range", f"A side is {SMALLEST} to {LARGEST} pixels"
        )
    return height, width


def _own_size(found: Collection[PixelFormat]) -> tuple[int, int]:
    sizes = {(f.height, f.width) for f in found}
    if len(sizes) == 1:
        height, width = sizes.pop()
        if min(height, width) >= SMALLEST and max(height, width) <= AUTO_LARGEST:
            return height, width
    return AUTO_SIDE, AUTO_SIDE


# --- Bringing an image to the format ------------------------------------------------------------


def fit(pixels: Pixels, target: PixelFormat, how: str = "crop") -> Pixels:
    """``(H, W, C)`` in the target's size, channels and depth.

    Args:
        how: for another aspect: ``crop`` its centre, ``pad`` by repeating its edge, ``stretch``.
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
    """``(..., H, W, C)`` in the target's channels and depth; the size stays.

    Transparency goes onto white where the target has none; grey is ITU-R BT.601 luma.
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

    Pillow premultiplies alpha around it, so that hidden colours do not bleed.
    """
    size, lanczos = (width, height), PIL.Image.Resampling.LANCZOS
    if pixels.dtype == np.uint16:
        planes = [
            np.asarray(PIL.Image.fromarray(plane.astype(np.float32)).resize(size, lanczos, box))
            for plane in np.moveaxis(pixels, -1, 0)
        ]
        resized: Pixels = np.rint(np.stack(planes, axis=-1)).clip(0, 65535).astype(np.uint16)
        return resized
    image = PIL.Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return np.asarray(image.resize(size, lanczos, box)).reshape(height, width, -1)
