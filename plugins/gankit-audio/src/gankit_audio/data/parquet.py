"""Recordings in Parquet files in the Hugging Face layout."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.errors import GankitError
from gankit.kit.parquet import class_name, class_names, is_binary
from gankit.kit.splits import left_out_text
from gankit.kit.tables import refuse_duplicate_columns
from gankit_audio.data import tables
from gankit_audio.data.files import Content, UnusableError
from gankit_audio.data.listing import Entry, Listing
from gankit_audio.data.row_splits import by_split

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings


def parquet(paths: Sequence[Path], settings: AudioSettings) -> Listing:
    """The rows of Parquet files.

    The audio column is a struct ``{bytes, path}``, plain binary, or paths relative to the file.
    Integers are replaced by the names of their classes where the schema's metadata has them
    (Hugging Face's ClassLabel; for the label, also ``classes``). The audio column is read one row
    group at a time.

    Raises:
        GankitError: not a Parquet file, or no audio column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    entries: list[Entry] = []
    for path in paths:
        try:
            file = pq.ParquetFile(path)
            schema = file.schema_arrow
            audio = tables.audio_column(str(path), schema.names, settings.audio_key)
            if not _holds_audio(schema.field(audio).type):
                raise GankitError(
                    f"{path}: column {audio!r} holds {schema.field(audio).type}, not sound files",
                    "Expected binary, a struct with the field bytes, or paths",
                )
            plain = [f.name for f in schema if f.name != audio and not pa.types.is_nested(f.type)]
            refuse_duplicate_columns(schema.names, str(path))
            rows = file.read(columns=plain).to_pylist()
            files = _file_names(file, audio)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise GankitError(f"{path}: not a readable Parquet file ({reason})") from None
        if not plain:
            rows = [{}] * file.metadata.num_rows
        names = {
            key: found
            for key in plain
            if (found := class_names(schema.metadata, key, is_label=key == settings.label_key))
        }
        column = _AudioColumn(path, file, audio)
        prefix = f"{path.name} " if len(paths) > 1 else ""
        entries += [
            Entry(
                f"{prefix}row {i}",
                partial(column.content, i),
                {key: class_name(value, names.get(key, ())) for key, value in row.items()},
                file=files[i] or "",
            )
            for i, row in enumerate(rows)
        ]
    kind = "Parquet" + (f" in {len(paths)} files" if len(paths) > 1 else "")
    kept, left_out = by_split(
        {str(i): entry.row for i, entry in enumerate(entries)}, settings.split, str(paths[0])
    )
    split = left_out_text(left_out, "row")
    chosen = [entries[int(i)] for i in kept]
    return Listing(kind, chosen, facts={"split": split} if split else {})


class _AudioColumn:
    """The audio column of a Parquet file. Two row groups are kept in memory: threads that read the
    file in order are on either side of a boundary for a while.
    """

    def __init__(self, path: Path, file: Any, column: str) -> None:
        self._path, self._file, self._column = path, file, column
        self._ends = [0]
        for group in range(file.metadata.num_row_groups):
            self._ends.append(self._ends[-1] + file.metadata.row_group(group).num_rows)
        self._groups: dict[int, Any] = {}
        self._lock = threading.Lock()

    def content(self, row: int) -> Content:
        import pyarrow as pa

        group = bisect.bisect_right(self._ends, row) - 1
        with self._lock:
            if group not in self._groups:
                while len(self._groups) > 1:
                    del self._groups[min(self._groups)]
                try:
                    read = self._file.read_row_group(group, columns=[self._column])
                except (pa.ArrowException, OSError) as error:
                    reason = str(error).splitlines()[0]
                    raise UnusableError(f"cannot be read ({reason})") from None
                self._groups[group] = read[self._column]
            value = self._groups[group][row - self._ends[group]].as_py()
        if isinstance(value, str):
            value = {"path": value}
        elif not isinstance(value, dict):
            value = {"bytes": value}
        data, path = value.get("bytes"), value.get("path")
        if data is not None:
            return bytes(data)
        if path is None:
            raise UnusableError("no audio in this row")
        return self._path.parent / str(path)


def _file_names(file: Any, column: str) -> Sequence[str | None]:
    """The name of each row's file, where the audio column has it."""
    import pyarrow as pa

    kind = file.schema_arrow.field(column).type
    if not pa.types.is_struct(kind) or not any(f.name == "path" for f in kind):
        return [None] * int(file.metadata.num_rows)
    cells = file.read(columns=[f"{column}.path"])[column].to_pylist()
    return [None if cell is None else cell["path"] for cell in cells]


def _holds_audio(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        return any(f.name in ("bytes", "path") and _holds_audio(f.type) for f in kind)
    return (
        is_binary(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
    )
