"""Scatter plots."""

from __future__ import annotations

from PIL import Image, ImageDraw

from gankit_toy.points import Array

SIDE = 480
"""Width and height of a picture, in pixels."""
REACH = 2.25
"""The picture ends this many standard deviations from the mean, on each axis."""
PAPER, INK, MARK = "white", (31, 78, 158), (205, 205, 205)


def scatter(points: Array, marks: Array, mean: Array, scale: Array) -> Image.Image:
    """Points as dots over larger, faint marks; axes depend on ``mean`` and ``scale`` only.

    Args:
        points: ``(N, 2)``; those outside the picture are cut off.
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
