"""Lists the encoded images in Parquet files of the Hugging Face layout."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from gankit.errors import GankitError, did_you_mean
from gankit.kit.archives import UnreadableError
from gankit.kit.folders import printable
from gankit.kit.parquet import class_name, class_names, is_binary
from gankit.kit.splits import ALL, left_out_text, split_column, split_of
from gankit.kit.tables import refuse_duplicate_columns
from gankit.kit.trees import open_file
from gankit_image.data.containers import (
    IMAGE_KEYS,
    LABEL_KEYS,
    Entry,
    Listing,
    cell_text,
    usual_column,
)  # fmt: skip


def parquet(
    root: Path, names: Sequence[str], image_key: str, label_key: str, split: str = "train"
) -> Listing:
    """The rows of Parquet files; encoded bytes are kept in memory.

    The image column is a struct ``{bytes, path}``, plain binary, or paths of files next to the
    Parquet file. Integer labels take their names from the schema's metadata (``classes``, or
    Hugging Face's ClassLabel).

    Args:
        root: the folder of the files.
        names: of the files below it.
        split: the rows that are used where a column has splits.

    Raises:
        GankitError: not a Parquet file, or no image column.
    """
    entries: list[Entry] = []
    facts: dict[str, str] = {}
    warnings: dict[str, None] = {}
    sources: dict[str, None] = {}
    taken, left_out = "", Counter[str]()
    for name in names:
        table = _read(root / name, image_key, label_key)
        prefix = f"{printable(name)} " if len(names) > 1 else ""
        folder = (root / name).parent
        rows = range(len(table.labels))
        if table.splits is not None and split != ALL:
            rows, taken, rest, doubt = of_split(table, split, root / name)
            left_out.update(rest)
            warnings |= dict.fromkeys(doubt)
        entries += [
            Entry(
                f"{prefix}row {i}",
                table.labels[i],
                partial(_cell, table.images, table.files, i, folder),
            )
            for i in rows
        ]
        sources[table.labels_from] = None
        warnings |= dict.fromkeys(table.warnings)
        facts |= table.facts
    if taken or left_out:
        facts["split"] = "; ".join(filter(None, [taken, left_out_text(left_out, "row")]))
    kind = "Parquet" + (f" in {len(names)} files" if len(names) > 1 else "")
    return Listing(
        kind,
        entries,
        labels_from=", ".join(filter(None, sources)),
        facts=facts,
        warnings=list(warnings),
    )


@dataclass(frozen=True)
class Table:
    """A Parquet file: its columns of images, the label and the split of each row."""

    image: str
    """The column of images."""
    labels: Sequence[str | None]
    splits: Sequence[str] | None
    split_column: str
    labels_from: str
    facts: Mapping[str, str]
    warnings: Sequence[str]
    images: Any = None
    """Bytes; None where there are paths alone."""
    files: Any = None
    """Paths of files next to the table; None where it has none."""


def _read(path: Path, image_key: str, label_key: str) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        table = described(
            path,
            schema,
            lambda names: pq.read_table(path, columns=list(names)),
            image_key,
            label_key,
        )
        images, files = _parts(pq.read_table(path, columns=[table.image])[table.image])
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        reason = printable((str(error).splitlines() or [type(error).__name__])[0])
        raise GankitError(f"{path}: not a readable Parquet file ({reason})") from None
    return replace(table, images=images, files=files)


def described(
    path: object,
    schema: Any,
    columns: Callable[[Sequence[str]], Any],
    image_key: str,
    label_key: str,
) -> Table:
    """What a table says about its images, without them.

    Args:
        path: for messages.
        columns: reads whole columns.

    Raises:
        GankitError: no image column, or no such column of labels.
    """
    refuse_duplicate_columns(schema.names, str(path))
    image, others = _image_column(path, schema, image_key)
    label, doubts = _label_column(path, schema, image, label_key)
    texts = [f.name for f in schema if f.name != image and _is_text(f.type)]
    split = split_column(texts, _different(columns, texts))
    wanted = dict.fromkeys(c for c in (label, split) if c is not None)
    table = columns(list(wanted))
    values = [None] * table.num_rows if label is None else table[label].to_pylist()
    named = class_names(schema.metadata, label) if label else ()
    return Table(
        image,
        [cell_text(class_name(value, named)) for value in values],
        None if split is None else [str(v or "") for v in table[split].to_pylist()],
        split or "",
        f"column {label}" if label else "",
        {"other image columns": f"{', '.join(others)}: not read"} if others else {},
        doubts,
    )


def _different(
    columns: Callable[[Sequence[str]], Any], names: Sequence[str]
) -> Mapping[str, set[object]]:
    """The different values of columns that may have splits."""
    import pyarrow.compute as pc

    usual = [c for c in names if split_column([c], {c: {"train"}})]
    if not usual:
        return {c: set() for c in names}
    table = columns(usual)
    return {c: set() for c in names} | {c: set(pc.unique(table[c]).to_pylist()) for c in usual}


def of_split(
    table: Table, split: str, path: object
) -> tuple[Any, str, Counter[str], Sequence[str]]:
    """The rows of one split, its name, what is left out, and a warning."""
    assert table.splits is not None
    wanted = split_of(split) or split
    kept = [i for i, value in enumerate(table.splits) if split_of(value) == wanted]
    column = table.split_column
    if not kept:
        there = sorted(set(table.splits))
        if split != "train":
            raise GankitError(
                f"{path}: no split {split!r} in the column {column}",
                f"There are: {', '.join(there[:8])}",
            )
        doubt = f"The column {column} has no train part: all rows are used"
        return range(len(table.labels)), "", Counter(), [doubt]
    rest = Counter(v or "without a split" for v in table.splits if split_of(v) != wanted)
    return kept, f"{table.splits[kept[0]]} (column {column})", rest, []


def _parts(column: Any) -> tuple[Any, Any]:
    """The bytes and the paths of a column of images; None for what it has not."""
    import pyarrow.compute as pc

    if _is_text(column.type):
        return None, column
    if is_binary(column.type):
        return column, None
    names = [field.name for field in _fields(column.type)]
    files = pc.struct_field(column, "path") if "path" in names else None
    return pc.struct_field(column, "bytes"), files


def _cell(images: Any, files: Any, row: int, folder: Path) -> BinaryIO:
    data = None if images is None else images[row].as_py()
    if data is not None:
        return io.BytesIO(data)
    path = None if files is None else files[row].as_py()
    if not isinstance(path, str) or not path:
        raise UnreadableError("no image bytes in this row")
    path = path.replace("\\", "/")
    if path.startswith("/") or ".." in path.split("/") or ":" in path or "\0" in path:
        raise UnreadableError("no image bytes in this row, and its path leads elsewhere")
    try:
        return open_file(folder / path)
    except UnreadableError as error:
        raise UnreadableError(f"no image bytes in this row, and its file {error}") from None


def _image_column(path: object, schema: Any, image_key: str) -> tuple[str, Sequence[str]]:
    """The column of images, and others that may be images too."""
    holds = [field.name for field in schema if _holds_images(field.type)]
    listed = ", ".join(f"{printable(f.name)} ({f.type})" for f in schema) or "none"
    image: str | None = image_key if image_key in schema.names else None
    if image is None and image_key == IMAGE_KEYS[0]:
        image = usual_column(holds, IMAGE_KEYS) or usual_column(schema.names, IMAGE_KEYS)
        media = [name for name in holds if not _is_text(schema.field(name).type)]
        if image is None and len(media) == 1:
            image = media[0]
    if image is None:
        raise GankitError(
            f"{path}: no column {image_key!r}; it has {listed}",
            f"Set image_key. {did_you_mean(image_key, schema.names)}",
        )
    if image not in holds:
        raise GankitError(
            f"{path}: column {image!r} holds {schema.field(image).type}, not image files",
            "Expected binary, a struct with the field bytes, or paths",
        )
    media = [c for c in holds if c != image and not _is_text(schema.field(c).type)]
    return image, media


def _label_column(
    path: object, schema: Any, image: str, label_key: str
) -> tuple[str | None, Sequence[str]]:
    """The column of labels, or None with a doubt where others may be meant."""
    if label_key in schema.names:
        return label_key, []
    others = [name for name in schema.names if name != image]
    if label_key != LABEL_KEYS[0]:
        listed = ", ".join(f"{printable(f.name)} ({f.type})" for f in schema)
        raise GankitError(
            f"{path}: no column {label_key!r}; it has {listed}",
            f"Set label_key. {did_you_mean(label_key, schema.names)}",
        )
    if found := usual_column(others, LABEL_KEYS):
        return found, []
    classes = [name for name in others if class_names(schema.metadata, name, is_label=False)]
    if len(classes) == 1:
        return classes[0], []
    likely = classes or [c for c in others if "label" in c.lower() or "class" in c.lower()]
    if likely:
        doubt = f"No column is called label, but {' and '.join(likely)} may be meant: set label_key"
        return None, [f"{doubt}={likely[0]}"]
    return None, []


def _holds_images(kind: Any) -> bool:
    return (
        is_binary(kind)
        or _is_text(kind)
        or any(f.name == "bytes" and is_binary(f.type) for f in _fields(kind))
    )


def _is_text(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _fields(kind: Any) -> Iterable[Any]:
    import pyarrow.types as types

    return list(kind) if types.is_struct(kind) else []
