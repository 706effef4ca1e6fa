"""Images at an address that are read as training needs them: tar shards, Parquet, single files.

A part of them is decoded first, and decides the format; reading all would take as long as training
on all. A damaged image ends training when its turn comes, with its name.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from gankit.contract import Dataset, Issue, Progress
from gankit.contract.subsets import Indices
from gankit.errors import GankitError
from gankit.kit.archives import UnreadableError
from gankit.kit.folders import fingerprint, printable, skip
from gankit.kit.own_output import doubt
from gankit.kit.people import FACES, people_in
from gankit.kit.remote import Remote
from gankit.kit.splits import ALL, left_out_text, take_split
from gankit.kit.streamed import remote_tree
from gankit_image.data.classes import settle
from gankit_image.data.containers import (
    MAX_MEMBER,
    Entry,
    Listing,
    is_image,
    labels_from_names,
    listing,
)
from gankit_image.data.facts import Survey, value_range
from gankit_image.data.images import DeferredImage, Image, Images
from gankit_image.data.locate import READS, no_images
from gankit_image.data.parquet import described, of_split
from gankit_image.data.pixels import choose, stray
from gankit_image.data.sources import describe, enough, read_header, read_pixels, reread

if TYPE_CHECKING:
    from gankit_image.settings import ImageSettings

LOOKED_AT = 256
"""Images that are decoded before training."""
FEW_GROUPS = 8
"""Row groups that these are from."""


@dataclass(frozen=True)
class _Found:
    """What is at an address.

    Attributes:
        groups: the row group of each entry; None where any is as near as any other.
    """

    listing: Listing
    groups: Indices | None = None


def read_remote(remote: Remote, settings: ImageSettings, progress: Progress) -> Dataset[Image]:
    """The images at an address.

    Raises:
        GankitError: nothing usable there, or it cannot be read in parts.
    """
    found = _find(remote, settings, progress)
    given = labels_from_names(found.listing, settings)
    if not given.entries:
        raise no_images(remote.shown, (), given.notes)
    classes = settle(
        [entry.label for entry in given.entries],
        [entry.name for entry in given.entries],
        given.labels_from,
        settings.conditional,
    )
    entries = [given.entries[i] for i in classes.kept]
    issues = [skip(issue, remote.shown, settings.strict) for issue in given.issues]

    groups = None if found.groups is None else found.groups[np.array(classes.kept, int)]
    chosen = _looked_at(len(entries), groups)
    progress("looking at some images", 0, len(chosen))
    some = list(remote.mapped(_held, [entries[i] for i in chosen]))
    headers = dict(
        zip(
            some,
            remote.mapped(partial(read_header, max_pixels=settings.max_pixels), some),
            strict=True,
        )
    )
    damaged = [probed for probed, _ in headers.values() if isinstance(probed, Issue)]
    if damaged:
        first = damaged[0]
        raise GankitError(
            f"{remote.shown}, {first.location}: {first.reason}; {len(damaged)} of {len(some)} "
            "images that were looked at cannot be used",
            "Fix or remove them, or copy the data with data.remote=copy, which skips such images",
        )
    probed = {e: found for e, (found, _) in headers.items() if not isinstance(found, Issue)}
    marked = sum(is_generated for _, is_generated in headers.values())
    warnings = [*given.warnings]
    if marked and not given.generated:
        warnings.append(doubt(f"{marked} of {len(some)} images of {remote.shown}"))
    formats = {entry: header.format for entry, header in probed.items()}
    for entry, why in stray(formats).items():
        raise GankitError(f"{remote.shown}, {entry.name}: {why}", "Remove it, or set mode")
    target = choose(set(formats.values()), settings)
    if target.dtype != np.uint8 and not settings.value_range:
        raise GankitError(
            f"{remote.shown}: the images are not of 8 bits, and their range is not known before "
            "all are read",
            "Give it as value_range=[LOW,HIGH], or copy the data with data.remote=copy",
        )
    enough(len(entries), len(given.entries), issues, remote.shown)

    labels = classes.labels
    bands = target.channels == 4 and not target.alpha
    load = partial(read_pixels, target=target, settings=settings)
    looked_at = _Streamed(remote, len(some), lambda i: _image(some[i], None, load, bands, None))
    sample = looked_at.__getitems__(range(len(some)))
    span = value_range(sample, target, settings)
    items = _Streamed(
        remote,
        len(entries),
        lambda i: _image(entries[i], labels[i], load, bands, span),
        groups,
    )
    survey = Survey()
    for header in probed.values():
        survey.add(header)
    classes = classes.as_numbers(settings)
    seen = f"{len(some):,} of {len(entries):,} images were looked at"
    return Dataset(
        items,
        fingerprint=fingerprint([remote.fingerprint, *(f"{e.name}\0{e.label}" for e in entries)]),
        description=describe(given.kind, len(entries), target, classes),
        issues=[*issues, *given.notes, *classes.notes],
        facts={
            **survey.facts(sample, target, settings),
            **given.facts,
            "labels": classes.fact,
            "checked": f"{seen}; others are decoded when they are needed",
        },
        table=classes.table,
        warnings=[*warnings, *classes.warnings, *survey.warnings(sample, target, settings)],
        strata=classes.strata,
        people=people_in(FACES, path=remote.shown, names=[e.name for e in entries], labels=labels),
    )


class _Streamed(Images):
    """Images that are read when their pixels are used; several at a time where many are taken."""

    def __init__(
        self, remote: Remote, count: int, make: Any, groups: Indices | None = None
    ) -> None:
        super().__init__(count, make)
        self._remote = remote
        self.blocks = None if groups is None else np.flatnonzero(np.diff(groups, prepend=-1))
        """The first image of each row group."""

    def __getitems__(self, indices: Any) -> list[Image]:
        found = [self[int(i)] for i in indices]
        for _ in self._remote.mapped(lambda image: image.pixels, found):
            pass
        return found


def _looked_at(count: int, groups: Indices | None) -> list[int]:
    """Images that are decoded first: evenly spaced, of a few row groups only."""
    numbers = np.arange(count)
    if groups is not None:
        there = np.unique(groups)
        numbers = numbers[np.isin(groups, there[_spaced(len(there), FEW_GROUPS)])]
    found: list[int] = numbers[_spaced(len(numbers), LOOKED_AT)].tolist()
    return found


def _spaced(count: int, most: int) -> Indices:
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))


def _held(entry: Entry) -> Entry:
    """An entry with its content, which is then read once; what cannot be read fails again."""
    try:
        with entry.open() as file:
            content = file.read()
    except (UnreadableError, OSError):
        return entry
    return replace(entry, open=lambda: io.BytesIO(content))


def _image(entry: Entry, label: str | None, load: Any, bands: bool, span: Any) -> DeferredImage:
    def original() -> bytes:
        with entry.open() as file:
            return file.read()

    return DeferredImage(
        partial(reread, load, entry), label, entry.name, bands, original, span=span
    )


# --- What is there ------------------------------------------------------------------------------


def _find(remote: Remote, settings: ImageSettings, progress: Progress) -> _Found:
    names = [file.name for file in remote.files]
    tars = [name for name in names if name.lower().endswith(".tar")]
    tables = [name for name in names if name.lower().endswith(".parquet")]
    if tars or tables:
        chosen = take_split(
            tars or tables, settings.split, where=remote.shown, by_file_name=True, required=False
        )
        rest = replace(settings, split="train" if chosen.split else settings.split)
        found = (
            _Found(_of_tree(remote, chosen.names, rest, progress))
            if tars
            else _rows(remote, sorted(chosen.names), rest, progress)
        )
        facts = dict(found.listing.facts)
        if chosen.fact:
            facts["split"] = "; ".join(filter(None, [chosen.fact, facts.get("split")]))
        warnings = [*chosen.warnings, *found.listing.warnings]
        return replace(found, listing=replace(found.listing, facts=facts, warnings=warnings))
    if any(map(is_image, names)):
        return _Found(_of_tree(remote, names, settings, progress))
    raise GankitError(
        f"{remote.shown}: no images that can be read in parts",
        f"Give .tar or .parquet, or copy the data with data.remote=copy. {READS}",
    )


def _of_tree(
    remote: Remote, names: Sequence[str], settings: ImageSettings, progress: Progress
) -> Listing:
    tree = remote_tree(remote, names, MAX_MEMBER, progress)
    return listing(tree, settings.label_key, settings.split)


def _rows(
    remote: Remote, names: Sequence[str], settings: ImageSettings, progress: Progress
) -> _Found:
    """The rows of Parquet files."""
    from gankit.kit.row_groups import RowGroups

    rows = RowGroups(remote, names, progress)
    table = described(
        remote.shown,
        rows.schema,
        lambda columns: rows.columns(columns, progress),
        settings.image_key,
        settings.label_key,
    )
    kept: Sequence[int] = range(len(rows))
    facts, warnings = dict(table.facts), [*table.warnings]
    if table.splits is not None and settings.split != ALL:
        kept, taken, left_out, doubts = of_split(table, settings.split, remote.shown)
        warnings += doubts
        if said := "; ".join(filter(None, [taken, left_out_text(left_out, "row")])):
            facts["split"] = said
    labels: Sequence[str | None] = table.labels or [None] * len(rows)
    entries = [Entry(f"row {i}", labels[i], partial(_cell, rows, table.image, i)) for i in kept]
    groups = np.searchsorted(rows.starts, np.array(kept, np.int64), side="right")
    kind = "Parquet" + (f" in {len(names)} files" if len(names) > 1 else "")
    found = Listing(kind, entries, labels_from=table.labels_from, facts=facts, warnings=warnings)
    return _Found(found, groups)


def _cell(rows: Any, column: str, row: int) -> BinaryIO:
    found = rows.cell(row, column).as_py()
    data = found.get("bytes") if isinstance(found, dict) else found
    if not isinstance(data, bytes):
        raise UnreadableError(
            "no image bytes in this row" + (f" ({printable(str(found))[:80]})" if data else "")
        )
    return io.BytesIO(data)
