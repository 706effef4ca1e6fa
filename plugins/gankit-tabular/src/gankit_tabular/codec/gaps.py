"""Missing cells: which a table has, and the table with them filled."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.contract import Gaps
from gankit.errors import GankitError
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.constraints.grid import plain_values
from gankit_tabular.codec.constraints.key_spaces import KeySpace, Patterns
from gankit_tabular.codec.constraints.unique import UniqueKeys
from gankit_tabular.codec.rare import merge_as_fitted
from gankit_tabular.codec.templates import Identifiers
from gankit_tabular.data.arrow import Flags, is_text, numbers, plain, storage_type
from gankit_tabular.data.rows import Row, Rows, as_table
from gankit_tabular.formats.base import Format
from gankit_tabular.formats.columns import column_formats, read_columns
from gankit_tabular.formats.times import TimeFormat


@dataclass
class Incomplete:
    """Rows with missing cells, by column."""

    table: pa.Table
    """With the schema of the training data."""
    typed: Mapping[str, pa.ChunkedArray]
    missing: Mapping[str, Flags]
    """Which cells are missing."""
    known: Mapping[str, Flags]
    """Which cells have a value of the training data, or a number."""


class GapReader:
    """Finds missing cells, and puts values into them.

    Args:
        columns: of the codec.
        schema: of rows as they are written.
        formats: how cells are written, by column.
        keys: of the table.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        schema: pa.Schema,
        formats: Mapping[str, Format],
        keys: UniqueKeys,
    ) -> None:
        self.columns, self.schema, self.formats, self.keys = columns, schema, formats, keys
        self.named = {c.name: c for c in columns}
        self._new: dict[str, KeySpace] = {}
        """Unused keys of columns in which some are missing."""
        self._own: dict[str, Format] = {}
        """How the table with gaps writes what is not a text in the training data."""

    def read(self, items: Sequence[Row]) -> Incomplete:
        table = as_table(items, self.schema)
        typed = read_columns(table, self.formats)
        merged = merge_as_fitted(table, self.columns)
        codes = typed if merged is table else read_columns(merged, self.formats)
        missing = {name: missing_in(values) for name, values in typed.items()}
        known = {}
        for name, absent in missing.items():
            column = self.named[name]
            known[name] = ~absent
            if column.kind == "category" and column.codes:
                values = plain(codes[name])
                seen = pc.is_in(values, value_set=pa.array(column.values, values.type))
                known[name] &= seen.to_numpy(zero_copy_only=False) & ~missing_in(values)
        return Incomplete(table, codes, missing, known)

    def gaps(self, items: Sequence[Row]) -> Gaps:
        """What rows lack.

        Raises:
            GankitError: a column that cannot be filled has gaps.
        """
        missing, keys = self.read(items).missing, self.keys.composite
        for name, absent in missing.items():
            column = self.named[name]
            if not absent.any():
                continue
            if column.kind != "identifier" and not column.values and not column.bins:
                raise GankitError(
                    f"column {name!r} cannot be filled: it has no value in the training data",
                    "Remove it from --data, and train without it",
                )
            if key := next((key for key in keys if name in key), ()):
                raise GankitError(
                    f"column {name!r} cannot be filled: it is part of the key {', '.join(key)}",
                    "Fill it by hand, or train without the constraint",
                )
        return Gaps([*missing], np.stack([*missing.values()], 1))

    def note_forms(self, table: pa.Table) -> list[str]:
        """Finds the columns that a table with gaps writes as texts, and the training data does not:
        their filled cells are written alike.

        Returns:
            A warning for each, but for dates in ISO 8601.
        """
        own = [f.name for f in self.schema
               if is_text(table.schema.field(f.name).type) and not is_text(f.type)]  # fmt: skip
        forms = column_formats(table.select(own), {})
        self._own = {name: form for name, form in forms.items() if not is_text(form.type)}
        found = []
        for name, form in self._own.items():
            pattern = form.pattern.replace("%-", "%") if isinstance(form, TimeFormat) else ""
            if pattern.startswith("%Y-%m-%d"):
                continue  # as dates are written everywhere
            order = isinstance(form, TimeFormat) and form.ambiguous
            read = f", read as {pattern}" if order else ""
            found.append(
                f"Column {name!r} is written in another form than in the training data{read}; its "
                "filled cells are written as in the data with gaps."
            )
        return found

    def repeated(self, items: Sequence[Row]) -> list[str]:
        """Warnings about identifiers that several rows have."""
        table, found = as_table(items, self.schema), []
        for column in self.columns:
            if column.kind != "identifier":
                continue
            values = table.column(column.name).drop_null()
            if more := len(values) - pc.count_distinct(values).as_py():
                rows = "1 row repeats" if more == 1 else f"{more:,} rows repeat"
                found.append(
                    f"Column {column.name!r} has identifiers, and {rows} one of another row; they "
                    "are kept."
                )
        return found

    def reserve(self, items: Sequence[Row]) -> None:
        """Prepares new keys for missing ones, other than those of these rows.

        Raises:
            GankitError: there are too few.
        """
        self._new = {}
        table = as_table(items, self.schema)
        for column in self.columns:
            if column.kind != "identifier" or not table.column(column.name).null_count:
                continue
            values = read_columns(table.select([column.name]), self.formats)[column.name]
            space = copy.deepcopy(self.keys.spaces.get(column.name))
            if space is None and column.identifier:
                space = Identifiers.load(column.name, column.identifier)
            elif space is None:  # of an older run
                space = Patterns(column.name, patterns=list(column.patterns))
            space.reserve(plain_values(column, values))
            if space.room < len(table):
                raise GankitError(
                    f"column {column.name!r} cannot be filled: {len(table):,} rows, and only "
                    f"{max(space.room, 0):,} unused keys like those of the training data",
                    "Fill it by hand",
                )
            self._new[column.name] = space

    def insert(
        self, items: Sequence[Row], completed: Sequence[Row], gaps: Gaps, seeds: Sequence[int]
    ) -> Rows:
        """Rows as they were read, with completed cells in their gaps."""
        assert isinstance(items, Rows)
        table, filled = items.table, as_table(completed, self.schema)
        some = gaps.missing.any(1)
        place = pa.array(np.cumsum(some) - 1, mask=~some)
        columns = {name: table.column(name) for name in table.column_names}
        for name, flags in zip(gaps.names, gaps.missing.T, strict=True):
            trained = self.schema.field(name).type
            own = plain(columns[name]).type
            values, form = filled.column(name).take(place), self.formats.get(name)
            other = name in self._own if is_text(own) else is_text(trained)
            if form is not None and other and not is_text(form.type):
                values, trained = form.read_column(values), form.type
            kept = filled_type(own, trained)
            if name in self._own and flags.any():
                values = _in_form(values, self._own[name], self.named[name].decimals)
            if self.named[name].kind == "identifier" and flags.any():
                made = [self._new[name].draw(s) if f else None
                        for s, f in zip(seeds, flags.tolist(), strict=True)]  # fmt: skip
                values = pa.chunked_array([pa.array(made).cast(trained)])
            if flags.any():
                given = plain(columns[name]).cast(kept)
                columns[name] = pc.if_else(pa.array(flags), plain(values).cast(kept), given)
            elif kept != own:
                columns[name] = plain(columns[name]).cast(kept)
        return Rows(pa.table(columns).replace_schema_metadata(table.schema.metadata))


def _in_form(values: pa.ChunkedArray, form: Format, decimals: int) -> pa.ChunkedArray:
    """Values as texts in a form."""
    values = plain(values)
    if pa.types.is_temporal(form.type):
        values = values.cast(form.type, safe=False).cast(storage_type(form.type)).cast(pa.int64())
    return pa.chunked_array([form.write_column(values.to_pylist(), decimals, pa.string())])


def filled_type(own: pa.DataType, trained: pa.DataType) -> pa.DataType:
    """The type of a column with gaps once they are filled."""
    if pa.types.is_null(own):
        return trained
    if pa.types.is_integer(own) and not pa.types.is_integer(trained):
        return trained
    return own if not is_text(own) or is_text(trained) else pa.string()


def missing_in(values: pa.ChunkedArray) -> Flags:
    """Which values are missing, NaN included."""
    values = plain(values)
    if pa.types.is_floating(values.type):
        return np.asarray(~np.isfinite(numbers(values)))
    return np.asarray(values.is_null().to_numpy(zero_copy_only=False), bool)
