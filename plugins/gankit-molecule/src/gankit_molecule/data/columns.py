"""Entries and their values as Arrow columns, which take less memory than Python objects."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError, did_you_mean
from gankit_molecule.settings import MoleculeSettings

SMILES_KEYS = ("smiles", "canonical_smiles", "structure", "mol")
"""Names of the column of molecules, tried in this order, in any case."""
NAME_KEYS = ("name", "id", "compound", "chembl_id", "zinc_id")
"""Likewise for the column of names."""
MARKS = ("_synthetic", "generated", "seed", "_seed")
"""Columns that gankit writes for generated molecules; they are kept as text."""
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""Cells that count as empty."""
PIECE = 50_000
"""Rows that are held as Python objects."""


@dataclass(frozen=True)
class Listing:
    """Entries of a source.

    Attributes:
        entries: columns text (SMILES or a mol block; null where there is none), name, why (a
            reason to skip the entry, else null), place (its line or row) and file.
        values: the other columns: float64 where every cell is a number, or text.
        files: of each file its name, and the unit of ``place``.
    """

    entries: pa.Table
    values: pa.Table
    files: Sequence[tuple[str, str]]


class Rows:
    """Entries, added one by one and converted to Arrow tables piece by piece."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str | None, str, str | None]] = []
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
    ) -> None:
        self._rows.append((place, text, name, why))
        self._values.append(values or {})
        if len(self._rows) == PIECE:
            self._flush()

    def finish(self) -> tuple[pa.Table, pa.Table]:
        """The entries, without the column file, and the other columns as they were."""
        self._flush()
        return pa.concat_tables(self._pieces), joined(self._others)

    def _flush(self) -> None:
        places, texts, names, whys = zip(*self._rows, strict=True) if self._rows else [()] * 4
        self._pieces.append(_entries(texts, names, whys, places))
        columns = dict.fromkeys(key for row in self._values for key in row)
        arrays = [column_of([row.get(key) for row in self._values]) for key in columns]
        self._others.append(_with_length(arrays, list(columns), len(self._rows)))
        self._rows, self._values = [], []


def in_file(entries: pa.Table, number: int) -> pa.Table:
    """Entries with the column file."""
    return entries.append_column("file", pa.repeat(pa.scalar(number, pa.int32()), len(entries)))


def _entries(texts: Any, names: Any, whys: Any, places: Any) -> pa.Table:
    return pa.table(
        {
            "text": pa.array(texts, pa.large_string()),
            "name": pa.array(names, pa.large_string()),
            "why": pa.array(whys, pa.large_string()),
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


def _with_length(columns: Sequence[Any], names: Sequence[str], length: int) -> pa.Table:
    """A table with a first column of nulls, so that it has a length without any other column."""
    return pa.table([pa.nulls(length), *columns], names=["", *names])


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables one below the other; where a column's types differ, it is text."""
    types: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            types.setdefault(field.name, set()).add(field.type)
    mixed = {name for name, found in types.items() if len(found - {pa.null()}) > 1}
    cast = []
    for table in tables:
        for i, name in enumerate(table.column_names):
            if name in mixed:
                table = table.set_column(i, name, _as_text(table.column(i)))
        cast.append(table)
    return pa.concat_tables(cast, promote_options="default")


def split(table: pa.Table, where: str, settings: MoleculeSettings) -> tuple[pa.Table, pa.Table]:
    """The entries of an Arrow table, and its other columns."""
    names = [str(name) for name in table.column_names]
    texts = [name for name, t in zip(names, table.schema.types, strict=True) if _is_text(t)]
    text, name = keys_of(names, texts, where, settings)
    n = len(table)
    titles = pa.repeat("", n) if name is None else pc.fill_null(_as_text(table.column(name)), "")
    entries = pa.table(
        {
            "text": table.column(text).cast(pa.large_string()),
            "name": titles.cast(pa.large_string()),
            "why": pa.nulls(n, pa.large_string()),
            "place": pa.array(np.arange(n)),
        }
    )
    rest = [i for i in range(len(names)) if names[i] and i not in (text, name)]
    return entries, _with_length([table.column(i) for i in rest], [names[i] for i in rest], n)


def keys_of(
    columns: Sequence[str], texts: Sequence[str], where: str, settings: MoleculeSettings
) -> tuple[int, int | None]:
    """Indices of the columns of molecules and of names.

    Args:
        texts: the columns that hold text.

    Raises:
        GankitError: two columns have the same name, or a named one is missing.
    """
    if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise GankitError(f"{where} has two columns named {twice[0]!r}", "Rename one")
    key = key_in(columns, settings.smiles_key, ())
    if key is not None and key not in texts:
        raise GankitError(f"{where}: column {key!r} holds no text", "Set smiles_key to another")
    key = key or key_in(texts, settings.smiles_key, SMILES_KEYS)
    if key is None:
        raise _no_column(columns, settings.smiles_key, where)
    name = key_in(columns, settings.name_key, NAME_KEYS)
    if name is None and settings.name_key != "auto":
        raise GankitError(
            f"{where} has no column {settings.name_key!r}",
            f"Set name_key. {_near(settings.name_key, columns)}",
        )
    return columns.index(key), None if name in (None, key) else columns.index(name)


def _no_column(columns: Sequence[str], key: str, where: str) -> GankitError:
    missing = "column of SMILES" if key == "auto" else f"column {key!r}"
    listed = ", ".join(repr(name[:40]) for name in columns[:8]) or "none"
    more = ", …" if len(columns) > 8 else ""
    near = _near("smiles" if key == "auto" else key, columns)
    hint = f"Set smiles_key to the column of SMILES. {near}"
    return GankitError(f"{where} has no {missing}; it has {listed}{more}", hint)


def _near(key: str, columns: Sequence[str]) -> str:
    return did_you_mean(key.lower(), [column.lower() for column in columns])


def key_in(columns: Sequence[str], key: str, usual: Sequence[str]) -> str | None:
    """The column of a key: that of its name, or for auto the first usual one, in any case."""
    lower = {column.lower(): column for column in reversed(columns)}
    if key == "auto":
        return next((lower[name] for name in usual if name in lower), None)
    return key if key in columns else lower.get(key.lower())


# --- Values --------------------------------------------------------------------------------------


def typed(values: pa.Table) -> pa.Table:
    """Each column as numbers, where all cells that are not empty are numbers, or as text; columns
    that are neither, or empty, are dropped.
    """
    found = {}
    for name, column in zip(values.column_names, values.columns, strict=True):
        if name and (typed := _as_values(name, column)) is not None:
            found[name] = typed
    n = len(values)
    return _with_length(list(found.values()), list(found), n)


def _as_values(name: str, column: Any) -> Any:
    t = column.type
    if name not in MARKS and (
        pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t)
    ):
        return _finite(column.cast(pa.float64()))
    try:
        text = pc.utf8_trim_whitespace(_as_text(column))
    except pa.ArrowException:  # lists, structures
        return None
    empty = pc.is_in(text, pa.array(MISSING, pa.large_string()))
    text = pc.if_else(empty, pa.scalar(None, pa.large_string()), text)
    if text.null_count == len(text):
        return None
    if name in MARKS:
        return text
    try:
        return _finite(text.cast(pa.float64()))
    except pa.ArrowInvalid:
        return text


def _finite(numbers: Any) -> Any:
    good = pc.fill_null(pc.is_finite(numbers), False)
    return pc.if_else(good, numbers, pa.scalar(None, pa.float64()))


def _as_text(column: Any) -> Any:
    return column.cast(pa.large_string())


def _is_text(t: pa.DataType) -> bool:
    if pa.types.is_dictionary(t):
        return _is_text(t.value_type)
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
