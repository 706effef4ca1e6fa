"""Texts in memory: lists, data frames, Arrow tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gankit.errors import GankitError
from gankit.kit.tables import arrow_table
from gankit_text.data.items import Text
from gankit_text.data.rows import Row

GIVE = "Give a list of texts, a list of mappings, a data frame or an Arrow table"


def rows_of(source: Any) -> list[tuple[str, Row]] | list[Text]:
    """The rows of an object, each with its place; or the items, where it holds those.

    A pair of sequences of the same length is texts and their labels.

    Raises:
        GankitError: none of these.
    """
    if isinstance(source, (bytes, Mapping)) or not isinstance(source, Iterable):
        raise GankitError(f"cannot read texts from {type(source).__name__}", GIVE)
    if not _is_table(source):
        if isinstance(source, tuple) and len(source) == 2 and not isinstance(source[0], str):
            texts, labels = source
            if len(texts) != len(labels):
                raise GankitError(f"{len(texts)} texts and {len(labels)} labels", GIVE)
            source = [
                {"text": text, "label": label} for text, label in zip(texts, labels, strict=True)
            ]
        source = list(source)
        if all(isinstance(thing, Text) for thing in source) and source:
            return source
        if all(isinstance(thing, Mapping) for thing in source):
            return [(f"item {i}", {str(k): v for k, v in row.items()})
                    for i, row in enumerate(source)]  # fmt: skip
        for i, thing in enumerate(source):
            if not isinstance(thing, str):
                what = type(thing).__name__
                raise GankitError(f"item {i} is no text but {what}: {thing!r:.60}", GIVE)
        return [(f"item {i}", {"text": text}) for i, text in enumerate(source)]
    try:
        table = arrow_table(source)
    except (TypeError, ValueError) as error:  # Arrow's own errors are of these
        line = " ".join(str(error).split())[:200]
        raise GankitError(f"the data cannot be read as a table ({line})", GIVE) from None
    rows: Sequence[Row] = [] if table is None else table.to_pylist()
    return [(f"row {i}", row) for i, row in enumerate(rows)]


def _is_table(source: Any) -> bool:
    return hasattr(source, "column_names") or hasattr(source, "columns")
