"""A generated item as a page or the API shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from typing import Any

from gankit.contract import Augmentable, Codec, Modality, Rendering, Sample

LONGEST_TEXT = 20_000
"""Characters of a text on a page."""
LONGEST_VALUE = 200
"""Characters of one value on a page."""
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Shown:
    """An item with its seed, and what there is to see or to hear of it."""

    seed: int
    condition: Mapping[str, Any]
    values: Mapping[str, Any]
    """Its named values: a row's, a label."""
    rendering: Rendering | None
    """None for rows, whose values are all that there is; and where it was not wanted."""
    address: str = ""
    """Of the rendering, on this server; empty for rows."""
    size: tuple[int, int] = field(default=(0, 0))
    """Width and height of a bitmap; zeros where that is not known."""

    @property
    def kind(self) -> str:
        """How to show it: ``row``, ``text``, ``page``, or the first part of its media type."""
        if self.rendering is None:
            return "" if self.address else "row"
        kind, _, rest = self.rendering.media_type.partition("/")
        if kind == "text":
            return "page" if rest.startswith("html") else "text"
        return kind

    @property
    def text(self) -> str:
        """A text's content, shortened."""
        content = self.rendering.content if self.rendering else b""
        text = content.decode("utf-8", "replace")
        return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"

    @property
    def caption(self) -> str:
        """Its values in a line, and what it was generated for, which it may lack."""
        if self.kind == "row":
            return ""
        rest = {k: v for k, v in self.condition.items() if str(self.values.get(k)) != str(v)}
        parts = [_listed(self.values), f"for {_listed(rest)}" if rest else ""]
        return "; ".join(filter(None, parts))


def _listed(values: Mapping[str, Any]) -> str:
    short = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in values.items()}
    return ", ".join(f"{name} {in_short(value)}" for name, value in short.items())


def show(
    sample: Sample[Any], modality: Modality[Any], codec: Codec[Any], address: str, rendered: bool
) -> Shown:
    """A sample as it is shown. A mapping of single values is shown by them, anything else as the
    modality renders it.

    Args:
        rendered: whether the rendering is wanted now; it can cost more than the sample.
    """
    item = sample.item
    about = sample.seed, dict(sample.condition)
    if isinstance(item, Mapping) and not any(map(_is_many, item.values())):
        return Shown(*about, dict(item), None)
    values = dict(modality.attributes(item)) if isinstance(modality, Augmentable) else {}
    if not rendered:
        return Shown(*about, values, None, address)
    rendering = modality.render(item, codec)
    return Shown(*about, values, rendering, address, _extent(rendering.content))


def _is_many(value: object) -> bool:
    return isinstance(value, Sized) and not isinstance(value, str | bytes)


def in_short(value: object) -> str:
    """A value on a page."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e12 else f"{value:.6g}"
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def plain(value: Any) -> Any:
    """A value for JSON, which has neither NaN nor dates."""
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    item = getattr(value, "item", None)
    return plain(item()) if callable(item) and getattr(value, "ndim", 1) == 0 else str(value)


def _extent(content: bytes) -> tuple[int, int]:
    """The size that a PNG file states: in its first chunk, after the signature and 8 bytes."""
    if not content.startswith(PNG) or len(content) < 24:
        return 0, 0
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
