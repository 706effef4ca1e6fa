"""Texts in memory: lists, data frames, Arrow tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gankit.errors import GankitError
from gankit.kit.tables import arrow_table
from gankit_text.data.items import Text
from gankit_text.data.rows import Row

GIVE = "Give a list of texts, a list of mappings, a data frame or an Arrow table"


def items_of(source: Any) -> list[Text] | None:
    """The items of a sequence of them; None for any other object."""
    if not isinstance(source, Sequence) or not source:
        return None
    return list(source) if all(isinstance(thing, Text) for thing in source) else None


def rows_of(source: Any) -> list[tuple[str, Row]]:
    """The rows of an object, each with its place. A pair of sequences of the same length is texts
    and their labels.

    Raises:
        GankitError: neither a table nor texts.
    """
    if _is_table(source):
        return _of_table(source)
    if isinstance(source, (bytes, Mapping)) or not isinstance(source, Iterable):
        raise GankitError(f"cannot read texts from {type(source).__name__}", GIVE)
    if isinstance(source, tuple) and len(source) == 2 and not isinstance(source[0], str):
        texts, labels = source
        if len(texts) != len(labels):
            raise GankitError(f"{len(texts)} texts and {len(labels)} labels", GIVE)
        pairs = zip(texts, labels, strict=True)
        source = [{"text": text, "label": label} for text, label in pairs]
    rows: list[tuple[str, Row]] = []
    for i, thing in enumerate(source):
        if isinstance(thing, Mapping):
            rows.append((f"item {i}", {str(key): value for key, value in thing.items()}))
        elif isinstance(thing, str):
            rows.append((f"item {i}", {"text": thing}))
        else:
            what = type(thing).__name__
            raise GankitError(f"item {i} is no text but {what}: {thing!r:.60}", GIVE)
    return rows


def _of_table(source: Any) -> list[tuple[str, Row]]:
    try:
        table = arrow_table(source)
    except (TypeError, ValueError) as error:  # Arrow's own errors are of these
        line = " ".join(str(error).split())[:200]
        raise GankitError(f"the data cannot be read as a table ({line})", GIVE) from None
    rows = [] if table is None else table.to_pylist()
    return [(f"row {i}", row) for i, row in enumerate(rows)]


def _is_table(source: Any) -> bool:
    return hasattr(source, "column_names") or hasattr(source, "columns")
