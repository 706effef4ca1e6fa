"""Scatter plots and films of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from gankit_toy.points import Array

SIDE = 480
"""Width and height of a picture, in pixels."""
REACH = 2.25
"""The picture ends this many standard deviations from the mean, on each axis."""
PAPER, INK, MARK = "white", (31, 78, 158), (205, 205, 205)
FRAME_MS, LAST_MS = 400, 2000


def scatter(points: Array, marks: Array, mean: Array, scale: Array) -> Image.Image:
    """Points as dots over larger, faint marks; axes depend on ``mean`` and ``scale`` alone.

    Args:
        points: ``(N, 2)``; those outside the picture are not seen.
        marks: ``(M, 2)``.
        mean: ``(2,)``, the picture's middle.
        scale: ``(2,)``, standard deviations.
    """
    size = 2 * SIDE  # twice as large and then halved: smooth edges
    picture = Image.new("RGB", (size, size), PAPER)
    pen = ImageDraw.Draw(picture)
    for places, radius, colour in ((marks, 16, MARK), (points, 4, INK)):
        pixels = (1 + (places - mean) / scale / REACH * (1, -1)) * size / 2
        for x, y in pixels.tolist():
            pen.circle((x, y), radius, fill=colour)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def film(pictures: Sequence[Path], target: Path) -> Path:
    """The pictures as an endless GIF that rests on the last one."""
    frames = [_opened(file) for file in pictures]
    times = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(
        target, save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=True
    )
    return target


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as picture:
        return picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=32)
