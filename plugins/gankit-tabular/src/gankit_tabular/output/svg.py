"""Elements of SVG."""

from __future__ import annotations

from html import escape

Colour = tuple[int, int, int]

GENERATED, REAL = "#3a86c8", "#1a1a1a"
"""Blue and black, which people with colour vision deficiency can distinguish."""
NEUTRAL: Colour = (247, 247, 247)
LETTER = 6.2
"""Approximate width of a letter."""


def text(
    x: float,
    y: float,
    content: str,
    *,
    size: float = 11,
    anchor: str = "",
    weight: str = "",
    fill: str = "",
    transform: str = "",
) -> str:
    named = {"text-anchor": anchor, "font-weight": weight, "fill": fill, "transform": transform}
    more = "".join(f" {key}='{value}'" for key, value in named.items() if value)
    more += f" font-size='{size:g}'" if size != 11 else ""
    return f"<text x='{x:.1f}' y='{y:.1f}'{more}>{escape(content)}</text>"


def title(content: str) -> str:
    return text(0, 0, content, size=13, weight="bold")


def rect(x: float, y: float, wide: float, high: float, fill: str, tooltip: str = "") -> str:
    inside = f"<title>{escape(tooltip)}</title></rect>" if tooltip else "</rect>"
    size = f"width='{max(wide, 0):.1f}' height='{max(high, 0):.1f}'"
    return f"<rect x='{x:.1f}' y='{y:.1f}' {size} fill='{fill}'>{inside}"


def moved(content: str, x: float, y: float) -> str:
    return f"<g transform='translate({x:.0f},{y:.0f})'>{content}</g>"


def shortened(content: str, wide: float) -> str:
    """As much of a text as fits."""
    room = max(int(wide / LETTER), 3)
    return content if len(content) <= room else content[: room - 1] + "…"


def mixed(a: Colour, b: Colour, share: float) -> str:
    """A colour between two."""
    parts = (round(p + (q - p) * min(share, 1)) for p, q in zip(a, b, strict=True))
    return "#" + "".join(f"{v:02x}" for v in parts)


def document(content: str, wide: float, high: float, about: str) -> str:
    """A complete SVG file.

    Args:
        about: its title.
    """
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {wide} {high}' width='{wide}' "
        f"height='{high}' font-family='Helvetica,Arial,sans-serif' font-size='11' fill='#333' "
        f"role='img'>\n<title>{escape(about)}</title>\n{content}\n</svg>\n"
    )
