"""Texts to look at: one as it is, many as a picture and a page."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from html import escape

import numpy as np

from gankit.contract import Rendering
from gankit.contract.subsets import take
from gankit.kit.folders import encodable
from gankit.kit.pictures import MADE_BY, page, svg, synthetic
from gankit_text.data.items import Text

MOST_IN_PICTURE, MOST_IN_PAGE = 24, 200
"""Texts of the picture and of the page, without the real ones."""
MOST_REAL = 12
LONGEST = 400
"""Characters of a text that are shown."""
CHARACTERS, MOST_LINES = 64, 4
"""Of a line in the picture, and lines of a text in it."""
LINE, GAP, MARGIN, COLUMN = 20, 10, 16, 560
"""Measures of the picture, in pixels."""
_RIGHT_TO_LEFT = ("R", "AL")


def render(item: Text) -> Rendering:
    """The text, and the second one of a pair below it."""
    parts = [item.text] if item.pair is None else [item.text, item.pair]
    return Rendering("text/plain", encodable("\n\n".join(parts)).encode())


def preview(items: Sequence[Text], real: Sequence[Text] = ()) -> Rendering:
    """Texts with their labels as SVG, drawn with the fonts of whoever looks at it, and as a page.

    Args:
        real: shows some of them beside.
    """
    spread = np.unique(np.linspace(0, len(real) - 1, min(len(real), MOST_REAL)).astype(np.int64))
    others = list(take(real, spread))
    drawn = _picture(items[:MOST_IN_PICTURE], others)
    parts = [("Generated", items[:MOST_IN_PAGE])] + (
        [("Real, from the data", others)] if others else []
    )
    body = "".join(
        f"<section><h2>{title}</h2><ol>{''.join(map(_entry, some))}</ol></section>"
        for title, some in parts
    )
    distinct = len({item.text for item in items})
    about = f"{len(items)} generated, {distinct} distinct." if items else "None were generated."
    head = f"<header><h1>Texts {MADE_BY}</h1><p>{about}</p></header>"
    shown = page(f"Texts {MADE_BY}", head + f"<main>{body}</main>", synthetic(), style=STYLE)
    return Rendering("image/svg+xml", svg(drawn, synthetic()), shown)


def _entry(item: Text) -> str:
    label = "" if item.label is None else f'<span class="label">{escape(_line(item.label))}</span>'
    pair = "" if item.pair is None else f'<p dir="auto" class="pair">{escape(_cut(item.pair))}</p>'
    return f'<li>{label}<p dir="auto">{escape(_cut(item.text))}</p>{pair}</li>'


def _cut(text: str) -> str:
    text = _clean(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _clean(text: str) -> str:
    """Without characters that no document may hold."""
    return "".join(c if c in "\n\t" or unicodedata.category(c)[0] != "C" or c in "\u200c\u200d"
                   else "\ufffd" for c in encodable(text))  # fmt: skip


def _line(text: str) -> str:
    return " ".join(_clean(text).split())


# --- The picture --------------------------------------------------------------------------------


def _picture(items: Sequence[Text], real: Sequence[Text]) -> str:
    """A column of generated texts, and one of real ones."""
    columns = [(f"Texts {MADE_BY}", items)] + ([("Real, from the data", real)] if real else [])
    drawn, height = [], 0
    for i, (title, some) in enumerate(columns):
        x, y = MARGIN + i * (COLUMN + MARGIN), MARGIN + LINE
        drawn.append(f'<text x="{x}" y="{y}" class="title">{escape(title)}</text>')
        y += LINE
        for item in some:
            y = _drawn(drawn, item, x, y) + GAP
        height = max(height, y)
    width = MARGIN + len(columns) * (COLUMN + MARGIN)
    style = (
        "text{font:15px system-ui,sans-serif;fill:#222}.title{font-weight:600}"
        ".label{fill:#666;font-size:12px}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + MARGIN}" '
        f'viewBox="0 0 {width} {height + MARGIN}"><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(drawn)}</svg>'
    )


def _drawn(drawn: list[str], item: Text, x: int, y: int) -> int:
    """Draws a text from ``y`` on, and returns where it ends."""
    if item.label is not None:
        y += LINE - 4
        label = escape(_line(item.label)[:CHARACTERS])
        drawn.append(f'<text x="{x}" y="{y}" class="label">{label}</text>')
    texts = [item.text] if item.pair is None else [item.text, item.pair]
    for text in texts:
        for line in _wrapped(text):
            y += LINE
            if _is_right_to_left(line):
                at = f'x="{x + COLUMN - MARGIN}" direction="rtl" text-anchor="start"'
            else:
                at = f'x="{x}"'
            drawn.append(f'<text {at} y="{y}">{escape(line)}</text>')
    return y


def _wrapped(text: str) -> list[str]:
    """A text in lines of about ``CHARACTERS``, of which wide ones (East Asian) count twice."""
    lines: list[str] = []
    for line in _clean(text).replace("\t", " ").split("\n"):
        wide = sum(unicodedata.east_asian_width(c) in "WF" for c in line)
        most = CHARACTERS if wide < 0.3 * max(len(line), 1) else CHARACTERS // 2
        lines += textwrap.wrap(line, most) or [""]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"{lines[MOST_LINES - 1]} …"]
    return lines


def _is_right_to_left(line: str) -> bool:
    """By the first character that has a direction."""
    for c in line:
        direction = unicodedata.bidirectional(c)
        if direction in (*_RIGHT_TO_LEFT, "L"):
            return direction != "L"
    return False


STYLE = """
body{margin:1.2rem;font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff}
h1{font-size:1.3rem;margin:0}h2{font-size:1rem}header p{color:#555;margin:.3rem 0}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:1.5rem}
ol{margin:0;padding-left:2.2rem}li{margin:0 0 .6rem}
li p{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
.label{color:#666;font-size:.8rem}.pair{color:#444;border-left:3px solid #ddd;padding-left:.5rem}
"""
