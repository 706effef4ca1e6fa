"""Tables as they are scored: each column as what the codec takes it for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.contract import EvaluationData
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.columns import Column, Kind
from gankit_tabular.codec.fitting import infer_kind
from gankit_tabular.codec.rare import merge_as_fitted
from gankit_tabular.data.arrow import is_text, plain
from gankit_tabular.data.rows import Row, sample_table, table_of
from gankit_tabular.evaluation.targets import check_generated
from gankit_tabular.formats.base import Format
from gankit_tabular.formats.columns import column_formats, typed_as, typed_table

MOST = 20_000
"""Rows of each kind that scores are computed from."""


class ScoredColumns:
    """The columns that scores and charts compare.

    Formatted numbers are numbers, dates are dates, and categories are texts also where they are
    written as numbers. Identifiers, keys and constants are left out: nobody learns them.

    Args:
        schema: of the typed values.
        formats: of the columns that have one.
        categories: columns that are categories.
        names: columns that are compared.
        merged: fitted columns whose rare categories are merged.
    """

    def __init__(
        self,
        schema: pa.Schema,
        formats: Mapping[str, Format],
        categories: Sequence[str],
        names: Sequence[str],
        merged: Sequence[Column] = (),
    ) -> None:
        self.schema, self.formats, self.merged = schema, formats, merged
        self.categories, self.names = set(categories), list(names)

    @classmethod
    def of(
        cls,
        real: pa.Table,
        codec: TableCodec | None = None,
        kinds: Mapping[str, str] | None = None,
    ) -> ScoredColumns:
        """The columns of a table of training rows.

        Args:
            codec: the run's; without one, formats and kinds are inferred from the rows.
            kinds: that the user has set, where there is no codec.
        """
        formats = column_formats(real, kinds or {}) if codec is None else codec.formats
        typed = typed_table(real, formats)
        if codec is None:
            found = dict(_inferred(typed, kinds or {}))
            left_out = {n for n in typed.column_names if _is_constant(typed.column(n))}
        else:
            found = {c.name: c.kind for c in codec.columns}
            left_out = {c.name for c in codec.columns if c.constant}
            left_out |= set(codec.constraints.keys.names)
        kept = [n for n in typed.column_names if n not in left_out and found[n] != "identifier"]
        categories = [n for n in typed.column_names if found[n] == "category"]
        merged = [] if codec is None else [c for c in codec.columns if c.merged]
        return cls(typed.schema, formats, categories, kept, merged)

    def table(self, table: pa.Table, more: Sequence[str] = ()) -> pa.Table:
        """A table's scored columns, typed; values that do not fit are missing.

        Args:
            more: columns to keep besides, such as a target.
        """
        kept = [n for n in self.schema.names if n in {*self.names, *more}]
        typed = typed_as(table, pa.schema([self.schema.field(n) for n in kept]), self.formats)
        typed = merge_as_fitted(typed, self.merged)
        for i, field in enumerate(typed.schema):
            t = field.type
            if field.name in self.categories and not (is_text(t) or pa.types.is_boolean(t)):
                texts = plain(typed.column(i)).cast(pa.string())
                typed = typed.set_column(i, field.name, texts)
        return typed


@dataclass(frozen=True)
class Compared:
    """Typed tables of the same columns."""

    columns: ScoredColumns
    train: pa.Table
    heldout: pa.Table
    generated: pa.Table

    def of_equal_size(self, rng: np.random.Generator) -> Compared:
        """As many generated rows as held-out ones: the fewer they are, the less similar is the
        distribution of their values."""
        n = min(len(self.heldout), len(self.generated))
        heldout, generated = (
            table.take(np.sort(rng.choice(len(table), n, replace=False)))
            for table in (self.heldout, self.generated)
        )
        return replace(self, heldout=heldout, generated=generated)


def compared(
    data: EvaluationData[Row],
    rng: np.random.Generator,
    codec: TableCodec | None,
    kinds: Mapping[str, str],
    more: Sequence[str] = (),
) -> Compared:
    """At most ``MOST`` rows of each kind, as they are scored.

    Args:
        codec, kinds: as for :meth:`ScoredColumns.of`.
        more: columns to keep in any case.

    Raises:
        GankitError: the generated rows lack a column.
    """
    train, heldout = (sample_table(rows, MOST, rng) for rows in (data.train, data.heldout))
    made = [sample.item for sample in data.generated[:MOST]]
    check_generated(train.schema.names, made)
    columns = ScoredColumns.of(train, codec, kinds)
    tables = (train, heldout, table_of(made, train.schema))
    return Compared(columns, *(columns.table(table, more) for table in tables))


def shown_kind(t: pa.DataType) -> str:
    """What a scored column of a type is, for a person."""
    if pa.types.is_duration(t):
        return "duration"
    if pa.types.is_temporal(t):
        return "date or time"
    return "number" if pa.types.is_integer(t) or pa.types.is_floating(t) else "category"


def _inferred(typed: pa.Table, kinds: Mapping[str, str]) -> Iterator[tuple[str, Kind]]:
    for name, values in zip(typed.column_names, typed.columns, strict=True):
        yield name, infer_kind(name, plain(values), kinds.get(name, ""))


def _is_constant(values: pa.ChunkedArray) -> bool:
    return pc.count_distinct(plain(values), mode="all").as_py() < 2  # type: ignore[no-any-return]
