"""HTML for notebooks: an embedded file, and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from gankit.contract import Rendering
from gankit.kit.pictures import data_uri

PLAYED = "audio/"
"""Media types that an element of this name plays."""


def embedded(shown: Rendering) -> str:
    """An element that shows a rendering or plays it."""
    address = escape(data_uri(shown.media_type, shown.content))
    if shown.media_type.startswith("image/"):
        return f'<img src="{address}" style="max-width: 100%">'
    if shown.media_type.startswith(PLAYED):
        element = PLAYED.rstrip("/")
        return f'<{element} controls src="{address}"></{element}>'
    return f"<pre>{escape(shown.content.decode(errors='replace'))}</pre>"


def table(rows: Sequence[Mapping[str, Any]], left_out: int = 0) -> str:
    """Rows as a table; all have the keys of the first.

    Args:
        left_out: how many more rows there are, said below it.
    """
    if not rows:
        return ""
    head = "".join(f"<th>{escape(str(name))}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(text(value))}</td>" for value in row.values()) + "</tr>"
        for row in rows
    )
    more = f"<p>… and {left_out:,} more</p>" if left_out > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def text(value: Any) -> str:
    """A value of a table; numbers with as many digits as matter."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.10g}"
