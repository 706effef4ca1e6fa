"""The rows of one split, where a column of a table has splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gankit.errors import GankitError
from gankit.kit.splits import ALL, split_column, split_of

if TYPE_CHECKING:
    from gankit_audio.data.manifests import Row

MOST_VALUES = 64
"""Most different values of a column that may be splits."""


def by_split(
    rows: Mapping[str, Row], split: str, where: str
) -> tuple[dict[str, Row], Counter[str]]:
    """The rows of one split, where a column has splits, and the numbers of the others.

    Raises:
        GankitError: there is no such split.
    """
    wanted = split_of(split) or split
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    values: dict[str, set[object]] = {column: set() for column in columns}
    for row in rows.values():
        for key, value in row.items():
            if len(values[key]) <= MOST_VALUES and isinstance(value, str | int | float):
                values[key].add(value)
    column = split_column(columns, values)
    if column is None or wanted == ALL:
        return dict(rows), Counter()
    of = {name: str(row.get(column) or "").strip() for name, row in rows.items()}
    kept = {name: row for name, row in rows.items() if split_of(of[name]) == wanted}
    if not kept and wanted != "train":
        there = ", ".join(sorted({*of.values()} - {""}))
        raise GankitError(f"{where}: no split {split!r} in column {column}", f"There are: {there}")
    if not kept:
        return dict(rows), Counter()
    return kept, Counter(of[name] or "without a split" for name in rows if name not in kept)
