"""Pictures of one image, and of many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import PIL.ImageDraw
from PIL import ImageFont

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
LONGEST_LABEL = 20
"""Characters of a label in a preview."""


def render(item: Image, codec: ImageCodec | None = None) -> Rendering:
    """An image in 8 bits, or 16 for grey ones; bands in the three colours that the codec names."""
    deep = item.pixels.dtype == np.uint16 and item.pixels.shape[-1] == 1
    pixels = item.pixels if deep and codec is None else _visible(item, codec)
    return Rendering("image/png", png(as_pillow(pixels)))


def preview(items: Sequence[Image], codec: ImageCodec | None = None) -> Rendering:
    """A grid of the images, row by row; or of the classes, if the labels repeat (0…9, 0…9): a row
    holds one class, with its label on the left.

    Tiny images are enlarged without smoothing; transparency shows a chequerboard.

    Raises:
        GankitError: there are no images.
    """
    if not items:
        raise GankitError("no images to preview", "Generate at least one")
    tiles = [_opaque(_visible(item, codec)) for item in items]
    height, width, channels = tiles[0].shape
    classes = _classes([item.label for item in items])
    columns = min(len(tiles), max(1, round(math.sqrt(len(tiles) * height / width))))
    if classes:
        columns = -(-len(tiles) // len(classes))
    rows = len(classes) or -(-len(tiles) // columns)
    scale = max(1, GRID_SIDE // max(rows * height, columns * width))
    gap = max(1, scale // 2) if scale > 1 else 2

    step_y, step_x = height * scale + gap, width * scale + gap
    grid = np.full((rows * step_y - gap, columns * step_x - gap, channels), 255, np.uint8)
    for i, tile in enumerate(tiles):
        row, column = (i % rows, i // rows) if classes else divmod(i, columns)
        top, left = row * step_y, column * step_x
        large = tile.repeat(scale, 0).repeat(scale, 1)
        grid[top : top + height * scale, left : left + width * scale] = large
    if classes:
        grid = np.concatenate([_names(classes, height * scale, step_y, channels), grid], 1)
    return Rendering("image/png", png(as_pillow(grid), synthetic()))


def _classes(labels: Sequence[str | None]) -> list[str]:
    """The labels if they repeat in one order; none otherwise, or where the rows would be much
    longer than the columns, or the other way round."""
    count, period = len(labels), len(set(labels))
    cyclic = all(label == labels[i % period] for i, label in enumerate(labels))
    fits = period / 4 <= count / period <= period * 4
    return [str(label) for label in labels[:period]] if period > 1 and cyclic and fits else []


def _names(labels: Sequence[str], height: int, step: int, channels: int) -> Pixels:
    """A strip (H, W, C) with a label in the middle of each row, black on white.

    Args:
        height: of an image in the grid.
        step: from one row to the next.
    """
    font = ImageFont.load_default(min(max(height / 3, 8), 24))
    texts = [t if len(t) <= LONGEST_LABEL else f"{t[: LONGEST_LABEL - 1]}…" for t in labels]
    gap = 6
    width = math.ceil(max(font.getlength(text) for text in texts)) + 2 * gap
    strip = PIL.Image.new("L", (width, len(labels) * step - (step - height)), 255)
    pen = PIL.ImageDraw.Draw(strip)
    for i, text in enumerate(texts):
        pen.text((width - gap, i * step + height / 2), text, 0, font, anchor="rm")
    return np.asarray(strip)[..., None].repeat(channels, 2)


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
