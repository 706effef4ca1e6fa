"""Tables larger than memory: kept in a file that is mapped into memory."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from gankit.errors import GankitError

BATCH = 2**18
"""Rows in a record batch of the file."""


class Spool:
    """A temporary file in Arrow's format, mapped into memory; deleted with its last user."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self._file = tempfile.TemporaryFile(prefix="gankit-table-")  # noqa: SIM115 - closed by finish
        self._writer = pa.ipc.new_file(pa.PythonFile(self._file, "w"), schema)
        self._waiting: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        self._waiting.append(_with_schema(table, self.schema))
        if sum(map(len, self._waiting)) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks(), BATCH)
            self._waiting.clear()

    def finish(self) -> pa.Table:
        """The written rows as a table."""
        self._flush()
        self._writer.close()
        self._file.flush()
        self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        self._file.close()  # the map stays valid
        if hasattr(mmap, "MADV_RANDOM"):
            self._map.madvise(mmap.MADV_RANDOM)
        return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(self._map))).read_all()

    def release(self) -> None:
        """Returns the pages that were read to the system; they stay readable."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raises:
    GankitError: a temporary file cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise GankitError(
            f"cannot write the table to {tempfile.gettempdir()}: {error.strerror or error}",
            "Free some space, or set TMPDIR to a larger disk",
        ) from None


def gather(parts: Iterable[pa.Table], limit: float) -> tuple[pa.Table, Spool | None]:
    """All parts as one table: in memory up to ``limit`` bytes, in a file beyond.

    A column gets the type that holds all its parts; in a file, the type of the parts so far.

    Raises:
        GankitError: the parts do not fit together, or the disk is full.
    """
    kept: list[pa.Table] = []
    size, spool = 0, None
    try:
        with disk_errors():
            for part in parts:
                if spool is not None:
                    spool.write(part)
                    continue
                kept.append(part)
                size += part.nbytes
                if size > limit:
                    spool = Spool(_concatenated(kept).schema)
                    while kept:
                        spool.write(kept.pop(0))
            if spool is not None:
                return spool.finish(), spool
        return _concatenated(kept).combine_chunks(), None
    except pa.ArrowException as error:
        line = " ".join(str(error).split())
        raise GankitError(f"its parts do not fit together: {line}", "Read one of them") from None


def _concatenated(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})


def _with_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    if table.schema.equals(schema):
        return table
    columns = [f.name for f in schema]
    return _concatenated([schema.empty_table(), table]).select(columns).cast(schema)
