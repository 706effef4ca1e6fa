"""One material as SVG: its formula, and its cell or the shares of its elements."""

from __future__ import annotations

from html import escape

from gankit.contract import Rendering
from gankit_material.data.elements import ELECTRONEGATIVITY_ORDER
from gankit_material.data.items import Material
from gankit_material.output.scene import Scene, colour, is_light, scene

WIDTH, HEIGHT = 280, 270
HEAD, FOOT = 34, 30
"""Pixels for the formula above, and for the legend below."""
LABELLED = 9.0
"""Pixels of radius from which on a ball has its element's symbol."""
INK, FAINT, LINE = "#22262b", "#5b6470", "#9aa3ad"


def render(item: Material) -> Rendering:
    """A material as an SVG file."""
    return Rendering("image/svg+xml", drawn_svg(item, standalone=True).encode())


def drawn_svg(item: Material, standalone: bool = False) -> str:
    """A material as an ``<svg>`` element of flexible width, or as a file."""
    drawn = scene(item.cell) if item.cell is not None else None
    body = _bars(item) if drawn is None else _cell(drawn)
    body += _legend(item)
    head = (
        f'<text x="{WIDTH / 2}" y="23" text-anchor="middle" font-size="17" fill="{INK}">'
        f"{formula_svg(item)}</text>"
    )
    if note := caption(item):
        head += (
            f'<text x="{WIDTH / 2}" y="{HEAD + 4}" text-anchor="middle" font-size="10" '
            f'fill="{FAINT}">{escape(note)}</text>'
        )
    size = f' width="{WIDTH}" height="{HEIGHT}" style="background:#fff"' if standalone else ""
    name = f"{item.formula}{', ' + caption(item) if caption(item) else ''}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"{size} '
        f'font-family="sans-serif" role="img" aria-label="{escape(name)}">'
        f"{_gradients(item)}{head}{body}</svg>"
    )


def caption(item: Material) -> str:
    """The prototype and the energy, where they are known."""
    parts = []
    if found := str(item.notes.get("prototype", "")):
        parts.append(found if len(found) <= 38 else f"{found[:37]}…")
    energy = item.notes.get("energy_per_atom")
    if isinstance(energy, float):
        parts.append(f"{energy:.2f} eV/atom")
    return ", ".join(parts)


def elements_of(item: Material) -> list[str]:
    """Cations first."""
    return sorted(item.counts, key=lambda e: ELECTRONEGATIVITY_ORDER.get(e, -1))


def formula_svg(item: Material) -> str:
    """A formula with subscripts, as the content of ``<text>``."""
    parts = []
    for element in elements_of(item):
        parts.append(f"<tspan>{element}</tspan>")
        if (n := item.counts[element]) > 1:
            parts.append(f'<tspan dy="4" font-size="12">{n}</tspan><tspan dy="-4">&#8203;</tspan>')
    return "".join(parts)


def _gradients(item: Material) -> str:
    """Balls are lighter at the upper left."""
    found = []
    for element in elements_of(item):
        found.append(
            f'<radialGradient id="ball-{element}" cx=".36" cy=".32" r=".75">'
            f'<stop offset="0" stop-color="{lighter(colour(element), 0.55)}"/>'
            f'<stop offset=".55" stop-color="{colour(element)}"/>'
            f'<stop offset="1" stop-color="{lighter(colour(element), -0.25)}"/></radialGradient>'
        )
    return f"<defs>{''.join(found)}</defs>"


def _cell(drawn: Scene) -> str:
    left, bottom, right, top = drawn.box
    room = HEIGHT - HEAD - FOOT - 14
    scale = min((WIDTH - 20) / (right - left), room / (top - bottom))
    x0 = WIDTH / 2 - scale * (left + right) / 2
    y0 = HEAD + 8 + room / 2 + scale * (top + bottom) / 2
    parts = [
        f'<path d="M{x0 + scale * a:.1f} {y0 - scale * b:.1f}L{x0 + scale * c:.1f} '
        f'{y0 - scale * d:.1f}" stroke="{LINE}" stroke-width="1"/>'
        for a, b, c, d in drawn.lines
    ]
    for ball in drawn.balls:
        x, y, r = x0 + scale * ball.x, y0 - scale * ball.y, scale * ball.radius
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="url(#ball-{ball.element})" '
            f'stroke="#333" stroke-width=".5"/>'
        )
        if r >= LABELLED:
            ink = INK if is_light(colour(ball.element)) else "#fff"
            parts.append(
                f'<text x="{x:.1f}" y="{y + 3.5:.1f}" text-anchor="middle" font-size="10" '
                f'fill="{ink}">{ball.element}</text>'
            )
    return "".join(parts)


def _bars(item: Material) -> str:
    """The share of each element among the atoms, for a material without a cell."""
    total = sum(item.counts.values())
    height = min(26.0, (HEIGHT - HEAD - 24) / len(item.counts) - 6)
    parts = [
        f'<text x="14" y="{HEAD + 18}" font-size="10" fill="{FAINT}">share of the atoms</text>'
    ]
    for i, element in enumerate(elements_of(item)):
        y = HEAD + 26 + i * (height + 6)
        share = item.counts[element] / total
        wide = max(share * (WIDTH - 90), 1)
        parts.append(
            f'<text x="38" y="{y + height / 2 + 4:.1f}" text-anchor="end" font-size="13" '
            f'fill="{INK}">{element}</text>'
            f'<rect x="46" y="{y:.1f}" width="{wide:.1f}" height="{height:.1f}" rx="2" '
            f'fill="{colour(element)}" stroke="#333" stroke-width=".5"/>'
            f'<text x="{52 + wide:.1f}" y="{y + height / 2 + 4:.1f}" font-size="11" '
            f'fill="{FAINT}">{share:.0%}</text>'
        )
    return "".join(parts)


def _legend(item: Material) -> str:
    if item.cell is None:
        return ""
    names = elements_of(item)
    step = min(52.0, (WIDTH - 20) / len(names))
    start = WIDTH / 2 - step * (len(names) - 1) / 2 - 10
    return "".join(
        f'<circle cx="{start + i * step:.1f}" cy="{HEIGHT - 14}" r="6.5" '
        f'fill="url(#ball-{element})" stroke="#333" stroke-width=".5"/>'
        f'<text x="{start + i * step + 11:.1f}" y="{HEIGHT - 10}" font-size="12" fill="{INK}">'
        f"{element}</text>"
        for i, element in enumerate(names)
    )


def lighter(colour: str, by: float) -> str:
    """A colour mixed with white, or with black where ``by`` is negative."""
    end = 255 if by > 0 else 0
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(x + (end - x) * abs(by)):02x}" for x in parts)
