"""TIFF and ``.npy`` pictures whose numbers Pillow would reduce, in their own type and bands."""

from __future__ import annotations

import io
import logging
import math
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from gankit_image.data.numbers import plain, upright
from gankit_image.data.pixels import MOST_BANDS, PixelFormat

if TYPE_CHECKING:
    from gankit_image.data.images import Pixels

_MOST_SOURCE_BANDS = 512
_MOST_COMPRESSED = 1100
"""Deflate, which compresses most, stores 1,032 bytes in one."""
_SMALL = 2**24
_GREY, _RGB = (0, 1), 2  # photometric interpretations: white is zero, black is zero, RGB


def _tifffile() -> Any:
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # of damaged files, we report
    return tifffile


def probe(file: BinaryIO, max_pixels: int) -> tuple[PixelFormat, str, tuple[str, ...]] | None:
    """Format, name and notes of a TIFF's first page; None where Pillow decodes it whole.

    Raises:
        ValueError: too many pixels, or a kind that nothing here decodes.
    """
    tifffile = _tifffile()
    try:
        with tifffile.TiffFile(file) as opened:
            page: Any = opened.pages[0]
            if _is_whole_array(opened):
                height, width, channels = opened.series[0].shape
                _check_size(height, width, channels, max_pixels)
                several, alpha = False, False
            elif _for_pillow(page):
                return None
            else:
                height, width, channels = _shape(page, max_pixels)
                several, alpha = len(opened.pages) > 1, _alpha(page, channels)
            notes = ["TIFF files of several pages, of which the first is used"] if several else []
            if channels == 4 and not alpha:
                notes.append("a fourth band that is not marked as transparency, kept as a band")
            size = (width, height) if _orientation(page) >= 5 else (height, width)
            empty = plain(np.zeros((1, 1, 1), page.dtype.newbyteorder("=")))
            number = 8 * empty.dtype.itemsize, empty.dtype.kind
            return PixelFormat(*size, channels, *number, alpha), "TIFF", tuple(notes)
    except tifffile.TiffFileError as error:
        raise ValueError(str(error)) from None


def decode(data: bytes, max_pixels: int) -> Pixels | None:
    """The first page of a TIFF as ``(H, W, C)``, upright; None where Pillow decodes it whole.

    Raises:
        ValueError: as for :func:`probe`, or a compression that needs another package.
    """
    tifffile = _tifffile()
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as opened:
            page: Any = opened.pages[0]
            if _is_whole_array(opened):
                height, width, channels = opened.series[0].shape
                _check_size(height, width, channels, max_pixels)
                pixels = np.asarray(opened.series[0].asarray())
            elif _for_pillow(page):
                return None
            else:
                height, width, channels = _shape(page, max_pixels)
                claimed = height * width * channels * page.dtype.itemsize
                if claimed > max(_SMALL, _MOST_COMPRESSED * len(data)):
                    raise ValueError(f"its header claims {claimed:,} bytes, more than it can hold")
                pixels = np.asarray(page.asarray())
                if pixels.ndim == 3 and page.planarconfig == 2 and pixels.shape[0] == channels:
                    pixels = np.moveaxis(pixels, 0, -1)
                pixels = pixels.reshape(height, width, channels)
                if int(page.photometric) == 0:  # white is zero
                    if pixels.dtype.kind != "u":
                        raise ValueError("a TIFF of signed numbers whose white is zero")
                    pixels = np.iinfo(pixels.dtype).max - pixels
            return upright(pixels, _orientation(page))
    except tifffile.TiffFileError as error:
        raise ValueError(str(error)) from None
    except (ImportError, KeyError, ValueError) as error:
        if "imagecodecs" not in str(error):
            raise
        name = getattr(page.compression, "name", page.compression)
        kept = page.dtype.itemsize == 2 or (channels == 1 and page.dtype.str[1:] in ("i4", "f4"))
        usual = int(page.photometric) in (1, _RGB) and page.planarconfig == 1
        if kept and usual and (channels in (1, 3) or _alpha(page, channels)):
            return None  # Pillow has libtiff's decoders, and keeps these
        raise ValueError(
            f"compressed with {name}, whose decoder is not installed: "
            "pip install 'gankit-image[tiff]'"
        ) from None


def _is_whole_array(opened: Any) -> bool:
    """Whether tifffile wrote an array ``(H, W, C)`` as H pages of W by C."""
    if not opened.is_shaped or len(opened.series) != 1:
        return False
    shape, page = opened.series[0].shape, opened.pages[0].shape
    return len(shape) == 3 and 1 < shape[2] <= MOST_BANDS < shape[1] and shape[1:] == page


def _for_pillow(page: Any) -> bool:
    """Whether Pillow keeps the page whole: 8 bits and at most four channels, all with a meaning."""
    if page.dtype is None or page.bitspersample > 8 or page.sampleformat not in (1, None):
        return False
    extra = page.samplesperpixel - {2: 3, 5: 4, 6: 3, 8: 3}.get(int(page.photometric), 1)
    if extra > 0:
        return extra == 1 and tuple(int(e) for e in page.extrasamples) in ((1,), (2,))
    return True


def _check_size(height: int, width: int, channels: int, max_pixels: int) -> None:
    if height * width * max(1, channels / MOST_BANDS) > max_pixels:
        raise ValueError(f"{width}×{height} pixels are more than max_pixels={max_pixels}")
    if not 0 < channels <= _MOST_SOURCE_BANDS or not height * width:
        raise ValueError(f"a TIFF of {width}×{height} pixels and {channels} bands")


def _shape(page: Any, max_pixels: int) -> tuple[int, int, int]:
    height, width, channels = page.imagelength, page.imagewidth, page.samplesperpixel
    if page.imagedepth > 1:
        raise ValueError("a TIFF volume: save its slices one by one")
    _check_size(height, width, channels, max_pixels)
    if page.dtype is None:
        raise ValueError(f"a TIFF of {page.bitspersample} bits a channel")
    if int(page.photometric) not in (*_GREY, _RGB):
        name = getattr(page.photometric, "name", page.photometric)
        raise ValueError(f"a TIFF of {page.bitspersample} bits in {name} colours")
    return height, width, channels


def _alpha(page: Any, channels: int) -> bool:
    extra = tuple(int(e) for e in page.extrasamples)
    return channels == 4 and int(page.photometric) == _RGB and extra in ((1,), (2,))


def _orientation(page: Any) -> int:
    tag = page.tags.get(274)
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


# --- NumPy --------------------------------------------------------------------------------------


def bands_first(shape: tuple[int, ...]) -> bool:
    """Whether an array of three or more axes has its channels before height and width.

    They are last if the last axis is short and can be channels; where both can be, they are first
    only in square pictures of more rows than bands.
    """
    first, rows, last = shape[-3:]
    if last in (1, 3, 4) or first > MOST_BANDS:
        return False
    return last > MOST_BANDS or first in (1, 3, 4) or (rows == last > first)


def probe_npy(file: BinaryIO, max_pixels: int) -> PixelFormat:
    """The format of a ``.npy`` file of one picture, ``(H, W)``, ``(H, W, C)`` or ``(C, H, W)``.

    Raises:
        ValueError: another shape or type of numbers.
    """
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"a .npy file of version {version[0]}.{version[1]}")
    shape, _, dtype = read[version](file)
    if len(shape) not in (2, 3) or 0 in shape or dtype.kind not in "biuf":
        raise ValueError(f"an array of shape {shape} and type {dtype} is not one picture")
    if len(shape) == 3 and bands_first(shape):
        shape = (*shape[1:], shape[0])
    height, width, channels = (*shape, 1)[:3]
    if height * width > max_pixels or math.prod(shape) > max_pixels * _MOST_SOURCE_BANDS:
        raise ValueError(f"{width}×{height} pixels are more than max_pixels={max_pixels}")
    if channels > _MOST_SOURCE_BANDS:
        raise ValueError(f"an array of shape {shape} is not one picture")
    empty = plain(np.zeros((1, 1, 1), dtype.newbyteorder("=")))
    kind = empty.dtype
    return PixelFormat(height, width, channels, 8 * kind.itemsize, kind.kind, alpha=False)


def read_npy(file: BinaryIO, max_pixels: int) -> Pixels:
    """The picture of a ``.npy`` file as ``(H, W, C)``; raises as :func:`probe_npy` does."""
    probe_npy(file, max_pixels)
    file.seek(0)
    array: Pixels = np.load(file, allow_pickle=False)
    if array.ndim == 2:
        return array[..., None]
    return np.ascontiguousarray(np.moveaxis(array, 0, -1)) if bands_first(array.shape) else array
