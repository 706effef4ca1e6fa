"""Lists the encoded images of a folder or an archive; decodes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gankit.contract import Issue
from gankit.errors import GankitError, did_you_mean
from gankit.kit.archives import Shards
from gankit.kit.companions import sample_key
from gankit.kit.discovery import Discovered, discover
from gankit.kit.folders import printable
from gankit.kit.name_classes import name_prefix, suggest_prefixes
from gankit.kit.row_tables import LABEL_COLUMNS, is_vector, label_text
from gankit.kit.sidecars import Sidecars
from gankit.kit.trees import FileTree
from gankit_image.data.pixels import SUFFIXES

if TYPE_CHECKING:
    from gankit_image.settings import ImageSettings

MAX_MEMBER = 256 * 2**20
"""Largest file in an archive, in bytes, uncompressed."""
METADATA = "metadata.jsonl"
"""A file of labels, one JSON object per line, as in Hugging Face's image folders."""

IMAGE_KEYS = (
    "image", "images", "img", "x", "x_train", "X_train", "train_images", "images_train", "pixels",
    "picture", "jpg", "png",
)  # fmt: skip
LABEL_KEYS = (
    "label", "labels", "y", "y_train", "train_labels", "labels_train", "class", "category",
    "target", "cls",
)  # fmt: skip
"""Names tried in this order, unless the user sets another."""

SECOND = "a second image of the same WebDataset sample: left out"


@dataclass(frozen=True, eq=False)
class Entry:
    """An encoded image: its name in the container, its class, and its bytes when opened."""

    name: str
    label: str | None
    open: Callable[[], BinaryIO]
    """Raises UnreadableError or OSError."""


@dataclass(frozen=True)
class Listing:
    """The entries of a container.

    Attributes:
        kind: for the data set's description.
        issues: what cannot be used; a reason to stop under ``strict``.
        notes: what was left out on purpose.
        labels_from: where labels come from, for a person.
        facts: what the container was taken for.
        warnings: doubts, one sentence each.
        generated: whether gankit generated it as a whole.
    """

    kind: str
    entries: list[Entry]
    issues: Sequence[Issue] = ()
    notes: Sequence[Issue] = ()
    labels_from: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    generated: bool = False


def is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def listing(
    tree: FileTree, label_key: str, split: str, suffixes: Sequence[str] = SUFFIXES
) -> Listing:
    """The image files of a tree, with their labels.

    Raises:
        GankitError: a table of labels cannot be read; there is no such split.
    """
    inside = tree.prefixes if isinstance(tree, Shards) else ()
    found = discover(tree, suffixes, split=split, inside=inside)
    labels, source, warnings = _labels(found, tree.path, label_key)
    entries = [
        Entry(printable(name), labels.get(name), partial(tree.open, name)) for name in found.names
    ]
    missing = found.sidecars.issues if found.sidecars else []
    notes = [issue for issue in found.issues if issue not in missing]
    if found.sidecars and found.sidecars.kind == "webdataset":
        entries, second = _one_each(entries)
        notes += second
    return Listing(
        tree.kind + found.note,
        entries,
        missing,
        notes,
        source,
        found.facts,
        [*found.warnings, *warnings],
        found.generated,
    )


def labels_from_names(listing: Listing, settings: ImageSettings) -> Listing:
    """The listing with labels from file names if ``label=prefix``; otherwise with a suggestion to
    use them if there are no labels, and the names look like classes."""
    names = [entry.name for entry in listing.entries]
    if settings.label == "prefix":
        entries = [Entry(e.name, name_prefix(e.name), e.open) for e in listing.entries]
        return replace(listing, entries=entries, labels_from="the file names")
    if settings.conditional is False or any(e.label is not None for e in listing.entries):
        return listing
    suggestion = suggest_prefixes(names)
    return replace(listing, warnings=[*listing.warnings, suggestion]) if suggestion else listing


def _one_each(entries: Sequence[Entry]) -> tuple[list[Entry], list[Issue]]:
    """One image of each WebDataset sample, and issues for the others: a sample may have an image
    and its mask."""
    endings = Counter(entry.name[len(sample_key(entry.name)) :] for entry in entries)
    kept: dict[str, Entry] = {}
    issues: list[Issue] = []
    for entry in sorted(entries, key=lambda e: -endings[e.name[len(sample_key(e.name)) :]]):
        if sample_key(entry.name) in kept:
            issues.append(Issue(printable(entry.name), SECOND))
        else:
            kept[sample_key(entry.name)] = entry
    return sorted(kept.values(), key=lambda entry: entry.name), issues


def _labels(
    found: Discovered, where: Path | str, label_key: str
) -> tuple[Mapping[str, str | None], str, Sequence[str]]:
    """Labels by name, where they come from, and doubts.

    They come from a table if it has a column for them, and otherwise from the first folder below
    the data's root.

    Raises:
        GankitError: the user set a column that the table does not have.
    """
    folders = dict(zip(found.names, found.folders, strict=True))
    by_folder = "folders" if any(folder is not None for folder in found.folders) else ""
    table = found.sidecars
    if table is None or not table.files:
        if label_key != LABEL_KEYS[0]:
            raise GankitError(
                f"label_key={label_key}: {where} has no table with such a column",
                "Add metadata.csv with the columns file_name and the label's",
            )
        return folders, by_folder, []
    if not table.labelled:
        return {}, f"none: {table.source} says that there are no labels", []
    column = _label_column(table, where, label_key)
    if column is None:
        columns = ", ".join(map(str, table.columns)) or "none"
        doubt = f"{table.source} has no column of labels (it has {columns}): set label_key to one"
        return folders, by_folder, [doubt]
    labels = {name: cell_text(row.get(column)) for name, row in table.rows.items()}
    if not any(label is not None for label in labels.values()):
        return folders, by_folder, []
    return labels, f"{table.source}, column {column}", []


def _label_column(table: Sidecars, where: Path | str, label_key: str) -> str | None:
    if label_key in table.columns:
        return label_key
    if label_key != LABEL_KEYS[0]:
        raise GankitError(
            f"label_key={label_key}: {where}, {table.source} has no such column; it has "
            f"{', '.join(table.columns) or 'none'}",
            did_you_mean(label_key, list(table.columns)),
        )
    return usual_column(table.columns, LABEL_COLUMNS)


def usual_column(columns: Sequence[str], usual: Sequence[str]) -> str | None:
    """The column with the first of some usual names, in whatever case."""
    lower = {column.lower(): column for column in reversed(columns)}
    return next((lower[name.lower()] for name in usual if name.lower() in lower), None)


def cell_text(value: object) -> str | None:
    """A cell as a label; several numbers are a list, as in ``[0.5, 1]``."""
    if is_vector(value):
        return json.dumps(value)
    return label_text(value)
