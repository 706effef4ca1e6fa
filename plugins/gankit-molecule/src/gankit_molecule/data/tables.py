"""Files of molecules: lines of SMILES, tables, Parquet and SDF, compressed or not."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gankit.errors import GankitError
from gankit_molecule.data.columns import (
    NAME_KEYS,
    SMILES_KEYS,
    Listing,
    Rows,
    in_file,
    joined,
    key_in,
    keys_of,
    split,
    typed,
)
from gankit_molecule.settings import MoleculeSettings

PLAIN, TABLES = (".smi", ".smiles", ".ism", ".txt"), (".csv", ".tsv")
PARQUET, SDF = (".parquet", ".pq"), (".sdf", ".sd")
SUFFIXES = (*PLAIN, *TABLES, *PARQUET, *SDF)
"""File extensions that are read; ``.gz`` may follow."""
READS = f"Reads {', '.join(SUFFIXES)}, each also as .gz, and folders of them"


def kind_of(path: Path) -> str:
    """The extension that says how to read a file, without ``.gz``."""
    return (Path(path.stem) if path.suffix.lower() == ".gz" else path).suffix.lower()


def from_files(files: Sequence[Path], settings: MoleculeSettings) -> Listing:
    """All entries of these files, one after the other.

    Raises:
        GankitError: one is none of ``SUFFIXES``, damaged, or has no column of SMILES.
    """
    found = [_file(path, settings) for path in files]
    numbered = [in_file(entries, i) for i, (entries, _, _) in enumerate(found)]
    named = [(path.name, unit) for path, (_, _, unit) in zip(files, found, strict=True)]
    values = joined([values for _, values, _ in found])
    return Listing(pa.concat_tables(numbered), typed(values), named)


def _file(path: Path, settings: MoleculeSettings) -> tuple[pa.Table, pa.Table, str]:
    """A file's entries, its other columns, and the unit of places in it."""
    kind = kind_of(path)
    with _damage_of(path):
        if kind in PARQUET:
            entries, values = split(_parquet(path), str(path), settings)
            return entries, values, "row"
        with _text(path) as stream:
            if kind in SDF:
                return *_sdf(stream, settings), "line"
            if kind in TABLES:
                return *_separated(path, stream, settings), "line"
            return *_lines(path, stream, settings), "line"


@contextmanager
def _damage_of(path: Path) -> Iterator[None]:
    """Turns the exceptions of a damaged file into a GankitError."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise GankitError(f"{path}: damaged or cut off ({error})", "Get the file again") from None
    except (pa.ArrowException, OSError) as error:
        line = " ".join(str(error).split())[:200]
        raise GankitError(f"{path}: cannot be read ({line})", "Check the file") from None


@contextmanager
def _bytes(path: Path) -> Iterator[Any]:
    """A file's bytes, decompressed where they are compressed, whatever the extension."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if compressed:
            with gzip.open(file) as inside:
                yield inside
        else:
            yield file


@contextmanager
def _text(path: Path) -> Iterator[io.TextIOWrapper]:
    """A file's text; bytes that are not UTF-8 become a question mark, which is no SMILES.

    Raises:
        GankitError: it is empty, or not text.
    """
    with _bytes(path) as stream:
        text = io.TextIOWrapper(
            io.BufferedReader(stream), "utf-8-sig", errors="replace", newline=""
        )
        head = text.buffer.peek(1024)[:1024]
        if not head:
            raise GankitError(f"{path}: an empty file", READS)
        if b"\0" in head:
            raise GankitError(f"{path}: not text (it has null bytes)", f"{READS}; in UTF-8")
        yield text


def _lines(
    path: Path, stream: Iterable[str], settings: MoleculeSettings
) -> tuple[pa.Table, pa.Table]:
    """One SMILES per line, followed by a name; with a header, a table."""
    rows, lines = Rows(), iter(stream)
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if not rows and (delimiter := _headed(line, settings)):
            if delimiter != " ":
                return _separated(path, lines, settings, head=line, before=number - 1)
            continue
        smiles, *rest = line.split(None, 1)
        rows.add(number, smiles, rest[0].strip() if rest else "")
    return rows.finish()


def _headed(line: str, settings: MoleculeSettings) -> str:
    """The delimiter of a header; empty where a line is none."""
    known = {*SMILES_KEYS, settings.smiles_key.lower()}
    for delimiter in ("\t", ",", ";", " "):
        names = [name.strip('" \r\n').lower() for name in line.split(delimiter)]
        if known.intersection(names) and (len(names) > 1 or delimiter == " "):
            return delimiter
    return ""


def _separated(
    path: Path,
    stream: Iterable[str],
    settings: MoleculeSettings,
    head: str = "",
    before: int = 0,
) -> tuple[pa.Table, pa.Table]:
    """A table of delimited cells; lines with too few or too many of them have no text.

    Args:
        head: the line with the columns' names; empty where it is the first of the stream.
        before: lines before it.
    """
    lines = iter(stream)
    head = head or next(lines)
    delimiter = max(",\t;|", key=head.count) if kind_of(path) != ".tsv" else "\t"
    reader = csv.reader(_chained(head, lines), delimiter=delimiter)
    rows = Rows()
    try:
        columns = [column.strip() for column in next(reader)]
        text, name = keys_of(columns, columns, str(path), settings)
        others = [(i, column) for i, column in enumerate(columns) if column and i != text]
        others = [(i, column) for i, column in others if i != name]
        for cells in reader:
            if not cells:
                continue
            while len(cells) > len(columns) and not cells[-1]:
                cells.pop()
            place = before + reader.line_num
            if len(cells) != len(columns):
                rows.add(place, None, why=f"{_cells(len(cells))}, not {len(columns)}")
                continue
            values = {column: cells[i] for i, column in others}
            rows.add(place, cells[text], "" if name is None else cells[name], values)
    except csv.Error as error:
        line = before + reader.line_num
        raise GankitError(f"{path}, line {line}: {error}", "Fix its quotes") from None
    return rows.finish()


def _chained(head: str, lines: Iterator[str]) -> Iterator[str]:
    yield head
    yield from lines


def _cells(count: int) -> str:
    return f"{count} cell" + ("s" if count != 1 else "")


def _sdf(stream: Iterable[str], settings: MoleculeSettings) -> tuple[pa.Table, pa.Table]:
    """Records of a mol block and properties; a record's place is its first line."""
    rows, begin = Rows(), 1
    record: list[str] = []
    for number, line in enumerate(stream, start=1):
        if line.startswith("$$$$"):
            _add_record(rows, begin, record, settings)
            record, begin = [], number + 1
        else:
            record.append(line.rstrip("\r\n"))
    if any(line.strip() for line in record):
        _add_record(rows, begin, record, settings)
    return rows.finish()


def _add_record(rows: Rows, begin: int, lines: Sequence[str], settings: MoleculeSettings) -> None:
    end = next((i for i, line in enumerate(lines) if line.startswith("M  END")), None)
    if end is None:
        rows.add(begin, None, why="no mol block: it has no line M  END")
        return
    values: dict[str, str] = {}
    key = ""
    for line in lines[end + 1 :]:
        if line.startswith(">") and "<" in line:
            key = line[line.index("<") + 1 :].partition(">")[0].strip()
        elif not line.strip():
            key = ""
        elif key:
            values[key] = f"{values[key]} {line.strip()}" if key in values else line.strip()
    titled = key_in(list(values), settings.name_key, NAME_KEYS)
    title = lines[0].strip()
    if titled is not None and (settings.name_key != "auto" or not title):
        title = values.pop(titled)
    rows.add(begin, "\n".join(lines[: end + 1]) + "\n", title, values)


def _parquet(path: Path) -> pa.Table:
    if path.stat().st_size == 0:
        raise GankitError(f"{path}: an empty file", READS)
    with _bytes(path) as stream:
        return pq.read_table(pa.BufferReader(stream.read()) if path.suffix == ".gz" else stream)
