"""Scatter plots."""

from __future__ import annotations

from PIL import Image, ImageDraw

from gankit_toy.points import Array

SIDE = 480
"""Width and height of a picture, in pixels."""
REACH = 2.25
"""Half the width and height of a picture, in standard deviations."""
PAPER, INK, MARK = "white", (31, 78, 158), (205, 205, 205)


def scatter(points: Array, marks: Array, mean: Array, scale: Array) -> Image.Image:
    """Points as dots over larger, faint marks; axes depend on ``mean`` and ``scale`` only.

    Args:
        points: ``(N, 2)``; those outside the picture are cut off.
        marks: ``(M, 2)``.
        mean: ``(2,)``, the picture's centre.
        scale: ``(2,)``, standard deviations.
    """
    size = 2 * SIDE  # drawn at twice the size, so that edges are smooth
    picture = Image.new("RGB", (size, size), PAPER)
    pen = ImageDraw.Draw(picture)
    dot = 4 if len(points) > 20 else 14  # a few would be overlooked
    for places, radius, colour in ((marks, 16, MARK), (points, dot, INK)):
        pixels = (1 + (places - mean) / scale / REACH * (1, -1)) * size / 2
        for x, y in pixels.tolist():
            pen.circle((x, y), radius, fill=colour)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
