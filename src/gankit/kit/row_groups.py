"""Rows of Parquet files at addresses, by row group: one is read whole, and used by all processes.

Row groups that were read are kept in the folder ``remote-groups`` of the cache, up to a few GiB:
the data may be larger than the disk. Needs Arrow.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from gankit.contract import Progress, quiet
from gankit.contract.subsets import Indices
from gankit.errors import GankitError
from gankit.kit.files import cache_folder
from gankit.kit.folders import printable
from gankit.kit.remote import Remote, RemoteFile
from gankit.kit.streamed import RangeFile

KEPT = 8 * 2**30
"""Bytes of row groups that are kept on the disk, the last ones used."""
OPEN = 32
"""Row groups that are mapped into memory at once."""


class RowGroups:
    """The rows of several Parquet files with the same columns.

    Args:
        names: of the files, in the order of the rows.

    Raises:
        GankitError: a file is no Parquet file, its columns are others, or it cannot be read.
    """

    def __init__(self, remote: Remote, names: Sequence[str], progress: Progress = quiet) -> None:
        self.remote = remote
        known = {file.name: file for file in remote.files}
        files = [known[name] for name in names]
        self._metadata: dict[str, Any] = {}
        for file, metadata in zip(files, remote.mapped(self._footer, files), strict=True):
            self._metadata[file.name] = metadata
            progress("reading the footers of tables", len(self._metadata), len(files))
        self._groups: list[tuple[RemoteFile, int]] = []
        sizes: list[int] = []
        for file in files:
            found = self._metadata[file.name]
            for i in range(found.num_row_groups):
                if rows := found.row_group(i).num_rows:
                    self._groups.append((file, i))
                    sizes.append(rows)
        self.schema = self._metadata[files[0].name].schema.to_arrow_schema()
        for file in files[1:]:
            other = self._metadata[file.name].schema.to_arrow_schema()
            if not other.equals(self.schema):
                raise GankitError(
                    f"{self._where(file)}: its columns are not those of {files[0].name}",
                    "Give files of one table",
                )
        self.starts: Indices = np.cumsum([0, *sizes[:-1]]) if sizes else np.zeros(0, np.int64)
        """The first row of each row group."""
        self._length = sum(sizes)
        self._tables: OrderedDict[tuple[int, str], Any] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._length

    def columns(self, names: Sequence[str], progress: Progress = quiet) -> Any:
        """Whole columns, as a table in memory: of labels, not of files."""
        import pyarrow as pa

        tables = []
        groups = range(len(self._groups))
        for table in self.remote.mapped(lambda group: self._read(group, names), groups):
            tables.append(table)
            progress("reading labels", len(tables), len(groups))
        if not tables:
            return self.schema.empty_table().select(list(names))
        return pa.concat_tables(tables)

    def cell(self, row: int, column: str) -> Any:
        """A single value, as Arrow's scalar."""
        group = int(np.searchsorted(self.starts, row, side="right")) - 1
        with self._lock:
            key = (group, column)
            if key not in self._tables:
                self._tables[key] = self._kept(group, column)
                if len(self._tables) > OPEN:
                    self._tables.popitem(last=False)
            self._tables.move_to_end(key)
            table = self._tables[key]
        return table[column][row - int(self.starts[group])]

    # --- Reading --------------------------------------------------------------------------------

    def _footer(self, file: RemoteFile) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.read_metadata(RangeFile(self.remote, file))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(file, error) from None

    def _read(self, group: int, columns: Sequence[str]) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        file, number = self._groups[group]
        metadata = self._metadata[file.name]
        try:
            with pq.ParquetFile(RangeFile(self.remote, file), metadata=metadata) as opened:
                table = opened.read_row_group(number, columns=list(columns), use_threads=False)
            table.validate(full=True)
            return table
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(file, error) from None

    def _kept(self, group: int, column: str) -> Any:
        """A column of a row group, from the disk where another process has read it."""
        import pyarrow as pa

        file, number = self._groups[group]
        folder = cache_folder("remote-groups")
        if folder is None or not file.version:
            return self._read(group, [column])
        key = f"{self.remote.shown}\0{file.name}\0{file.size}\0{file.version}\0{number}\0{column}"
        path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.arrow"
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                with contextlib.suppress(OSError, pa.ArrowException):
                    os.utime(path)
                    return _mapped(path)
                table = self._read(group, [column])
                part = path.with_suffix(f".{os.getpid()}")
                with pa.ipc.new_file(str(part), table.schema) as writer:
                    writer.write_table(table)
                os.replace(part, path)
                _prune(folder)
                return _mapped(path)
        return self._read(group, [column])  # the disk is full, or cannot be written

    def _where(self, file: RemoteFile) -> str:
        return self.remote.shown if self.remote.single else f"{self.remote.shown}, {file.name}"

    def _damaged(self, file: RemoteFile, error: Exception) -> GankitError:
        reason = printable((str(error).splitlines() or [type(error).__name__])[0])
        return GankitError(
            f"{self._where(file)}: not a readable Parquet file ({reason})", "Check the file"
        )


def _mapped(path: Path) -> Any:
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _prune(folder: Path) -> None:
    """Deletes what was used longest ago, beyond what is kept."""
    found = []
    for path in folder.glob("*.arrow"):
        with contextlib.suppress(OSError):
            about = path.stat()
            found.append((about.st_mtime, about.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= KEPT:
            break
        total -= size
        with contextlib.suppress(OSError):
            path.unlink()
            path.with_suffix(".lock").unlink(missing_ok=True)
