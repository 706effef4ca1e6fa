"""Files of generated rows, which are marked as synthetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from gankit.contract import Provenance, Sample
from gankit.kit.tables import TableWriter
from gankit_tabular.data.arrow import texts_of
from gankit_tabular.data.cells import Style, cell_texts
from gankit_tabular.data.dialect import Dialect, schema_dialect
from gankit_tabular.data.options import MISSING
from gankit_tabular.data.rows import Row, Rows, slices, table_of
from gankit_tabular.data.sources import SEED, SYNTHETIC
from gankit_tabular.output.documents import ExcelWriter, JsonWriter

FORMATS = ("csv", "parquet", "feather", "jsonl", "xlsx")
"""Output formats; the first one is the default."""
IMPUTED, IMPUTED_BETWEEN = "_imputed", ";"
"""The column that names what was filled in, and what is between the names."""
GROUP = 10_000
"""Rows that are written together."""


Mark = TypeVar("Mark")


class Writer(Protocol):
    """Writes rows as they come."""

    def write_table(self, table: pa.Table) -> None:
        """Adds rows, with the columns of the file; the metadata of real ones have the dialect of
        the file they come from."""

    def __enter__(self) -> Writer: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None: ...


def write_rows(
    samples: Iterable[Sample[Row]],
    file: Path,
    schema: pa.Schema,
    provenance: Provenance,
) -> None:
    """Writes rows as they come, with two columns that mark generated ones and give their seeds.

    Args:
        file: its suffix is one of ``FORMATS``.
        schema: of the rows; its metadata may have the dialect of CSV files.
    """
    with open_writer(file, schema, provenance) as writer:
        for rows, seeds in _groups(samples, lambda s: None if s.real else s.seed):
            for part in slices(rows):
                own, seeds = seeds[: len(part)], seeds[len(part) :]
                writer.write_table(marked(part, pa.array(own, pa.int64()), schema))


def open_writer(file: Path, schema: pa.Schema, provenance: Provenance) -> Writer:
    """A writer for tables that :func:`marked` gives, by the file's suffix."""
    whole = schema.append(pa.field(SEED, pa.int64())).append(pa.field(SYNTHETIC, pa.bool_()))
    return _writer(file, whole, schema_dialect(schema.metadata) or Dialect(), provenance)


def write_imputed(
    samples: Iterable[Sample[Row]], file: Path, provenance: Provenance, mark: bool
) -> None:
    """Writes rows with their gaps filled as they come, each with the columns of its own table.

    Args:
        file: its suffix is one of ``FORMATS``.
        mark: whether a last column has the names of the columns that were filled.
    """
    with ExitStack() as opened:
        writer: Writer | None = None
        for rows, filled in _groups(samples, lambda s: IMPUTED_BETWEEN.join(s.filled) or None):
            for part in slices(rows):
                own, filled = filled[: len(part)], filled[len(part) :]
                table = table_of(part)
                if mark:
                    table = table.append_column(IMPUTED, pa.array(own, pa.string()))
                if writer is None:
                    dialect = schema_dialect(table.schema.metadata) or Dialect()
                    writer = opened.enter_context(_writer(file, table.schema, dialect, provenance))
                writer.write_table(table)


def _writer(file: Path, schema: pa.Schema, dialect: Dialect, provenance: Provenance) -> Writer:
    """What writes a file of this suffix."""
    marked = schema.with_metadata(provenance.text())
    if file.suffix == ".csv":
        return CsvWriter(file, marked, dialect)
    if file.suffix == ".jsonl":
        return JsonWriter(file, marked)
    if file.suffix == ".xlsx":
        return ExcelWriter(file, marked, provenance)
    return TableWriter(file, marked, GROUP)


def _groups(
    samples: Iterable[Sample[Row]], mark: Callable[[Sample[Row]], Mark | None]
) -> Iterator[tuple[list[Row], list[Mark | None]]]:
    """Rows that are written together, with what marks each; the samples are not kept."""
    rows, marks = list[Row](), list[Mark | None]()
    for sample in samples:
        rows.append(sample.item)
        marks.append(mark(sample))
        if len(rows) == GROUP:
            yield rows, marks
            rows, marks = [], []
    yield rows, marks


def marked(rows: Rows | list[Row], seed: pa.Array, schema: pa.Schema) -> pa.Table:
    """A table of rows with the two columns that mark them, and the metadata of their table.

    Args:
        seed: of each row; real ones have none.
    """
    table = table_of(rows, schema)
    if isinstance(rows, Rows):
        table = table.replace_schema_metadata(rows.table.schema.metadata)
    return table.append_column(SEED, seed).append_column(SYNTHETIC, seed.is_valid())


class CsvWriter:
    """A CSV file in the dialect of the source, as UTF-8."""

    def __init__(self, file: Path, schema: pa.Schema, dialect: Dialect) -> None:
        self._names, self._dialect = schema.names, dialect
        encoding = "utf-8-sig" if dialect.bom else "utf-8"
        self._file = file.open("w", newline="", encoding=encoding, errors="replace")
        names = (dialect.names.get(name, name) for name in schema.names)
        how, delimiter = dialect.quoting, dialect.delimiter
        self._between = delimiter + " " * dialect.blank
        header = self._between.join(how.cell(name, delimiter, how.header) for name in names)
        self._file.write(header + dialect.newline)

    def write_table(self, table: pa.Table) -> None:
        """Adds rows, real ones with cells as in their file."""
        styles = (schema_dialect(table.schema.metadata) or self._dialect).styles
        columns = [
            self._quoted(name, cell_texts(values.combine_chunks(), styles.get(name, Style())))
            for name, values in zip(self._names, table.select(self._names).columns, strict=True)
        ]
        lines = pc.binary_join_element_wise(*columns, self._between).to_pylist()
        self._file.writelines(line + self._dialect.newline for line in lines)

    def __enter__(self) -> CsvWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()

    def _quoted(self, name: str, cells: pa.Array) -> pa.Array:
        """A column's cells as they are written: in quotes where they have or need them."""
        how, delimiter = self._dialect.quoting, self._dialect.delimiter
        own = how.every or name in how.columns
        plain = () if how.every or how.missing else MISSING
        blanks = delimiter == " "  # an empty cell would be none

        def quoted(cell: str) -> str:
            marked = (own and cell not in plain) or (blanks and not cell)
            return how.cell(cell, delimiter, marked)

        return texts_of(cells, quoted)
