"""Parquet files in the Hugging Face layout."""

from __future__ import annotations

import bisect
import json
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gankit.errors import GankitError
from gankit_audio.data import manifests
from gankit_audio.data.files import Content, UnusableError
from gankit_audio.data.listing import Entry, Listing


def parquet(paths: Sequence[Path], audio_key: str, label_key: str) -> Listing:
    """The rows of Parquet files in the Hugging Face layout.

    The audio column is a struct ``{bytes, path}``, plain binary, or paths relative to the file.
    Integers take the names of their class from the schema's metadata (Hugging Face's ClassLabel;
    for the label, also ``classes``). Encoded audio is read by row groups, as it is looked at.

    Raises:
        GankitError: no Parquet file, or no audio column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    entries: list[Entry] = []
    for path in paths:
        try:
            file = pq.ParquetFile(path)
            schema = file.schema_arrow
            audio = manifests.audio_column(str(path), schema.names, audio_key)
            if not _holds_audio(schema.field(audio).type):
                raise GankitError(
                    f"{path}: column {audio!r} holds {schema.field(audio).type}, not sound files",
                    "Expected binary, a struct with the field bytes, or paths",
                )
            plain = [f.name for f in schema if f.name != audio and not pa.types.is_nested(f.type)]
            if twice := sorted({name for name in schema.names if schema.names.count(name) > 1}):
                raise GankitError(f"{path} has two columns named {twice[0]!r}", "Rename one")
            rows = file.read(columns=plain).to_pylist()
            called = _paths(file, audio)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise GankitError(f"{path}: not a readable Parquet file ({reason})") from None
        if not plain:
            rows = [{}] * file.metadata.num_rows
        names = {key: found for key in plain if (found := _classes(schema, key, label_key))}
        groups = _Groups(path, file, audio)
        prefix = f"{path.name} " if len(paths) > 1 else ""
        entries += [
            Entry(
                f"{prefix}row {i}",
                partial(groups.content, i),
                {key: _named(value, names.get(key, ())) for key, value in row.items()},
                file=called[i] or "",
            )
            for i, row in enumerate(rows)
        ]
    return Listing("Parquet" + (f" in {len(paths)} files" if len(paths) > 1 else ""), entries)


class _Groups:
    """Rows of a Parquet file's audio column. Two row groups are kept: threads that go through the
    file in order stand on either side of a border for a while.
    """

    def __init__(self, path: Path, file: Any, column: str) -> None:
        self._path, self._file, self._column = path, file, column
        self._ends = [0]
        for group in range(file.metadata.num_row_groups):
            self._ends.append(self._ends[-1] + file.metadata.row_group(group).num_rows)
        self._held: dict[int, Any] = {}
        self._lock = threading.Lock()

    def content(self, row: int) -> Content:
        import pyarrow as pa

        group = bisect.bisect_right(self._ends, row) - 1
        with self._lock:
            if group not in self._held:
                while len(self._held) > 1:
                    del self._held[min(self._held)]
                try:
                    read = self._file.read_row_group(group, columns=[self._column])
                except (pa.ArrowException, OSError) as error:
                    reason = str(error).splitlines()[0]
                    raise UnusableError(f"cannot be read ({reason})") from None
                self._held[group] = read[self._column]
            value = self._held[group][row - self._ends[group]].as_py()
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


def _paths(file: Any, column: str) -> Sequence[str | None]:
    """What the file of each row was called, where the audio column says so."""
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
    return any(
        is_kind(kind)
        for is_kind in (
            types.is_binary,
            types.is_large_binary,
            types.is_fixed_size_binary,
            types.is_binary_view,
            types.is_string,
            types.is_large_string,
            types.is_string_view,
        )
    )


def _classes(schema: Any, key: str, label_key: str) -> Sequence[str]:
    """The names of a column's classes, where integers stand for them."""
    metadata: Mapping[bytes, bytes] = schema.metadata or {}
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return [str(name) for name in features[key]["names"]]
    except (KeyError, TypeError, ValueError):
        classes = metadata.get(b"classes", b"").decode("utf-8", "replace")
        return classes.split(",") if classes and key == label_key else ()


def _named(value: object, names: Sequence[str]) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and names:
        if value < 0:
            return None  # Hugging Face's mark for "not labelled"
        if value < len(names):
            return names[value]
    return value
