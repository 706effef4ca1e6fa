"""Images of any numbers and bands as something to look at: 0 to 255, grey or colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gankit_image.data.pixels import PixelFormat, convert

if TYPE_CHECKING:
    from gankit_image.codec.image_codec import ImageCodec
    from gankit_image.data.images import Image, Pixels


def brightness(image: Image, codec: ImageCodec | None, bands: Sequence[int] = ()) -> Pixels:
    """``(H, W, C)`` from 0 to 255, where C is 1, 3 or 4; uint8 or float32.

    Args:
        codec: the run's, whose range of values becomes 0 to 255. Without it 16 bits are divided by
            257, and of other numbers than unsigned ones the image's own range is used.
        bands: those to show, from 0, where the image has bands: three or one.
    """
    pixels, format = image.pixels, image.format
    if codec is not None and pixels.dtype != codec.format.dtype:
        pixels = convert(pixels, codec.format)
        format = PixelFormat.of(pixels, codec.format.alpha if pixels.shape[-1] == 4 else False)
    ranged = codec is not None and not codec.has_own_range
    if pixels.dtype != np.uint8 or ranged:
        pixels = _scaled(pixels, codec)
    if format.banded:
        chosen = bands or (codec.preview_bands if codec else ()) or first_bands(format.channels)
        pixels = pixels[..., list(chosen)]
    return pixels


def first_bands(count: int) -> tuple[int, ...]:
    """The bands that are shown of ``count`` where none were chosen."""
    return (0, 1, 2) if count >= 3 else (0,)


def _scaled(pixels: Pixels, codec: ImageCodec | None) -> Pixels:
    values = pixels.astype(np.float32)
    if codec is not None and pixels.shape[-1] == codec.format.channels:
        low, high = np.array(codec.low, np.float32), np.array(codec.high, np.float32)
    elif pixels.dtype == np.uint16:
        low, high = np.zeros(1, np.float32), np.full(1, 65535, np.float32)
    else:
        low, high = values.min(keepdims=True)[0, 0], values.max(keepdims=True)[0, 0]
    span = np.maximum(high - low, np.float32(1e-30))
    scaled: Pixels = ((values - low) / span * 255).clip(0, 255)
    return scaled
