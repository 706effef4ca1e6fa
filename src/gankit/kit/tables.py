"""Tables: data frames, missing values, ranges, and table files of samples.

Arrow is needed where a docstring says so: ``pip install 'gankit[tables]'``.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""Texts that stand for a missing value."""


# --- Reading ------------------------------------------------------------------------------------


def arrow_table(source: Any, array: Callable[[Any], Any] | None = None) -> Any | None:
    """A data frame or records as an Arrow table. Needs Arrow.

    Args:
        source: an Arrow table or record batch, a pandas or polars data frame, or a sequence of
            mappings, which may have different keys.
        array: makes an Arrow array of a pandas column or a list of values; ``pyarrow.array`` by
            default.

    Returns:
        The table; None for any other object.

    Raises:
        pyarrow.ArrowException, TypeError, ValueError: the values of a column do not go together.
    """
    import pyarrow as pa

    array = array or pa.array
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if hasattr(source, "to_arrow") and hasattr(source, "columns"):  # polars
        return source.to_arrow()
    if hasattr(source, "iloc") and hasattr(source, "columns"):  # pandas
        columns = [array(source.iloc[:, i]) for i in range(len(source.columns))]
        return pa.Table.from_arrays(columns, names=[str(name) for name in source.columns])
    if not isinstance(source, Sequence) or not all(isinstance(row, Mapping) for row in source):
        return None
    keys = list(dict.fromkeys(key for row in source for key in row))
    columns = [array([row.get(key) for row in source]) for key in keys]
    return pa.Table.from_arrays(columns, names=list(map(str, keys)))


def refuse_duplicate_columns(names: Sequence[str], where: str, hint: str = "Rename one") -> None:
    """Checks that columns have different names.

    Args:
        where: what has the columns, for the message.

    Raises:
        GankitError: two columns have the same name.
    """
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise GankitError(f"{where} has two columns named {twice[0]!r}", hint)


def find_column(columns: Sequence[str], key: str, default: str, usual: Sequence[str]) -> str | None:
    """The column that a setting names, or None.

    Args:
        key: the setting's value.
        default: the setting's default, with which the first of ``usual`` is taken.
        usual: usual names, in the order in which they are tried.
    """
    if key in columns:
        return key
    return next((name for name in usual if name in columns), None) if key == default else None


# --- Ranges -------------------------------------------------------------------------------------


def finite(text: str) -> float | None:
    """A finite number, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def parse_range(
    name: str,
    value: object,
    number: Callable[[str], float | None] = finite,
    examples: tuple[str, str] = ("30", "40"),
) -> tuple[float, float]:
    """The ends of ``30``, ``30..40``, ``..40`` or ``30..``; infinite where one is left out.

    Args:
        name: of the quantity, for the message.
        number: parses an end, and returns None for a text that it cannot parse.
        examples: two values for the hint.

    Raises:
        GankitError: neither a number nor a range, or a range whose ends are reversed.
    """
    text = str(value).strip()
    low, dots, high = (part.strip() for part in text.partition(".."))
    ends = [number(end) if end else None for end in (low, high if dots else low)]
    one, two = examples
    hint = f"Write {name}={one}, {name}={one}..{two}, {name}=..{two} or {name}={one}.."
    if any(end is None and given for end, given in zip(ends, (low, high), strict=True)) or (
        ends == [None, None]
    ):
        raise GankitError(f"{name}={text}: neither a number nor a range", hint)
    least, most = ends
    if least is not None and most is not None and least > most:
        raise GankitError(f"{name}={text}: {low} is greater than {high}", hint)
    return -math.inf if least is None else least, math.inf if most is None else most


# --- Writing ------------------------------------------------------------------------------------


def marks(sample: Sample[Any]) -> dict[str, Any]:
    """Columns that mark a sample as generated or real."""
    return {"seed": None if sample.real else sample.seed, "generated": not sample.real}


def json_line(row: Mapping[str, Any]) -> str:
    """A row of a JSON lines file."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def provenance_metadata(provenance: Provenance) -> dict[str, str]:
    """The provenance as metadata of a table file."""
    return {f"gankit.{key}": text for key, text in provenance.text().items()}


def media_schema(
    columns: Mapping[str, Any], media: Mapping[str, Mapping[str, Any]], provenance: Provenance
) -> Any:
    """The schema of a table with images or sounds, as Hugging Face's datasets read it. Needs Arrow.

    Args:
        columns: Arrow types by name.
        media: features of the columns that hold images or sounds, as ``{"_type": "Image"}``.
    """
    import pyarrow as pa

    names = {"double": "float64", "float": "float32"}
    features = {
        name: media.get(name) or {"dtype": names.get(str(t), str(t)), "_type": "Value"}
        for name, t in columns.items()
    }
    described = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema(list(columns.items()), {**described, **provenance_metadata(provenance)})


class TableWriter:
    """A table file that is written as its rows come, and holds few at a time. Needs Arrow.

    Args:
        file: ``.csv``, ``.parquet`` or ``.feather``; the suffix decides the format.
        schema: Arrow's, with the metadata that Parquet and Feather store.
        group: rows that are held and written together; a row group of Parquet.
    """

    def __init__(self, file: Path, schema: Any, group: int = 10_000) -> None:
        self.schema, self.group = schema, group
        self._rows: list[Mapping[str, Any]] = []
        self._table = schema.empty_table()
        self._writer = _arrow_writer(file, schema)

    def write(self, row: Mapping[str, Any]) -> None:
        """Adds a row; columns that it lacks are missing values."""
        self._rows.append(row)
        if len(self._rows) == self.group:
            self._gather()

    def write_table(self, table: Any) -> None:
        """Adds the rows of an Arrow table, which has the schema's columns.

        Raises:
            pyarrow.ArrowInvalid: a value does not fit its column.
        """
        self._gather()
        self._add(table.select(self.schema.names).cast(self.schema))

    def add_metadata(self, texts: Mapping[str, str]) -> None:
        """Adds metadata that are known only after the rows. For Parquet, which stores them last."""
        self._writer.add_key_value_metadata(dict(texts))

    def close(self) -> None:
        self._gather()
        if len(self._table):
            self._writer.write_table(self._table.combine_chunks())
        self._writer.close()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._writer.close()

    def _gather(self) -> None:
        """Adds the single rows as a table."""
        import pyarrow as pa

        if self._rows:
            self._add(pa.Table.from_pylist(self._rows, self.schema))
            self._rows = []

    def _add(self, table: Any) -> None:
        import pyarrow as pa

        self._table = pa.concat_tables([self._table, table])
        while len(self._table) >= self.group:
            self._writer.write_table(self._table.slice(0, self.group).combine_chunks())
            self._table = self._table.slice(self.group)


def _arrow_writer(file: Path, schema: Any) -> Any:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if file.suffix == ".parquet":
        return pyarrow.parquet.ParquetWriter(file, schema)
    if file.suffix == ".feather":
        return pa.ipc.new_file(str(file), schema)
    return pyarrow.csv.CSVWriter(str(file), schema)
