"""The rows of one table as sequences: grouped by whose they are, and sorted within."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError, did_you_mean
from gankit_tabular.data.arrow import Ints, is_text, temporal_integers
from gankit_tabular.data.doubts import DATE, NUMBER
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.constants import changing_rows
from gankit_tabular.data.trees.doubts import FEW, nearly_constant, similar_names
from gankit_tabular.data.trees.items import Link, Structure, Trees
from gankit_tabular.data.trees.keys import key_values, refuse_missing
from gankit_tabular.data.trees.sorting import reordered
from gankit_tabular.formats.base import Format
from gankit_tabular.formats.columns import column_formats, read_columns
from gankit_tabular.settings import SequenceSettings

TABLE = "table"
"""The name of a sequence's table, as of the file of a table of rows."""


@dataclass(frozen=True)
class Sequences:
    """A table's rows as sequences, and what was found."""

    trees: Trees
    constants: tuple[str, ...]
    ties: int = 0
    """Rows with the same place in the order as the one before."""
    order: pa.ChunkedArray | None = None
    """The order's values as numbers, dates or times, row by row as in the trees."""
    form: Format | None = None
    """How the file writes them, where it has texts."""
    warnings: tuple[str, ...] = ()
    """What may be a mistake in the data."""


def read_sequences(rows: Rows, settings: SequenceSettings, kinds: dict[str, str]) -> Sequences:
    """Groups rows by their entity, in the order in which entities appear, and sorts those of each.

    Only the columns of the entity and the order are in memory.

    Raises:
        GankitError: the columns cannot be used so; the message names a row.
    """
    entity, order = settings.entity, settings.order
    names = rows.table.column_names
    for key, name in [("entity", entity), ("order", order), *_constants(settings)]:
        if name and name not in names:
            raise GankitError(
                f"sequence.{key}={name}: the table has no such column", did_you_mean(name, names)
            )
    for name in (order, *settings.constants):
        if name == entity:
            raise GankitError(
                f"sequence.entity and another setting of sequences both name {entity!r}",
                "Name another column, or leave it out",
            )
    if order in settings.constants and order:
        raise GankitError(
            f"sequence.order and sequence.constants both name {order!r}",
            "A constant gives no order: leave it out of one of them",
        )
    codes, alike = _entities(rows, entity)
    values, form = _ordered(rows, order, kinds) if order else (None, None)
    numbers = np.zeros(len(rows), np.int64) if values is None else _sortable(values)
    sorting = np.lexsort((numbers, codes))  # stable: ties stay in the file's order
    codes, numbers = codes[sorting], numbers[sorting]
    same = codes[1:] == codes[:-1]
    ties = int((same & (numbers[1:] == numbers[:-1])).sum()) if order else 0
    starts = np.concatenate([[0], np.flatnonzero(~same) + 1, [len(codes)]]).astype(np.int64)
    if order:
        values = values.take(pa.array(sorting)) if values is not None else None
    structure = Structure((Link(TABLE, foreign=entity),), entity, order)
    trees = Trees(structure, {TABLE: reordered(rows, sorting)}, {TABLE: starts})
    others = [name for name in names if name not in (entity, order)]
    changes = changing_rows(trees.tables[TABLE], starts, others, FEW)
    for name in settings.constants:
        _refuse_change(trees, name, changes[name], sorting)
    constants = tuple(name for name, found in changes.items() if not found)
    warnings = (*alike, *nearly_constant(trees, changes, sorting))
    return Sequences(trees, constants, ties, values, form, warnings)


def _constants(settings: SequenceSettings) -> list[tuple[str, str]]:
    return [("constants", name) for name in settings.constants]


def _entities(rows: Rows, entity: str) -> tuple[Ints, list[str]]:
    """A number for each row's entity, from 0 on in the order of their first rows; and warnings.

    Raises:
        GankitError: the column has other values than texts or integers, or misses some; nobody
            has two rows.
    """
    values = key_values(rows, entity, f"sequence.entity={entity}")
    refuse_missing(values, f"sequence.entity={entity}")
    coded = pc.dictionary_encode(values)
    codes = np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int64)
    count = len(coded.dictionary)
    if count == len(codes):
        raise GankitError(
            f"sequence.entity={entity}: no {entity} has two rows, so that there are no sequences",
            "Leave sequence.entity out: each row is then an item",
        )
    return codes, similar_names(coded.dictionary, codes, entity)


def _ordered(
    rows: Rows, order: str, kinds: dict[str, str]
) -> tuple[pa.ChunkedArray, Format | None]:
    """The column that gives the order, as numbers, dates or times.

    Raises:
        GankitError: it has other values, or misses some.
    """
    table = rows.table.select([order])
    formats = column_formats(table, {k: v for k, v in kinds.items() if k == order and v})
    values = read_columns(table, formats)[order]
    what = f"sequence.order={order}"
    if values.null_count == len(values):
        raise GankitError(
            f"{what} has no value in any row",
            "Name another column, or leave sequence.order out: the order of the file then counts",
        )
    if is_text(values.type):
        _refuse_texts(values, what)
    if not _has_order(values.type):
        raise GankitError(
            f"{what} has values of type {values.type}, which have no order",
            "Name a column of numbers, dates or times, or leave sequence.order out: the order of "
            "the file then counts",
        )
    refuse_missing(values, what)
    if pa.types.is_floating(values.type):
        infinite = ~np.isfinite(values.to_numpy())
        if infinite.any():
            row = int(infinite.argmax()) + 1
            raise GankitError(f"{what}: row {row:,} has an infinite value", "Correct or remove it")
    if rows.spool is not None:
        values = pa.chunked_array([values.combine_chunks().take(pa.array(np.arange(len(rows))))])
        rows.spool.release()
    return values, formats.get(order)


def _has_order(t: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(t) or types.is_floating(t) or types.is_temporal(t) or types.is_decimal(t)
    )


def _refuse_texts(values: pa.ChunkedArray, what: str) -> NoReturn:
    hint = (
        "Correct it, name a column of numbers, dates or times, or leave sequence.order out: the "
        "order of the file then counts"
    )
    texts = values.to_pylist()
    for kind, pattern in (("numbers", NUMBER), ("dates", DATE)):
        fits = [t is not None and bool(_regex(pattern).search(t)) for t in texts]
        if sum(fits) >= 0.5 * len(fits):
            odd = next((i for i, (t, f) in enumerate(zip(texts, fits, strict=True))
                        if t is not None and not f), None)  # fmt: skip
            if odd is not None:
                raise GankitError(
                    f"{what} has {kind} and other texts: row {odd + 1:,} has {texts[odd][:40]!r}",
                    hint,
                )
            raise GankitError(f"{what} has {kind} written in several ways", hint)
    shown = next((t for t in texts if t is not None), "")
    raise GankitError(f"{what} has texts such as {shown[:40]!r}, which have no order", hint)


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(r"\p{Sc}", "[$€£¥₹]"))


def _sortable(values: pa.ChunkedArray) -> Any:
    """Values without missing ones as numbers of one type, exactly."""
    if pa.types.is_temporal(values.type):
        return temporal_integers(values)[0]
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    return values.to_numpy()


def _refuse_change(trees: Trees, name: str, changed: list[int], sorting: Ints) -> None:
    if not changed:
        return
    row = changed[0]
    table = trees.tables[TABLE].block(row - 1, 2)
    entity = table.column(trees.structure.entity)[1].as_py()
    was, now = (v if v is not None else "nothing" for v in table.column(name).to_pylist())
    raise GankitError(
        f"sequence.constants: {name} changes within {trees.structure.entity} {entity}, from {was} "
        f"to {now} in row {int(sorting[row]) + 1:,}",
        f"Leave {name} out of sequence.constants, or correct that row",
    )
