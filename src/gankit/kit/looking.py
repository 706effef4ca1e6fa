"""A look at data: names of files, and the beginnings of tables. Reads little of anything."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gankit.contract import Look
from gankit.contract.looking import COMPRESSED
from gankit.errors import GankitError
from gankit.kit.archives import TAR, ZIP
from gankit.kit.folders import visible

MOST_FILES = 100_000
"""Files of a folder or a zip archive that are looked at."""
MOST_MEMBERS = 2_000
"""Files of a tar archive, which has no list of them: so much of it is read."""
HEAD = 2**18
"""Bytes of a table that are looked at."""
ROWS = 100
"""Rows of a table that are looked at."""
SIDE = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".txt", ".md", ".xml", ".yaml", ".toml")
"""Endings of files that often lie beside items and describe them."""

TEXTS, LINES = (".csv", ".tsv", ".tab", ".txt"), (".jsonl", ".ndjson")
"""Endings of tables of text, and of one JSON object a line."""

_OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)


# --- Names --------------------------------------------------------------------------------------


def look(path: Path) -> Look:
    """A look at a file, a folder or an archive that exists.

    Raises:
        GankitError: an archive that cannot be read.
    """
    if path.is_dir():
        return _bounded(str(path), "folder", _below(path), MOST_FILES)
    name = path.name.lower()
    try:
        if name.endswith(ZIP):
            with zipfile.ZipFile(path) as packed:
                return _bounded(str(path), "archive", _members(packed.namelist()), MOST_FILES)
        if name.endswith(TAR):
            with tarfile.open(path, "r|*") as tar:
                names = (member.name for member in tar if member.isfile())
                return _bounded(str(path), "archive", _members(names), MOST_MEMBERS)
    except _DAMAGE as error:
        raise GankitError(f"{path}: not a readable archive ({error})", "Pack it again") from None
    return Look(str(path), "file", [path.name])


def _bounded(source: str, kind: str, names: Iterator[str], most: int) -> Look:
    found = list(itertools.islice(names, most + 1))
    return Look(source, kind, found[:most], len(found) <= most)


def _members(names: Sequence[str] | Iterator[str]) -> Iterator[str]:
    return (n.removeprefix("./") for n in names if not n.endswith("/") and visible(_plain(n)))


def _plain(name: str) -> str:
    return name.removeprefix("./")


def _below(root: Path) -> Iterator[str]:
    """Names of files below a folder, those nearest to it first; links to folders are not followed
    twice."""
    waiting, visited = [""], set[str]()
    for prefix in waiting:
        folder = os.path.join(root, prefix)
        if (real := os.path.realpath(folder)) in visited:
            continue
        visited.add(real)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not visible(entry.name):
                        continue
                    if entry.is_dir():
                        waiting.append(f"{prefix}{entry.name}/")
                    else:
                        yield prefix + entry.name
        except OSError:
            continue  # reading says so


def share(look: Look, *endings: str) -> tuple[int, float]:
    """How many files have one of these endings, and their share of all but tables, texts and the
    like beside them."""
    own = len(look.ending(*endings))
    beside = len(look.ending(*SIDE))
    return own, own / max(len(look.names) - beside, own, 1)


# --- Tables -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Head:
    """The beginning of a table."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    """Cells as text; those of columns that hold bytes are empty."""
    count: int | None
    """About how many rows it has in all; None where that is unknown."""
    binary: Sequence[str] = ()
    """Columns that hold files as bytes, as Hugging Face stores images and sounds."""
    share: float = 1.0
    """The share of tables among the files that were looked at."""

    def cells(self, column: str) -> list[str]:
        """The first non-empty cells of a column."""
        at = list(self.columns).index(column)
        return [cell for row in self.rows if at < len(row) and (cell := row[at].strip())]

    def like(self, *names: str) -> list[str]:
        """Columns of these names in any case, in the names' order."""
        known = {column.strip().lower(): column for column in reversed(self.columns)}
        return [known[name] for name in names if name in known]


def table_head(look: Look) -> Head | None:
    """The beginning of a CSV, TSV, JSON lines or Parquet file, or of the first one in a folder;
    None where there is none, or it is unreadable."""
    tables = look.ending(*TEXTS, *LINES, ".parquet")
    if look.kind not in ("file", "folder") or not tables:
        return None
    path = Path(look.source)
    if look.kind == "folder":
        path = path / min(tables)
    name = path.name.lower()
    name = Path(name).stem if name.endswith(COMPRESSED) else name
    try:
        if name.endswith(".parquet"):
            head = _parquet(path)
        elif Path(name).suffix in LINES:
            head = _json_lines(*text_head(path))
        else:
            head = _separated(*text_head(path))
    except (*_DAMAGE, ValueError, csv.Error):
        return None
    if head is None or look.kind == "file":
        return head
    return replace(head, count=None, share=len(tables) / len(look.names))


def text_head(path: Path) -> tuple[list[str], int | None]:
    """The first lines of a text file, and about how many lines it has; None where that is unknown.

    Raises:
        OSError, zlib.error, lzma.LZMAError, EOFError: it cannot be read.
    """
    packed = path.suffix.lower()
    if packed == ".zst":
        return [], None
    with _OPENERS.get(packed, open)(path, "rb") as file:
        data: bytes = file.read(HEAD)
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    lines = data.decode("utf-16" if wide else "utf-8-sig", "replace").splitlines()
    if len(data) < HEAD:
        return lines, len(lines)
    count = round(path.stat().st_size * len(lines) / len(data))
    return lines[:-1], None if packed in _OPENERS else count


def _separated(lines: list[str], count: int | None) -> Head | None:
    lines = [line for line in lines if line.strip()]
    if not lines:
        return None
    mark = max(",;\t|", key=lines[0].count)
    rows = list(itertools.islice(csv.reader(io.StringIO("\n".join(lines)), delimiter=mark), ROWS))
    return Head(rows[0], rows[1:], None if count is None else max(count - 1, 0))


def _json_lines(lines: list[str], count: int | None) -> Head | None:
    found = [json.loads(line) for line in lines[:ROWS] if line.strip()]
    if not all(isinstance(row, dict) for row in found):
        return None
    columns = list(dict.fromkeys(key for row in found for key in row))
    return Head(columns, [[str(row.get(key, "")) for key in columns] for row in found], count)


def _parquet(path: Path) -> Head | None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return None
    try:
        with pq.ParquetFile(path) as file:
            schema, count = file.schema_arrow, file.metadata.num_rows
            nested = [f.name for f in schema if pa.types.is_struct(f.type)]
            binary = [f.name for f in schema if f.name in nested or pa.types.is_binary(f.type)]
            plain = [f.name for f in schema if f.name not in binary]
            first = next(file.iter_batches(ROWS, columns=plain), None)
            rows = [] if first is None else first.to_pylist()
    except pa.ArrowException:
        return None
    texts = [["" if row.get(n) is None else str(row[n]) for n in schema.names] for row in rows]
    return Head(schema.names, texts, count, binary)
