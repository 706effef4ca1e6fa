"""Tables larger than memory: kept in a file, of which memory holds only what is looked at."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable

import pyarrow as pa

from gankit.errors import GankitError

PIECE = 2**18
"""Rows of a piece of the file."""


class Spool:
    """A temporary file in Arrow's format, mapped into memory; it goes when nobody uses it."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self._file = tempfile.TemporaryFile(prefix="gankit-table-")  # noqa: SIM115 - for long
        self._writer = pa.ipc.new_file(pa.PythonFile(self._file, "w"), schema)
        self._waiting: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        self._waiting.append(_as(table, self.schema))
        if sum(map(len, self._waiting)) >= PIECE:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks(), PIECE)
            self._waiting.clear()

    def finish(self) -> pa.Table:
        """What was written, as a table."""
        self._flush()
        self._writer.close()
        self._file.flush()
        self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        self._file.close()  # what is mapped stays
        if hasattr(mmap, "MADV_RANDOM"):
            self._map.madvise(mmap.MADV_RANDOM)
        return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(self._map))).read_all()

    def release(self) -> None:
        """Gives the pages that were looked at back to the system; they stay readable."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)


def gather(pieces: Iterable[pa.Table], limit: float) -> tuple[pa.Table, Spool | None]:
    """All pieces as one table: in memory up to ``limit`` bytes, else in a file.

    Columns take the type that holds all their pieces; once in a file, that of the pieces so far.

    Raises:
        GankitError: the pieces do not fit together, or there is no room for the file.
    """
    kept: list[pa.Table] = []
    size, spool = 0, None
    try:
        for piece in pieces:
            if spool is not None:
                spool.write(piece)
                continue
            kept.append(piece)
            size += piece.nbytes
            if size > limit:
                spool = Spool(_together(kept).schema)
                while kept:
                    spool.write(kept.pop(0))
        if spool is not None:
            return spool.finish(), spool
        return _together(kept).combine_chunks(), None
    except pa.ArrowException as error:
        line = " ".join(str(error).split())
        raise GankitError(f"its parts do not fit together: {line}", "Read one of them") from None
    except OSError as error:
        raise GankitError(
            f"cannot keep the table in {tempfile.gettempdir()}: {error.strerror or error}",
            "Make room, or set TMPDIR to a larger disk",
        ) from None


def _together(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    if table.schema.equals(schema):
        return table
    columns = [f.name for f in schema]
    return _together([schema.empty_table(), table]).select(columns).cast(schema)
