"""Tables of materials: CSV and Parquet, written as rows come."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from gankit.contract import Provenance, Sample
from gankit.kit.files import set_aside
from gankit_material.data.items import Material
from gankit_material.output.rows import Row, Rows, ordered, text_of

BLOCK = 4096
"""Rows in memory at a time."""

Samples = Iterable[Sample[Material]]


def write_csv(samples: Samples, target: Path, provenance: Provenance) -> None:
    """``data.csv``: CSV has no place for provenance but the column ``generated``."""
    file, header = target / "data.csv", list[str]()
    for rows, columns in _blocks(samples):
        if columns != header:
            header = columns
            _widen(file, header)
        with file.open("a", encoding="utf-8", errors="backslashreplace", newline="") as out:
            lines = csv.DictWriter(out, header, restval="", lineterminator="\n")
            lines.writerows({key: text_of(value) for key, value in row.items()} for row in rows)


def _widen(file: Path, header: Sequence[str]) -> None:
    """Rewrites a file with these columns, among them those that it has."""
    with (
        set_aside(file) as before,
        file.open("w", encoding="utf-8", errors="backslashreplace", newline="") as out,
    ):
        lines = csv.DictWriter(out, header, restval="", lineterminator="\n")
        lines.writeheader()
        if before is not None:
            with before.open(encoding="utf-8", newline="") as old:
                lines.writerows(csv.DictReader(old))


def write_parquet(samples: Samples, target: Path, provenance: Provenance) -> None:
    """``data.parquet``, with provenance in the schema's metadata."""
    import pyarrow.parquet as pq

    file = target / "data.parquet"
    about = {f"gankit.{key}": text for key, text in provenance.text().items()}
    schema, writer = None, None
    try:
        for rows, columns in _blocks(samples):
            wanted = _schema(rows, columns, schema)
            if writer is None or wanted != schema:
                if writer is not None:
                    writer.close()
                schema = wanted
                with set_aside(file) as before:
                    writer = pq.ParquetWriter(file, schema.with_metadata(about))
                    if before is not None:
                        for batch in pq.ParquetFile(before).iter_batches(BLOCK):
                            writer.write_table(_table(batch.to_pylist(), schema))
            if rows:
                writer.write_table(_table(rows, schema).replace_schema_metadata(about))
    finally:
        if writer is not None:
            writer.close()


def _schema(rows: Sequence[Row], columns: Sequence[str], before: Any) -> Any:
    """Types that hold the rows, and those before; text where they do not go together."""
    import pyarrow as pa

    fields = []
    for name in columns:
        if name == "seed":
            found: Any = pa.uint64()
        elif name == "generated":
            found = pa.bool_()
        else:
            found = _type([row.get(name) for row in rows])
            if before is not None and (i := before.get_field_index(name)) >= 0:
                found = _both(before.field(i).type, found)
        fields.append(pa.field(name, found))
    return pa.schema(fields)


def _type(values: Sequence[object]) -> Any:
    import pyarrow as pa

    try:
        found = pa.array([value for value in values if value is not None]).type
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return pa.string()
    return found if any(value is not None for value in values) else pa.null()


def _both(one: Any, other: Any) -> Any:
    import pyarrow as pa

    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    numbers = all(pa.types.is_integer(t) or pa.types.is_floating(t) for t in (one, other))
    return pa.float64() if numbers else pa.string()


def _table(rows: Sequence[Mapping[str, Any]], schema: Any) -> Any:
    import pyarrow as pa

    texts = {f.name for f in schema if pa.types.is_string(f.type)}
    floats = {f.name for f in schema if pa.types.is_floating(f.type)}
    converted = []
    for row in rows:
        kept: dict[str, Any] = {
            key: text_of(value)
            if key in texts and not isinstance(value, str)
            else float(value)
            if key in floats
            else value
            for key, value in row.items()
            if value is not None
        }
        # Marks of gankit's own files that were read from text.
        if isinstance(kept.get("generated"), str):
            kept["generated"] = kept["generated"].strip().lower() in ("true", "1")
        if isinstance(kept.get("seed"), str):
            kept["seed"] = int(kept["seed"]) if kept["seed"].isdigit() else None
        converted.append(kept)
    return pa.Table.from_pylist(converted, schema)


def _blocks(samples: Samples) -> Iterator[tuple[list[Row], list[str]]]:
    """Rows in blocks with all columns so far; first no rows, so that a file is always made."""
    made, columns, stream = Rows(), dict[str, None](), iter(samples)
    yield [], [made.formula, "seed", "generated"]
    while some := list(islice(stream, BLOCK)):
        rows = [made.row(sample) for sample in some]
        for row in rows:
            columns |= dict.fromkeys(row)
        yield rows, ordered({**columns, "seed": None, "generated": None})
