"""Image files as arrays of their own size, channels and number type.

What a file is, its first bytes decide. Pillow decodes what it keeps whole; TIFF of more than 8
bits a channel or with bands is read by tifffile, see :mod:`gankit_image.data.tiff`.
"""

from __future__ import annotations

import contextlib
import io
import struct
import sys
import threading
import tokenize
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import PIL.Image

from gankit_image.data import colour, tiff
from gankit_image.data.file_types import ENDINGS, HEAD, supported
from gankit_image.data.numbers import UndecodableError, plain, upright
from gankit_image.data.pixels import MODES, PixelFormat

if TYPE_CHECKING:
    from gankit_image.data.images import Pixels

__all__ = ["Probed", "UndecodableError", "decode", "native", "probe"]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "JPEG2000", "PPM")
"""The decoders that run; Pillow's others (PostScript among them) never do."""

# Pillow's decoders raise these on damaged files; Warning covers python -W error.
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
    EOFError, MemoryError, NotImplementedError, RuntimeError, AssertionError, struct.error,
    zlib.error, tokenize.TokenError, Warning,
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


_KNOWN_ENDINGS = {ending for endings in ENDINGS.values() for ending in endings}


@dataclass(frozen=True)
class Probed:
    """What a file's header says."""

    format: PixelFormat
    """Upright."""
    file: str
    """``PNG``, ``JPEG`` …"""
    notes: tuple[str, ...] = ()
    """What is not as one might think, each worded alike for all files that it is true of."""


def probe(file: BinaryIO, max_pixels: int, name: str = "") -> Probed:
    """The format of an image file from its header; nothing is decoded.

    Args:
        name: the file's; an ending that contradicts its content is noted.

    Raises:
        UndecodableError: not such an image, or more than ``max_pixels`` pixels.
    """
    try:
        found = _probe(file, max_pixels)
    except _DECODER_ERRORS as error:
        raise UndecodableError(_reason(error)) from error
    ending = f".{name.rpartition('.')[2].lower()}" if "." in name.rpartition("/")[2] else ""
    if ending in _KNOWN_ENDINGS and ending not in ENDINGS.get(found.file, (ending,)):
        note = f"{found.file} files that end in {ending}, read by their content"
        return Probed(found.format, found.file, (*found.notes, note))
    return found


def _probe(file: BinaryIO, max_pixels: int) -> Probed:
    kind = supported(file.read(HEAD))
    file.seek(0)
    if kind == "NumPy":
        return Probed(tiff.probe_npy(file, max_pixels), kind)
    if kind == "TIFF":
        found = tiff.probe(file, max_pixels)
        if found is not None:
            return Probed(*found)
        file.seek(0)
    image = _open(file, max_pixels, kind)
    channels, bits, number = _kind(image)  # first, since asking a PNG for its EXIF loads it
    width, height = image.size
    # Pillow's TIFF reader reports the upright size already.
    if width != height and image.format != "TIFF" and _orientation(image) >= 5:
        width, height = height, width
    notes = []
    if getattr(image, "is_animated", False) and image.format != "MPO":
        frames = "pages" if kind == "TIFF" else "frames"
        notes.append(f"{kind} files of several {frames}, of which the first is used")
    if (profile := colour.foreign_profile(image)) is not None:
        notes.append(f"colours converted from {profile} to sRGB")
    if image.mode.startswith("I") and "transparency" in image.info:
        notes.append("a transparent grey level of 16 bits, kept as that grey level")
    if deep := _deep(image, kind):
        notes.append(f"{kind} files of {deep} bits a channel, decoded to 8")
    return Probed(PixelFormat(height, width, channels, bits, number), kind, tuple(notes))


def decode(data: bytes, max_pixels: int) -> Pixels:
    """The first frame of an image file as ``(H, W, C)``, upright, in its own size and numbers.

    Palettes, CMYK, LAB and similar become RGB; transparency makes it RGBA; one bit becomes 0 or
    255; colours with another profile than sRGB's are converted to sRGB.

    Raises:
        UndecodableError: damaged, not such an image, or more than ``max_pixels`` pixels; its
            numbers include NaN or infinity.
    """
    try:
        kind = supported(data[:HEAD])
        if kind == "NumPy":
            return plain(tiff.read_npy(io.BytesIO(data), max_pixels))
        if kind == "TIFF":
            pixels = tiff.decode(data, max_pixels)
            if pixels is not None:
                return plain(pixels)
        return native(_open(io.BytesIO(data), max_pixels, kind))
    except _DECODER_ERRORS as error:
        raise UndecodableError(_reason(error)) from error


def native(image: PIL.Image.Image) -> Pixels:
    """A Pillow image as ``(H, W, C)``, upright, in its own size and numbers."""
    pixels = _sixteen(image)
    if pixels is not None:  # Pillow turns TIFF as it loads
        return upright(pixels, _orientation(image) if image.format == "PNG" else 1)
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)
    channels, bits, kind = _kind(image)
    if bits > 8:
        pixels = np.asarray(image)
        if bits == 16:
            pixels = pixels.clip(0, 65535)
        return plain(pixels.astype(f"{kind}{bits // 8}", copy=False)[..., None])
    image = colour.to_srgb(image)
    mode = MODES[channels]
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _open(file: BinaryIO, max_pixels: int, kind: str) -> PIL.Image.Image:
    formats: tuple[str, ...] = FORMATS
    if kind == "HEIC":
        import pillow_heif

        pillow_heif.register_heif_opener()
        formats = ("HEIF",)
    image: Any = _unlimited(file, formats)
    if kind == "PPM" and image.mode == "RGB":
        highest = image.tile[0].args[-1] if image.tile else 255
        if isinstance(highest, int) and highest > 255:
            raise ValueError("PPM of more than 8 bits a channel: convert it to PNG or TIFF")
    width, height = image.size
    if width * height > max_pixels:
        raise ValueError(f"{width}×{height} pixels are more than max_pixels={max_pixels}")
    opened: PIL.Image.Image = image
    return opened


def _unlimited(file: BinaryIO, formats: tuple[str, ...]) -> PIL.Image.Image:
    # Pillow's own limit is global and only warns: it is switched off while the header is read, and
    # ours is checked instead.
    with _open_lock:
        limit, PIL.Image.MAX_IMAGE_PIXELS = PIL.Image.MAX_IMAGE_PIXELS, None
        try:
            return PIL.Image.open(file, formats=formats)
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = limit


def _orientation(image: PIL.Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _DECODER_ERRORS:
        return 1  # the metadata is damaged, the image may not be


def _kind(image: PIL.Image.Image) -> tuple[int, int, str]:
    """Channels, bits and kind of numbers, after conversion to RGB or RGBA where it needs one."""
    if image.mode == "F":
        return 1, 32, "f"
    if image.mode == "I":
        return (1, 32, "i") if image.format == "TIFF" else (1, 16, "u")
    if image.mode.startswith("I"):
        return 1, 16, "u"
    deep = _raw_mode(image) is not None
    if image.has_transparency_data:
        return 4, 16 if deep else 8, "u"
    return (1, 8, "u") if image.mode in ("1", "L") else (3, 16 if deep else 8, "u")


# --- More than 8 bits ---------------------------------------------------------------------------

# Pillow keeps the high byte of 16-bit colour. Read in the other byte order, the low byte is the
# high one. 16-bit grey with alpha is four bytes, as RGBA of 8 bits.
_OTHER_BYTE = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
    "LA;16B": "RGBA",
}


def _raw_mode(image: PIL.Image.Image) -> str | None:
    """How the pixels of a PNG or TIFF of 16-bit colours are stored."""
    tile = getattr(image, "tile", None)
    if image.format not in ("PNG", "TIFF") or not tile:
        return None
    raw = tile[0].args if isinstance(tile[0].args, str) else tile[0].args[0]
    if image.format == "TIFF" and raw.endswith(";16N"):
        raw = raw[:-1] + ("L" if sys.byteorder == "little" else "B")
    return raw if raw in _OTHER_BYTE else None


def _sixteen(image: PIL.Image.Image) -> Pixels | None:
    """The pixels of a PNG or TIFF of 16-bit colours that is still to be loaded; None for others."""
    raw, file = _raw_mode(image), getattr(image, "fp", None)
    if raw is None or file is None:
        return None
    file.seek(0)
    data = file.read()

    def as_stored(raw: str) -> Pixels:
        again: Any = _unlimited(io.BytesIO(data), ("PNG", "TIFF"))
        again.tile = [
            tile._replace(args=raw if isinstance(tile.args, str) else (raw, *tile.args[1:]))
            for tile in again.tile
        ]
        return np.asarray(again)

    other = as_stored(_OTHER_BYTE[raw])
    if raw == "LA;16B":
        deep = other.astype(np.uint16)
        grey, alpha = deep[..., 0] << 8 | deep[..., 1], deep[..., 2] << 8 | deep[..., 3]
        return np.stack([grey, grey, grey, alpha], -1)
    pixels: Pixels = as_stored(raw).astype(np.uint16) << 8 | other
    key = image.info.get("transparency")
    if pixels.shape[-1] == 3 and isinstance(key, tuple):  # one colour is transparent
        opaque = (pixels != np.array(key, np.uint16)).any(-1, keepdims=True)
        pixels = np.concatenate([pixels, opaque * np.uint16(65535)], -1)
    return pixels


def _deep(image: Any, kind: str) -> int:
    """More than 8 if the file has so many bits a channel, and its decoder gives 8."""
    if kind == "HEIC":
        bits = image.info.get("bit_depth")
        return int(bits) if bits and int(bits) > 8 else 0
    if kind == "JPEG2000" and image.fp is not None and not image.mode.startswith("I"):
        image.fp.seek(0)
        head = image.fp.read(4096)
        at = head.find(b"\xff\x51")  # the SIZ marker (ISO 15444-1, A.5.1)
        bits = (head[at + 40] & 0x7F) + 1 if 0 <= at < len(head) - 40 else 8
        image.fp.seek(0)
        return bits if bits > 8 else 0
    if kind == "AVIF" and image.fp is not None:
        with contextlib.suppress(OSError, ValueError):
            image.fp.seek(0)
            head = image.fp.read(4096)
            at = head.find(b"av1C")
            if at >= 0 and len(head) > at + 6 and head[at + 6] & 0x40:
                return 12 if head[at + 6] & 0x20 else 10
    return 0


def _reason(error: BaseException) -> str:
    if isinstance(error, PIL.UnidentifiedImageError):
        return (
            "not an image in PNG, JPEG, WebP, BMP, TIFF, GIF, AVIF, HEIC, JPEG 2000 or PPM format"
        )
    if isinstance(error, MemoryError):
        return "too large for the memory"
    return " ".join(str(error).split()) or type(error).__name__
