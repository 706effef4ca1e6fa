"""Entries and their values as Arrow columns, which take less memory than Python objects."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.contract import Doubt
from gankit_molecule.data.keys import SAMPLE, keys_of
from gankit_molecule.data.split_columns import without_other_splits
from gankit_molecule.settings import MoleculeSettings

MARKS = ("_synthetic", "generated", "seed", "_seed")
"""Columns that gankit writes for generated molecules; they are kept as text."""
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "?", "-", "--")
"""Cells that count as empty."""
PIECE = 50_000
"""Rows that are held as Python objects."""


@dataclass
class Part:
    """Entries of one file or object.

    Attributes:
        entries: columns text (SMILES, InChI or a mol block; null where there is none), name, why
            (a reason to skip the entry, else null), shown (what the entry says) and place (its
            line or row).
        cells: the other columns as they are in the file, after an empty one.
        unit: of places.
        layout: all columns of a table in the file's order; empty where it has none.
        text: the name of the column of molecules.
        name: that of names; empty where there is none.
        facts: how the file was understood, by a short name.
    """

    entries: pa.Table
    cells: pa.Table
    unit: str
    layout: Sequence[str] = ()
    text: str = ""
    name: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Listing:
    """Entries of a source.

    Attributes:
        entries: as of :class:`Part`, and the column file.
        values: the other columns: float64 where every cell is a number, or text.
        cells: the other columns as they are in the file.
        about: what is known beside them.
    """

    entries: pa.Table
    values: pa.Table
    cells: pa.Table
    about: About


@dataclass(frozen=True)
class About:
    """What is known of a source beside its entries.

    Attributes:
        files: of each file its name, and the unit of ``place``.
        layout: the columns of the (first) table in its order; empty where there is none.
        text: which of them holds the molecules.
        name: which holds their names.
    """

    files: Sequence[tuple[str, str]]
    layout: Sequence[str] = ()
    text: str = ""
    name: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def listed(parts: Sequence[Part], names: Sequence[str]) -> Listing:
    """The entries of several files, one after the other.

    Args:
        names: of the files.
    """
    entries = pa.concat_tables([in_file(part.entries, i) for i, part in enumerate(parts)])
    cells = joined([part.cells for part in parts])
    entries, split = without_other_splits(entries, cells)
    titles = {part.name for part in parts if part.name}
    kept = [i for i, name in enumerate(cells.column_names) if name not in titles]
    values, warnings = typed(cells.select(kept))
    layout = list(dict.fromkeys(c for part in parts for c in part.layout))
    text = next((part.text for part in parts if part.text), "")
    other = {part.text for part in parts if part.text} - {text}
    facts: dict[str, list[str]] = {}
    for part in parts:
        for key, fact in part.facts.items():
            facts.setdefault(key, [])
            if fact not in facts[key]:
                facts[key].append(fact)
    about = About(
        files=[(name, part.unit) for name, part in zip(names, parts, strict=True)],
        layout=[column for column in layout if column not in other],
        text=text,
        name=next((part.name for part in parts if part.name), ""),
        facts={key: "; ".join(found[:6]) for key, found in facts.items()} | split,
        warnings=[*(w for part in parts for w in part.warnings), *warnings],
    )
    return Listing(entries, values, cells, about)


class Rows:
    """Entries, added one by one and converted to Arrow tables piece by piece."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str | None, str, str | None, str]] = []
        self._values: list[Mapping[str, Any]] = []
        self._pieces: list[pa.Table] = []
        self._others: list[pa.Table] = []

    def __len__(self) -> int:
        return len(self._rows) + sum(map(len, self._pieces))

    def add(
        self,
        place: int,
        text: str | None,
        name: str = "",
        values: Mapping[str, Any] | None = None,
        why: str | None = None,
        shown: str = "",
    ) -> None:
        self._rows.append((place, text, name, why, shown))
        self._values.append(values or {})
        if len(self._rows) == PIECE:
            self._flush()

    def finish(self) -> tuple[pa.Table, pa.Table]:
        """The entries, without the column file, and the other columns as they were."""
        self._flush()
        return pa.concat_tables(self._pieces), joined(self._others)

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [()] * 5
        self._pieces.append(_entries(*columns))
        keys = dict.fromkeys(key for row in self._values for key in row)
        arrays = [column_of([row.get(key) for row in self._values]) for key in keys]
        self._others.append(with_length(arrays, list(keys), len(self._rows)))
        self._rows, self._values = [], []


def in_file(entries: pa.Table, number: int) -> pa.Table:
    """Entries with the column file."""
    return entries.append_column("file", pa.repeat(pa.scalar(number, pa.int32()), len(entries)))


def _entries(places: Any, texts: Any, names: Any, whys: Any, shown: Any) -> pa.Table:
    return pa.table(
        {
            "text": pa.array(texts, pa.large_string()),
            "name": pa.array(names, pa.large_string()),
            "why": pa.array(whys, pa.large_string()),
            "shown": pa.array(shown, pa.large_string()),
            "place": pa.array(places, pa.int64()),
        }
    )


def is_missing(cell: Any) -> bool:
    """Whether it is a missing value of Python, NumPy or pandas."""
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or _is_nan(cell)


def _is_nan(cell: Any) -> bool:
    return isinstance(cell, float) and math.isnan(cell)


def column_of(cells: Sequence[Any]) -> pa.Array:
    """Cells as a column; as text where their types differ."""
    try:
        return pa.array(cells, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([None if is_missing(cell) else str(cell) for cell in cells])


def with_length(columns: Sequence[Any], names: Sequence[str], length: int) -> pa.Table:
    """A table with a first column of nulls, so that it has a length without any other column."""
    return pa.table([pa.nulls(length), *columns], names=["", *names])


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables one below the other; where a column's types differ, it is text."""
    types: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for one in table.schema:
            types.setdefault(one.name, set()).add(one.type)
    mixed = {name for name, found in types.items() if len(found - {pa.null()}) > 1}
    cast = []
    for table in tables:
        for i, name in enumerate(table.column_names):
            if name in mixed:
                table = table.set_column(i, name, _as_any_text(table.column(i)))
        cast.append(table)
    return pa.concat_tables(cast, promote_options="default")


def split(table: pa.Table, where: str, unit: str, settings: MoleculeSettings) -> Part:
    """The entries of an Arrow table, and its columns."""
    names = [str(name) for name in table.column_names]
    texts = [name for name, t in zip(names, table.schema.types, strict=True) if is_text(t)]

    def cells(name: str) -> list[str]:
        some = table.column(names.index(name)).slice(0, SAMPLE).to_pylist()
        return [cell for cell in some if cell is not None]

    keys = keys_of(names, texts, where, settings, cells)
    n = len(table)
    titles = pa.repeat("", n)
    if keys.name is not None:
        titles = pc.fill_null(_as_text(table.column(keys.name)), "")
    entries = pa.table(
        {
            "text": table.column(keys.text).cast(pa.large_string()),
            "name": titles.cast(pa.large_string()),
            "why": pa.nulls(n, pa.large_string()),
            "shown": pa.nulls(n, pa.large_string()),
            "place": pa.array(np.arange(n)),
        }
    )
    rest = [i for i in range(len(names)) if names[i] and i != keys.text]
    return Part(
        entries,
        with_length([table.column(i) for i in rest], [names[i] for i in rest], n),
        unit,
        layout=[name for name in names if name],
        text=names[keys.text],
        name="" if keys.name is None else names[keys.name],
        facts={"molecules": column_fact(names[keys.text], keys.how)},
        warnings=list(keys.warnings),
    )


def column_fact(column: str, how: str) -> str:
    """Where the molecules were found."""
    return f"column {column!r}{f', {how}' if how else ''}"


# --- Values --------------------------------------------------------------------------------------


def typed(cells: pa.Table) -> tuple[pa.Table, list[str]]:
    """Each column as numbers, where all cells that are not empty are numbers, or as text; columns
    that are neither, or empty, are dropped. And warnings of columns that are nearly numbers.
    """
    found: dict[str, Any] = {}
    warnings = []
    for name, column in zip(cells.column_names, cells.columns, strict=True):
        if name and (one := _as_values(name, column)) is not None:
            found[name] = one
            if is_text(one.type) and name not in MARKS and (doubt := _nearly_numbers(name, one)):
                warnings.append(doubt)
    return with_length(list(found.values()), list(found), len(cells)), warnings


def _as_values(name: str, column: Any) -> Any:
    t = column.type
    if name not in MARKS and (
        pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t)
    ):
        return _finite(column.cast(pa.float64(), safe=False))
    try:
        text = pc.utf8_trim_whitespace(_as_text(column))
    except pa.ArrowException:  # lists, structures
        return None
    text = pc.replace_substring_regex(text, r"\s*[\r\n]\s*", " ")
    empty = pc.is_in(text, pa.array(MISSING, pa.large_string()))
    text = pc.if_else(empty, pa.scalar(None, pa.large_string()), text)
    if text.null_count == len(text):
        return None
    if name in MARKS or _has(text, _CODE):
        return text
    try:
        return _finite(text.cast(pa.float64()))
    except pa.ArrowInvalid:
        pass
    if not _has(text, _DECIMAL_COMMA, invert=True) and _has(text, _NO_THOUSANDS):
        return _finite(pc.replace_substring(text, ",", ".").cast(pa.float64()))
    return text


# Codes such as 00501, and numbers with more digits than a float64 has, are texts.
_CODE = r"^[-+]?(?:0\d+|\d{16,})$"
_DECIMAL_COMMA = r"^[-+]?\d+(?:,\d+)?(?:[eE][-+]?\d+)?$"
# 1,234 may be either; another number of digits after the comma settles it.
_NO_THOUSANDS = r",(?:\d{1,2}|\d{4,})(?:[eE]|$)"


def _has(text: Any, pattern: str, invert: bool = False) -> bool:
    """Whether a cell matches; or, inverted, whether one does not."""
    matches = pc.match_substring_regex(text, pattern)
    return bool(pc.any(pc.invert(matches) if invert else matches).as_py())


def _nearly_numbers(name: str, text: Any) -> str:
    """A warning of a column of numbers but for a few cells; empty where it is none."""
    known = text.drop_null()
    numbers = pc.match_substring_regex(known, r"^[-+]?\d*[.,]?\d+(?:[eE][-+]?\d+)?$")
    count = int(pc.sum(numbers).as_py() or 0)
    if not 0.8 * len(known) <= count < len(known) or _has(text, _CODE):
        return ""
    odd = known.filter(pc.invert(numbers))
    found = f"column {name!r} is text, since {len(odd):,} of {len(known):,} cells are not numbers"
    hint = "remove them to use it as a condition"
    return Doubt(f"{found} (such as {odd[0].as_py()[:40]!r}): {hint}", f"{found}: {hint}")


def _finite(numbers: Any) -> Any:
    good = pc.fill_null(pc.is_finite(numbers), False)
    return pc.if_else(good, numbers, pa.scalar(None, pa.float64()))


def _as_text(column: Any) -> Any:
    return column.cast(pa.large_string())


def _as_any_text(column: Any) -> Any:
    try:
        return _as_text(column)
    except pa.ArrowException:  # lists, structures
        texts = [None if cell is None else str(cell) for cell in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.large_string())])


def is_text(t: pa.DataType) -> bool:
    if pa.types.is_dictionary(t):
        return is_text(t.value_type)
    kinds = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_null,
    )
    return any(is_kind(t) for is_kind in kinds)


# --- Hashes -------------------------------------------------------------------------------------


def digest_of(table: pa.Table) -> str:
    """A hash of names, types and content that does not depend on the table's chunks."""
    digest = hashlib.sha256(repr(len(table)).encode())
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_null(column.type):
            continue
        whole = column.combine_chunks()
        digest.update(f"{name}\0{whole.type}".encode())
        digest.update(np.packbits(whole.is_valid().to_numpy(zero_copy_only=False)).tobytes())
        if pa.types.is_large_string(whole.type):
            filled = whole.fill_null("")
            begins = np.frombuffer(filled.buffers()[1], np.int64)[filled.offset :][: len(whole) + 1]
            digest.update(np.diff(begins).tobytes())
            characters = filled.buffers()[2]
            digest.update(memoryview(characters)[begins[0] : begins[-1]] if characters else b"")
        else:
            digest.update(whole.fill_null(0).to_numpy(zero_copy_only=False).tobytes())
    return digest.hexdigest()
