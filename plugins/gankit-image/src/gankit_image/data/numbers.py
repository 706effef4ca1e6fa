"""Types of numbers that pixels may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gankit_image.data.images import Pixels


class UndecodableError(Exception):
    """The bytes cannot be used as an image; the message says why."""


def plain(pixels: Pixels) -> Pixels:
    """Numbers of any type as uint8, uint16, int16, uint32, int32 or float32 with the same values.

    Raises:
        ValueError: NaN or infinity; integers of more than 32 bits; not numbers.
    """
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    if kind == "b":
        return pixels.astype(np.uint8) * np.uint8(255)
    if kind == "f":
        with np.errstate(over="ignore"):
            single = pixels.astype(np.float32, copy=False)
        if not np.isfinite(single).all():
            raise ValueError("some pixels are NaN or infinite")
        return single
    if kind not in "iu":
        raise ValueError(f"{pixels.dtype} is not a type of pixels")
    if size == 8:
        limits = np.iinfo(np.int32)
        if pixels.min() < limits.min or pixels.max() > limits.max:
            raise ValueError("integers of more than 32 bits")
        return pixels.astype(np.int32)
    if size == 1 and kind == "i":
        return pixels.astype(np.int16)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """``(H, W, C)`` turned as an EXIF orientation (1 to 8) says."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
