"""Pictures of one image, and of many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gankit.contract import Rendering
from gankit.errors import GankitError
from gankit.kit.pictures import png, synthetic
from gankit_image.codec.display import brightness
from gankit_image.data.images import Image
from gankit_image.data.pixels import as_pillow

if TYPE_CHECKING:
    from gankit_image.codec.image_codec import ImageCodec
    from gankit_image.data.images import Pixels

GRID_SIDE = 768
"""Small previews are enlarged to about this many pixels."""


def render(item: Image, codec: ImageCodec | None = None) -> Rendering:
    """An image in 8 bits, or 16 for grey ones; bands in the three colours that the codec names."""
    deep = item.pixels.dtype == np.uint16 and item.pixels.shape[-1] == 1
    pixels = item.pixels if deep and codec is None else _visible(item, codec)
    return Rendering("image/png", png(as_pillow(pixels)))


def preview(items: Sequence[Image], codec: ImageCodec | None = None) -> Rendering:
    """A grid of the images, row by row.

    It is nearly square, or as wide as the labels' period if they repeat (0…9, 0…9), so that a
    column holds one class. Tiny images are enlarged without smoothing; transparency shows a
    chequerboard.

    Raises:
        GankitError: there are no images.
    """
    if not items:
        raise GankitError("no images to preview", "Generate at least one")
    tiles = [_opaque(_visible(item, codec)) for item in items]
    height, width, channels = tiles[0].shape
    columns = _columns([item.label for item in items], height / width)
    rows = -(-len(tiles) // columns)
    scale = max(1, GRID_SIDE // max(rows * height, columns * width))
    gap = max(1, scale // 2) if scale > 1 else 2

    step_y, step_x = height * scale + gap, width * scale + gap
    grid = np.full((rows * step_y - gap, columns * step_x - gap, channels), 255, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * step_y, i % columns * step_x
        large = tile.repeat(scale, 0).repeat(scale, 1)
        grid[top : top + height * scale, left : left + width * scale] = large
    return Rendering("image/png", png(as_pillow(grid), synthetic()))


def _columns(labels: Sequence[str | None], aspect: float) -> int:
    count, period = len(labels), len(set(labels))
    cyclic = all(label == labels[i % period] for i, label in enumerate(labels))
    if period > 1 and cyclic and period / 4 <= count / period <= period * 4:
        return period
    return min(count, max(1, round(math.sqrt(count * aspect))))


def _visible(item: Image, codec: ImageCodec | None) -> Pixels:
    shown = brightness(item, codec)
    return shown if shown.dtype == np.uint8 else np.rint(shown).astype(np.uint8)


def _opaque(shown: Pixels) -> Pixels:
    """On a chequerboard where it is transparent."""
    height, width, channels = shown.shape
    if channels < 4:
        return shown
    square = max(1, min(height, width) // 8)
    y, x = np.indices((height, width)) // square
    board = np.where((x + y) % 2, 255, 204)[..., None]
    alpha = shown[..., 3:] / 255
    return np.rint(shown[..., :3] * alpha + board * (1 - alpha)).astype(np.uint8)
