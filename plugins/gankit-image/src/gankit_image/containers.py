"""Where encoded images lie: a folder, a zip archive, Parquet files. Nothing is decoded here."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from gankit.errors import GankitError, did_you_mean
from gankit_image.pixels import SUFFIXES

MAX_MEMBER = 256 * 2**20
"""Largest file in an archive, in bytes, uncompressed."""
MAX_ARCHIVE = 256 * 2**30
"""Largest archive, in bytes, uncompressed."""
MAX_MEMBERS = 5_000_000
"""Most files in an archive."""

METADATA = "metadata.jsonl"
"""Labels beside the images, one JSON object a line, as Hugging Face's image folders have them."""

_SPLITS = {"train", "training", "test", "val", "valid", "validation", "eval"}

IMAGE_KEYS = ("image", "images", "img", "x", "x_train")
LABEL_KEYS = ("label", "labels", "y", "y_train")
"""Names tried, in this order, where the user has set no other."""


class UnreadableError(Exception):
    """An entry whose bytes cannot be had; the message says why."""


@dataclass(frozen=True)
class Entry:
    """An encoded image: its name in the container, its class, and its bytes on demand."""

    name: str
    label: str | None
    open: Callable[[], BinaryIO]
    """Raises UnreadableError or OSError."""


@dataclass(frozen=True)
class Listing:
    """The entries of a container, and what the run's record should say of them."""

    kind: str
    entries: list[Entry]


def is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def take(known: Sequence[str], key: str, usual: tuple[str, ...]) -> str | None:
    """The name that the user asked for, or the first usual one when the setting is untouched."""
    if key in known:
        return key
    if key == usual[0]:
        return next((name for name in usual if name in known), None)
    return None


# --- Folders and archives -----------------------------------------------------------------------


def walk(root: Path) -> Iterator[str]:
    """Names of the files below a folder, sorted, with slashes; hidden ones are left out."""
    seen = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link to a folder above
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if _visible(name))
        for name in sorted(files):
            if _visible(name):
                yield (Path(folder) / name).relative_to(root).as_posix()


def folder(root: Path, names: Sequence[str], label_key: str) -> Listing:
    """The image files among ``names`` below ``root``, with the labels that they lie under."""
    texts = {n: (root / n).read_bytes() for n in names if _is_metadata(n)}
    images = [n for n in names if is_image(n)]
    chosen, note, labels = _labelled(images, texts, str(root), label_key)
    entries = [
        Entry(name, label, partial(_file, root / name))
        for name, label in zip(chosen, labels, strict=True)
    ]
    return Listing("folder" + note, entries)


def _file(path: Path) -> BinaryIO:
    return path.open("rb")


def archive(path: Path, label_key: str) -> Listing:
    """The image files of a zip archive, read in memory: nothing is unpacked to disk.

    Raises:
        GankitError: no archive, or one that would unpack to more than the limits.
    """
    try:
        opened = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise GankitError(
            f"{path}: not a readable zip archive ({error})", "Pack it again"
        ) from None
    members = [
        m
        for m in opened.infolist()
        if not m.is_dir() and all(_visible(part) for part in m.filename.split("/"))
    ]
    total = sum(m.file_size for m in members)
    if len(members) > MAX_MEMBERS or total > MAX_ARCHIVE:
        raise GankitError(
            f"{path}: refused, it would unpack to {len(members):,} files and {total:,} bytes",
            f"The limits are {MAX_MEMBERS:,} files and {MAX_ARCHIVE:,} bytes; unpack it yourself",
        )
    by_name = {m.filename: m for m in members}
    texts = {}
    for name in filter(_is_metadata, by_name):
        try:
            texts[name] = _member(opened, by_name[name]).read()
        except UnreadableError as error:
            raise GankitError(f"{path}, {name}: {error}", "Pack the archive again") from None
    images = sorted(filter(is_image, by_name))
    chosen, note, labels = _labelled(images, texts, str(path), label_key)
    entries = [
        Entry(name, label, partial(_member, opened, by_name[name]))
        for name, label in zip(chosen, labels, strict=True)
    ]
    return Listing("zip archive" + note, entries)


def _member(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    too_large = f"unpacks to more than {MAX_MEMBER:,} bytes"
    if member.file_size > MAX_MEMBER:
        raise UnreadableError(too_large)
    try:
        with opened.open(member) as file:
            data = file.read(MAX_MEMBER + 1)  # the declared size may lie
    except RuntimeError:
        raise UnreadableError("encrypted") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise UnreadableError(f"damaged archive member ({error})") from error
    if len(data) > MAX_MEMBER:
        raise UnreadableError(too_large)
    return io.BytesIO(data)


def _visible(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _is_metadata(name: str) -> bool:
    return name.rpartition("/")[2] == METADATA


def _labelled(
    images: Sequence[str], texts: Mapping[str, bytes], where: str, label_key: str
) -> tuple[Sequence[str], str, list[str | None]]:
    """The images to use, a note on the choice, and a label for each.

    A folder around everything is looked through, and of splits (train, test) the train part is
    taken. Labels are those of ``metadata.jsonl``; failing that, the name of the first folder
    below, and none for an image that lies in no folder.
    """
    top, note = "", ""
    while images:
        depths = [name[len(top) :].split("/") for name in images]
        firsts = {parts[0] for parts in depths if len(parts) > 1}
        if any(len(parts) == 1 for parts in depths):
            break
        train = next((f for f in sorted(firsts) if f.lower() in ("train", "training")), None)
        if train and {f.lower() for f in firsts} <= _SPLITS:
            top, note = f"{top}{train}/", f" (its part {top}{train})"
            images = [name for name in images if name.startswith(top)]
        elif len(firsts) == 1 and all(len(parts) > 2 for parts in depths):
            top = f"{top}{firsts.pop()}/"
        else:
            break

    listed: dict[str, str | None] = {}
    for name, text in texts.items():
        if name.startswith(top) or top.startswith(name[: -len(METADATA)]):
            listed |= _metadata_labels(name, text, where, label_key)
    if any(listed.get(name) is not None for name in images):
        return images, note, [listed.get(name) for name in images]
    relative = [name[len(top) :].split("/") for name in images]
    return images, note, [parts[0] if len(parts) > 1 else None for parts in relative]


def _metadata_labels(
    name: str, text: bytes, where: str, label_key: str
) -> Iterator[tuple[str, str | None]]:
    """File names, from the container's top, with their labels."""
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
                "Mend the line, or remove the file",
            ) from None
        value = row.get(label_key)
        yield f"{base}{file}", None if value is None else str(value)


# --- Parquet ------------------------------------------------------------------------------------


def parquet(paths: Sequence[Path], image_key: str, label_key: str) -> Listing:
    """The rows of Parquet files in the Hugging Face layout; encoded bytes are kept in memory.

    The image column is a struct ``{bytes, path}`` or plain binary. Integer labels take their
    names from the schema's metadata (``classes``, or Hugging Face's ClassLabel).

    Raises:
        GankitError: no Parquet file, or no image column.
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
        named = _class_names(schema.metadata or {}, label)
        prefix = f"{path.name} " if len(paths) > 1 else ""
        entries += [
            Entry(f"{prefix}row {i}", _class_name(value, named), partial(_cell, column, i))
            for i, value in enumerate(labels)
        ]
    return Listing("Parquet" + (f" in {len(paths)} files" if len(paths) > 1 else ""), entries)


def _cell(column: Any, row: int) -> BinaryIO:
    value = column[row].as_py()
    if value is None:
        raise UnreadableError("no image bytes in this row")
    return io.BytesIO(value)


def _columns(path: Path, schema: Any, image_key: str, label_key: str) -> tuple[str, str | None]:
    image = take(schema.names, image_key, IMAGE_KEYS)
    listed = ", ".join(f"{f.name} ({f.type})" for f in schema) or "none"
    if image is None:
        raise GankitError(
            f"{path}: no column {image_key!r}; it has {listed}",
            f"Set image_key. {did_you_mean(image_key, schema.names)}",
        )
    kind = schema.field(image).type
    if not (
        _is_binary(kind) or any(f.name == "bytes" and _is_binary(f.type) for f in _fields(kind))
    ):
        raise GankitError(
            f"{path}: column {image!r} holds {kind}, not image files",
            "Expected binary, or a struct with the field bytes",
        )
    label = take(schema.names, label_key, LABEL_KEYS)
    if label is None and label_key != LABEL_KEYS[0]:
        raise GankitError(
            f"{path}: no column {label_key!r}; it has {listed}",
            f"Set label_key. {did_you_mean(label_key, schema.names)}",
        )
    return image, label


def _is_binary(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )


def _fields(kind: Any) -> Iterable[Any]:
    import pyarrow.types as types

    return list(kind) if types.is_struct(kind) else []


def _class_names(metadata: Mapping[bytes, bytes], label: str | None) -> Sequence[str]:
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return [str(name) for name in features[label]["names"]]
    except (KeyError, TypeError, ValueError):
        classes = metadata.get(b"classes", b"").decode("utf-8", "replace")
        return classes.split(",") if classes else ()


def _class_name(value: object, names: Sequence[str]) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and names:
        if value < 0:
            return None  # Hugging Face's mark for "not labelled"
        if value < len(names):
            return names[value]
    return str(value)
