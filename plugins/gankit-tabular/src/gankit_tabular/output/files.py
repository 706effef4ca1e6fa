"""Files of generated rows, which are marked as synthetic."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import pyarrow as pa

from gankit.contract import Provenance, Sample
from gankit.kit.tables import TableWriter
from gankit_tabular.data.cells import Style, cell_texts, plain_cell
from gankit_tabular.data.dialect import Dialect, schema_dialect
from gankit_tabular.data.options import MISSING
from gankit_tabular.data.quoting import Quoting
from gankit_tabular.data.rows import Row
from gankit_tabular.data.sources import SEED, SYNTHETIC
from gankit_tabular.output.documents import ExcelWriter, JsonWriter

FORMATS = ("csv", "parquet", "feather", "jsonl", "xlsx")
"""Output formats; the first one is the default."""
GROUP = 10_000
"""Rows that are written together."""


class Writer(Protocol):
    """Writes rows one by one."""

    def write(self, row: Row) -> None: ...

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
    dialect = schema_dialect(schema.metadata) or Dialect()
    marked = schema.append(pa.field(SEED, pa.int64())).append(pa.field(SYNTHETIC, pa.bool_()))
    marked = marked.with_metadata(provenance.text())
    if file.suffix == ".csv":
        writer: Writer = CsvWriter(file, marked, dialect)
    elif file.suffix == ".jsonl":
        writer = JsonWriter(file, marked)
    elif file.suffix == ".xlsx":
        writer = ExcelWriter(file, marked, provenance)
    else:
        writer = TableWriter(file, marked, GROUP)
    with writer:
        for sample in samples:
            seed = None if sample.real else sample.seed
            if isinstance(writer, CsvWriter):
                writer.written_as(getattr(sample.item, "dialect", dialect))
            writer.write({**sample.item, SEED: seed, SYNTHETIC: not sample.real})


class CsvWriter:
    """A CSV file in the dialect of the source, as UTF-8; holds few rows at a time."""

    def __init__(self, file: Path, schema: pa.Schema, dialect: Dialect) -> None:
        self.schema, self.dialect = schema, dialect
        self._rows: list[Row] = []
        self._as = dialect
        encoding = "utf-8-sig" if dialect.bom else "utf-8"
        self._file = file.open("w", newline="", encoding=encoding, errors="replace")
        self._write = self._lines()
        header = [dialect.names.get(name, name) for name in schema.names]
        self._write([header], header=True)

    def written_as(self, dialect: Dialect) -> None:
        """Sets how the cells of the next rows are written: those of real rows as in their file."""
        if dialect is not self._as:
            self._flush()
            self._as = dialect

    def write(self, row: Row) -> None:
        """Adds a row."""
        self._rows.append(row)
        if len(self._rows) == GROUP:
            self._flush()

    def __enter__(self) -> CsvWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._file.close()

    def _flush(self) -> None:
        if self._rows:
            columns = [
                _cells(
                    [row.get(field.name) for row in self._rows],
                    field.type,
                    self._as.styles.get(field.name, Style()),
                )
                for field in self.schema
            ]
            self._rows = []
            self._write(list(zip(*columns, strict=True)), header=False)

    def _lines(self) -> Any:
        """A function that writes rows of texts."""
        given = self.dialect
        how = given.quoting
        if how == Quoting(every=how.every, header=how.every) and not (
            given.blank or given.delimiter == " "
        ):
            writer = csv.writer(
                self._file,
                delimiter=given.delimiter,
                lineterminator=given.newline,
                quoting=csv.QUOTE_ALL if how.every else csv.QUOTE_MINIMAL,
            )
            return lambda rows, header: writer.writerows(rows)
        quoted = [how.every or f.name in how.columns for f in self.schema]
        between = given.delimiter + " " * given.blank

        def lines(rows: Sequence[Sequence[str]], header: bool) -> None:
            for row in rows:
                cells = (
                    how.cell(
                        cell,
                        given.delimiter,
                        how.header
                        if header
                        else (own and (how.every or how.missing or cell not in MISSING))
                        or (not cell and given.delimiter == " "),
                    )
                    for cell, own in zip(row, quoted, strict=True)
                )
                self._file.write(between.join(cells) + given.newline)

        return lines


def _cells(values: list[Any], t: pa.DataType, style: Style) -> list[str]:
    """The cells of a column; those of real rows may have another type than generated ones."""
    try:
        found = cell_texts(pa.array(values, t), style).to_pylist()
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        found = [plain_cell(value, style) for value in values]
    return found  # type: ignore[no-any-return]
