"""Image files as arrays of their own size, channels and depth."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import PIL.Image

from gankit_image.data.pixels import MODES, PixelFormat

if TYPE_CHECKING:
    from gankit_image.data.images import Pixels

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""The decoders that run; Pillow's others (PostScript among them) never do."""

# Pillow's decoders raise these on damaged files; Warning covers python -W error.
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
    EOFError, MemoryError, NotImplementedError, struct.error, zlib.error, Warning,
)  # fmt: skip

# EXIF tag 274 (Exif 2.32, section 4.6.4 A), and the transposition that turns an image upright.
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
    """The bytes cannot be used as an image; the message says why."""


def probe(file: BinaryIO, max_pixels: int) -> PixelFormat:
    """The format of an image file from its header, in upright orientation; nothing is decoded.

    Raises:
        UndecodableError: not such an image, or more than ``max_pixels`` pixels.
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

    Palettes, CMYK and similar become RGB; transparency makes it RGBA; one bit becomes 0 or 255.

    Raises:
        UndecodableError: damaged, not such an image, or more than ``max_pixels`` pixels.
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
    # Pillow's own limit is global and only warns: it is switched off while the header is read, and
    # ours is checked instead.
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
        return 1  # the metadata is damaged, the image may not be


def _kind(image: PIL.Image.Image) -> tuple[int, int]:
    """Channels and bits of the image, after conversion to RGB or RGBA where it needs one."""
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
