"""Lists the encoded images of a folder, a zip archive or Parquet files; decodes nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from gankit.errors import GankitError, did_you_mean
from gankit.kit.archives import UnreadableError, ZipArchive
from gankit.kit.folders import class_folder, find_root
from gankit.kit.parquet import class_name, class_names, is_binary
from gankit.kit.tables import find_column
from gankit_image.data.pixels import SUFFIXES

MAX_MEMBER = 256 * 2**20
"""Largest file in an archive, in bytes, uncompressed."""
METADATA = "metadata.jsonl"
"""A file of labels, one JSON object per line, as in Hugging Face's image folders."""

IMAGE_KEYS = ("image", "images", "img", "x", "x_train")
LABEL_KEYS = ("label", "labels", "y", "y_train")
"""Names tried in this order, unless the user sets another."""


@dataclass(frozen=True)
class Entry:
    """An encoded image: its name in the container, its class, and its bytes when opened."""

    name: str
    label: str | None
    open: Callable[[], BinaryIO]
    """Raises UnreadableError or OSError."""


@dataclass(frozen=True)
class Listing:
    """The entries of a container, and its kind, for the data set's description."""

    kind: str
    entries: list[Entry]


def is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


# --- Folders and archives -----------------------------------------------------------------------


def folder(root: Path, names: Sequence[str], label_key: str) -> Listing:
    """The image files among ``names`` below ``root``, with their labels."""
    texts = {n: (root / n).read_bytes() for n in names if _is_metadata(n)}
    images = [n for n in names if is_image(n)]
    chosen, note, labels = _labelled(images, texts, str(root), label_key)
    entries = [
        Entry(name, label, partial(_file, root / name))
        for name, label in zip(chosen, labels, strict=True)
    ]
    return Listing("folder" + note, entries)


def archive(path: Path, label_key: str) -> Listing:
    """The image files of a zip archive.

    Raises:
        GankitError: not an archive, or one that would unpack to more than the limits.
    """
    opened = ZipArchive(path, MAX_MEMBER)
    texts = {name: opened.read_required(name) for name in filter(_is_metadata, opened.names)}
    images = list(filter(is_image, opened.names))
    chosen, note, labels = _labelled(images, texts, str(path), label_key)
    entries = [
        Entry(name, label, partial(_member, opened, name))
        for name, label in zip(chosen, labels, strict=True)
    ]
    return Listing("zip archive" + note, entries)


def _file(path: Path) -> BinaryIO:
    return path.open("rb")


def _member(opened: ZipArchive, name: str) -> BinaryIO:
    return io.BytesIO(opened.read(name))


def _is_metadata(name: str) -> bool:
    return name.rpartition("/")[2] == METADATA


def _labelled(
    images: Sequence[str], texts: Mapping[str, bytes], where: str, label_key: str
) -> tuple[Sequence[str], str, list[str | None]]:
    """The images to use, a note on the choice, and a label for each.

    The data begins at :func:`find_root`. Labels come from ``metadata.jsonl``; without one, the
    label is the name of the first folder below the root, or None for an image in no folder.
    """
    top, note = find_root(images)
    images = [name for name in images if name.startswith(top)]
    listed: dict[str, str | None] = {}
    for name, text in texts.items():
        if name.startswith(top) or top.startswith(name[: -len(METADATA)]):
            listed |= _metadata_labels(name, text, where, label_key)
    if any(listed.get(name) is not None for name in images):
        return images, note, [listed.get(name) for name in images]
    return images, note, [class_folder(name, top) for name in images]


def _metadata_labels(
    name: str, text: bytes, where: str, label_key: str
) -> Iterator[tuple[str, str | None]]:
    """File names, relative to the container, with their labels."""
    base = name[: -len(METADATA)]
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            file = row["file_name"]
        except (ValueError, TypeError, KeyError) as error:
            raise GankitError(
                f"{where}, {name} line {number}: not an object with file_name ({error!r})",
                "Fix the line, or remove the file",
            ) from None
        value = row.get(label_key)
        yield f"{base}{file}", None if value is None else str(value)


# --- Parquet ------------------------------------------------------------------------------------


def parquet(paths: Sequence[Path], image_key: str, label_key: str) -> Listing:
    """The rows of Parquet files in the Hugging Face layout; encoded bytes are kept in memory.

    The image column is a struct ``{bytes, path}`` or plain binary. Integer labels take their
    names from the schema's metadata (``classes``, or Hugging Face's ClassLabel).

    Raises:
        GankitError: not a Parquet file, or no image column.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    entries: list[Entry] = []
    for path in paths:
        try:
            schema = pq.read_schema(path)
            image, label = _columns(path, schema, image_key, label_key)
            table = pq.read_table(path, columns=[c for c in (image, label) if c is not None])
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise GankitError(f"{path}: not a readable Parquet file ({reason})") from None
        column = table[image]
        if pa.types.is_struct(column.type):
            column = pc.struct_field(column, "bytes")
        labels: list[object] = table[label].to_pylist() if label else [None] * len(column)
        named = class_names(schema.metadata, label) if label else ()
        prefix = f"{path.name} " if len(paths) > 1 else ""
        entries += [
            Entry(f"{prefix}row {i}", _name(value, named), partial(_cell, column, i))
            for i, value in enumerate(labels)
        ]
    return Listing("Parquet" + (f" in {len(paths)} files" if len(paths) > 1 else ""), entries)


def _name(value: object, names: Sequence[str]) -> str | None:
    named = class_name(value, names)
    return None if named is None else str(named)


def _cell(column: Any, row: int) -> BinaryIO:
    value = column[row].as_py()
    if value is None:
        raise UnreadableError("no image bytes in this row")
    return io.BytesIO(value)


def _columns(path: Path, schema: Any, image_key: str, label_key: str) -> tuple[str, str | None]:
    image = find_column(schema.names, image_key, IMAGE_KEYS[0], IMAGE_KEYS)
    listed = ", ".join(f"{f.name} ({f.type})" for f in schema) or "none"
    if image is None:
        raise GankitError(
            f"{path}: no column {image_key!r}; it has {listed}",
            f"Set image_key. {did_you_mean(image_key, schema.names)}",
        )
    kind = schema.field(image).type
    if not (is_binary(kind) or any(f.name == "bytes" and is_binary(f.type) for f in _fields(kind))):
        raise GankitError(
            f"{path}: column {image!r} holds {kind}, not image files",
            "Expected binary, or a struct with the field bytes",
        )
    label = find_column(schema.names, label_key, LABEL_KEYS[0], LABEL_KEYS)
    if label is None and label_key != LABEL_KEYS[0]:
        raise GankitError(
            f"{path}: no column {label_key!r}; it has {listed}",
            f"Set label_key. {did_you_mean(label_key, schema.names)}",
        )
    return image, label


def _fields(kind: Any) -> Iterable[Any]:
    import pyarrow.types as types

    return list(kind) if types.is_struct(kind) else []
