"""Previews: periodic tables and histograms beside the data's, and drawn materials."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gankit.contract import Rendering
from gankit.contract.subsets import take
from gankit.kit.pictures import MADE_BY, data_uri, page, png, synthetic
from gankit_material.data.items import Material
from gankit_material.output.charts import FAINT, INK, PAPER, histograms
from gankit_material.output.drawing import caption, drawn_svg, elements_of, lighter
from gankit_material.output.periodic import heat_map, shares, size
from gankit_material.output.scene import colour, is_light, scene

ACROSS, TALL = 6, 168
"""Drawn materials in a row, and a row's height in pixels."""
MOST_DRAWN, MOST_IN_PAGE, MOST_REAL = 18, 60, 1000
MARGIN, GAP = 22, 26
FINER = 3
"""Times the size at which cells are drawn, for smooth edges."""


def preview(items: Sequence[Material], real: Sequence[Material] = ()) -> Rendering:
    """Periodic tables, histograms and some materials as PNG, and as a page whose formulas can be
    copied.

    Args:
        real: adds their periodic table and histograms.
    """
    spread = np.unique(np.linspace(0, len(real) - 1, min(len(real), MOST_REAL)).astype(np.int64))
    data = list(take(real, spread)) if len(real) else []
    picture, about = _picture(items, data), _about(items)
    return Rendering("image/png", png(picture, synthetic()), _page(items, about, picture))


def _about(items: Sequence[Material]) -> str:
    if not items:
        return "None were generated."
    different = len({item.formula for item in items})
    told = f"{len(items):,} generated, {different:,} different formulas"
    if any("prototype" in item.notes for item in items):
        cells = sum(item.cell is not None for item in items)
        told += f", {cells:,} with a structure from a prototype"
    return f"{told}."


def _picture(items: Sequence[Material], data: Sequence[Material]) -> Image.Image:
    wide, high = size()
    full = 2 * wide + GAP + 2 * MARGIN
    drawn = _spread(items)
    rows = -(-len(drawn) // ACROSS)
    charts = histograms(items, data, full - 2 * MARGIN) if items else None
    head, middle = 62, (charts.height + 8 if charts else 0)
    title = 30 if drawn else 0
    image = Image.new("RGB", (full, head + high + middle + title + rows * TALL + MARGIN), PAPER)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(12)
    pen.text((MARGIN, 14), f"Materials {MADE_BY}", INK, ImageFont.load_default(19))
    pen.text((MARGIN, 40), _about(items), FAINT, font)
    made, true = shares(items), shares(data)
    most = max([*made.values(), *true.values(), 0.02])
    image.paste(heat_map(made, "Generated", most), (MARGIN, head))
    if data:
        image.paste(heat_map(true, "Real, from the data", most), (MARGIN + wide + GAP, head))
    y = head + high
    if charts:
        image.paste(charts, (MARGIN, y))
        y += middle
    if drawn:
        told = "Generated" if len(drawn) == len(items) else f"Generated, {len(drawn)} of them"
        pen.text((MARGIN, y + 4), told, INK, ImageFont.load_default(14))
        y += title
    each = (full - 2 * MARGIN) // ACROSS
    for i, item in enumerate(drawn):
        _tile(image, item, MARGIN + i % ACROSS * each, y + i // ACROSS * TALL, each - 10, TALL - 10)
    return image


def _spread(items: Sequence[Material]) -> list[Material]:
    """Some materials, those with a structure first."""
    order = sorted(range(len(items)), key=lambda i: (items[i].cell is None, i))
    return [items[i] for i in order[:MOST_DRAWN]]


# --- One material ---------------------------------------------------------------------------------


def _tile(image: Image.Image, item: Material, x: int, y: int, wide: int, high: int) -> None:
    pen = ImageDraw.Draw(image)
    pen.rectangle((x, y, x + wide, y + high), outline=(222, 226, 230))
    _formula(pen, item, x + 8, y + 5)
    small = ImageFont.load_default(9)
    if note := caption(item):
        while pen.textlength(note, small) > wide - 12:
            note = f"{note[:-2]}…"
        pen.text((x + 8, y + high - 13), note, FAINT, small)
    room = (x + 6, y + 24, x + wide - 6, y + high - (16 if note else 6))
    found = scene(item.cell) if item.cell is not None else None
    if found is None:
        _bars(pen, item, room)
        return
    left, bottom, right, top = found.box
    w, h = (room[2] - room[0]) * FINER, (room[3] - room[1]) * FINER
    canvas = Image.new("RGB", (w, h), PAPER)
    brush = ImageDraw.Draw(canvas)
    scale = min((w - 4) / (right - left), (h - 4) / (top - bottom))
    x0, y0 = w / 2 - scale * (left + right) / 2, h / 2 + scale * (top + bottom) / 2
    for a, b, c, d in found.lines:
        ends = (x0 + scale * a, y0 - scale * b, x0 + scale * c, y0 - scale * d)
        brush.line(ends, (154, 163, 173), FINER)
    for ball in found.balls:
        _ball(brush, x0 + scale * ball.x, y0 - scale * ball.y, scale * ball.radius, ball.element)
    finer = canvas.resize((w // FINER, h // FINER), Image.Resampling.LANCZOS)
    image.paste(finer, (room[0], room[1]))


def _ball(brush: ImageDraw.ImageDraw, x: float, y: float, r: float, element: str) -> None:
    hue = colour(element)
    brush.ellipse((x - r, y - r, x + r, y + r), hue, (60, 60, 60), 2)
    light = lighter(hue, 0.45)
    brush.ellipse((x - 0.55 * r, y - 0.62 * r, x - 0.05 * r, y - 0.18 * r), light)
    if r >= 8 * FINER:
        ink = INK if is_light(hue) else PAPER
        brush.text((x, y), element, ink, ImageFont.load_default(9 * FINER), anchor="mm")


def _formula(pen: ImageDraw.ImageDraw, item: Material, x: float, y: float) -> None:
    """A formula with subscripts, each element after a dot of its colour."""
    big, low = ImageFont.load_default(14), ImageFont.load_default(10)
    for element in elements_of(item):
        pen.text((x, y), element, INK, big)
        x += pen.textlength(element, big)
        if (n := item.counts[element]) > 1:
            pen.text((x, y + 7), str(n), INK, low)
            x += pen.textlength(str(n), low) + 1


def _bars(pen: ImageDraw.ImageDraw, item: Material, room: tuple[int, int, int, int]) -> None:
    """The share of each element among the atoms."""
    font, total = ImageFont.load_default(11), sum(item.counts.values())
    left, top, right, bottom = room
    step = min(22.0, (bottom - top) / len(item.counts))
    for i, element in enumerate(elements_of(item)):
        share, y = item.counts[element] / total, top + i * step
        pen.text((left + 22, y + step / 2), element, INK, font, anchor="rm")
        end = left + 28 + max(share * (right - left - 66), 1)
        pen.rectangle((left + 28, y + 3, end, y + step - 3), colour(element), (90, 90, 90))
        pen.text((end + 5, y + step / 2), f"{share:.0%}", FAINT, font, anchor="lm")


# --- The page -------------------------------------------------------------------------------------


def _page(items: Sequence[Material], about: str, picture: Image.Image) -> str:
    figures = "".join(
        f"<figure>{drawn_svg(item)}<figcaption><code>{escape(item.formula)}</code></figcaption>"
        "</figure>"
        for item in items[:MOST_IN_PAGE]
    )
    charts = data_uri("image/png", png(picture, synthetic(), optimize=True))
    body = f"""<header><h1>Materials {MADE_BY}</h1><p>{escape(about)}</p></header>
<img src="{charts}" alt="Periodic tables and histograms of generated materials and of the data">
<h2>Generated</h2><div class="grid">{figures}</div>"""
    return page(f"Materials {MADE_BY}", body, synthetic(), style=STYLE)


STYLE = """
body{margin:1.2rem;font:15px/1.45 system-ui,sans-serif;color:#22262b;background:#fff}
h1{font-size:1.3rem;margin:0}h2{font-size:1rem;margin:1.4rem 0 .5rem}
header p{margin:.3rem 0 .7rem;color:#5b6470}
img{display:block;max-width:100%;height:auto}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr));gap:.7rem}
figure{margin:0;border:1px solid #dee2e6;border-radius:4px;overflow:hidden}
svg{display:block;width:100%;height:auto}
figcaption{padding:.3rem .5rem;border-top:1px solid #eee}
code{user-select:all}
"""
