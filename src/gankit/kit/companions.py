"""WebDataset's small files next to each item: ``0001.cls`` and ``0001.json`` for ``0001.jpg``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gankit.errors import GankitError
from gankit.kit.folders import encodable
from gankit.kit.row_tables import Row, clean, is_label

COMPANIONS = (".cls", ".json", ".txt", ".caption", ".index", ".id")
"""Endings of WebDataset's small files that belong to an item of the same name."""


def sample_key(name: str) -> str:
    """What the files of one WebDataset sample share: the name up to the first dot of its last
    part."""
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.partition(".")[0]


def read_companions(
    names: Sequence[str],
    used: Sequence[str],
    read: Callable[[str], bytes],
    where: object,
) -> tuple[dict[str, Row], list[str]] | None:
    """The values in the small files next to each item, by its name, and the endings of those
    files; None where there are none.

    Raises:
        GankitError: one of them cannot be read.
    """
    small: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        ending = next((e for e in COMPANIONS if name.lower().endswith(e)), None)
        if ending is not None:
            small[sample_key(name)][ending] = name
    rows: dict[str, Row] = {}
    for name in used:
        if companions := small.get(sample_key(name)):
            rows[name] = _sample(companions, read, where)
    classes = sum(".cls" in small[sample_key(name)] for name in rows)
    if not rows or (not classes and len(rows) < len(used) / 2):
        return None
    return rows, sorted({e for name in rows for e in small[sample_key(name)]})


def _sample(companions: Mapping[str, str], read: Callable[[str], bytes], where: object) -> Row:
    row: dict[str, Any] = {}
    if name := companions.get(".json"):
        try:
            found = json.loads(read(name))
        except (ValueError, RecursionError):
            raise GankitError(f"{where}, {name}: not JSON", "Fix it, or remove it") from None
        if isinstance(found, dict):
            row |= {str(key): clean(value) for key, value in found.items()}
        elif is_label(found):
            row["label"] = clean(found)
    for ending, column in ((".txt", "text"), (".caption", "text"), (".cls", "label")):
        if name := companions.get(ending):
            row[column] = encodable(read(name).decode("utf-8", "surrogateescape").strip())
    return row
