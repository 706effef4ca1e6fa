"""The periodic table as a heat map: the share of materials that contain each element."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from gankit_material.data.elements import ELEMENTS
from gankit_material.data.items import Material

TILE, GAP = 29, 2
COLUMNS, ROWS = 18, 9
FIRST = (1, 3, 11, 19, 37, 55, 87)
"""The atomic number with which each period begins."""
LEGEND = 34
PAPER, INK, FAINT, NONE = (255, 255, 255), (34, 38, 43), (91, 100, 112), (240, 242, 244)
SCALE = (
    (237, 243, 248), (198, 219, 239), (146, 190, 222), (86, 151, 200), (37, 107, 166), (8, 64, 116)
)  # fmt: skip
"""Light to dark blue: legible without colour, too."""
LEAST = 0.0005
"""The share at the lower end of the scale, which is logarithmic."""


def place(element: str) -> tuple[int, int]:
    """Row and column, from 0; lanthanides and actinides are below."""
    number = ELEMENTS.index(element) + 1
    if 57 <= number <= 71:
        return 7, number - 57 + 2
    if 89 <= number <= 103:
        return 8, number - 89 + 2
    row = bisect.bisect_right(FIRST, number) - 1
    offset = number - FIRST[row]
    if row == 0:
        return 0, 0 if offset == 0 else 17
    if row in (1, 2):
        return row, offset if offset < 2 else offset + 10
    if row >= 5 and offset >= 2:
        return row, offset - 14
    return row, offset


def shares(items: Sequence[Material]) -> dict[str, float]:
    """The share of materials that contain each element."""
    counted: dict[str, int] = {}
    for item in items:
        for element in item.counts:
            counted[element] = counted.get(element, 0) + 1
    return {element: n / len(items) for element, n in counted.items()} if items else {}


def size() -> tuple[int, int]:
    return COLUMNS * (TILE + GAP) - GAP, ROWS * (TILE + GAP) + 8 + LEGEND


def heat_map(found: Mapping[str, float], title: str, most: float) -> Image.Image:
    """The table of one set of materials.

    Args:
        found: the share of each element.
        most: the share at the upper end of the scale.
    """
    wide, high = size()
    page = Image.new("RGB", (wide, high), PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for element in ELEMENTS:
        row, column = place(element)
        x, y = column * (TILE + GAP), row * (TILE + GAP) + (8 if row >= 7 else 0)
        share = found.get(element, 0.0)
        fill = colour_of(share, most)
        pen.rectangle((x, y, x + TILE - 1, y + TILE - 1), fill)
        dark = sum(fill) < 420
        ink = PAPER if dark else (INK if share else (160, 167, 175))
        pen.text((x + TILE / 2, y + 9), element, ink, font, anchor="mm")
        if share:
            number = f"{100 * share:.0f}" if share >= 0.0995 else f"{100 * share:.1f}"
            small = ImageFont.load_default(9)
            pen.text((x + TILE / 2, y + 21), number, ink, small, anchor="mm")
    pen.text((3 * (TILE + GAP), 2), title, INK, ImageFont.load_default(14))
    pen.text((3 * (TILE + GAP), 22), "% of materials with the element", FAINT, font)
    _legend(pen, high - LEGEND + 10, most)
    return page


def colour_of(share: float, most: float) -> tuple[int, int, int]:
    """The colour of a share; pale grey for none."""
    if share <= 0:
        return NONE
    span = math.log(max(most, 2 * LEAST) / LEAST)
    at = min(max(math.log(max(share, LEAST) / LEAST) / span, 0.0), 1.0) * (len(SCALE) - 1)
    i = min(int(at), len(SCALE) - 2)
    a, b = SCALE[i], SCALE[i + 1]
    red, green, blue = (round(p + (q - p) * (at - i)) for p, q in zip(a, b, strict=True))
    return red, green, blue


def _legend(pen: ImageDraw.ImageDraw, y: int, most: float) -> None:
    font, left, wide = ImageFont.load_default(11), 2 * (TILE + GAP), 240
    span = math.log(max(most, 2 * LEAST) / LEAST)
    pen.rectangle((left - 34, y, left - 20, y + 10), NONE)
    pen.text((left - 27, y + 12), "none", FAINT, font, anchor="ma")
    for i in range(wide):
        share = LEAST * math.exp(span * i / (wide - 1))
        pen.line((left + i, y, left + i, y + 10), colour_of(share, most))
    for share in (0.001, 0.01, 0.1, 0.5):
        if LEAST <= share <= most:
            x = left + wide * math.log(share / LEAST) / span
            pen.line((x, y + 10, x, y + 13), FAINT)
            pen.text((x, y + 13), f"{100 * share:g} %", FAINT, font, anchor="ma")
