"""Recordings in a folder or an archive, with or without tables, and one recording alone.

Nothing is decoded here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.archives import UnreadableError
from gankit.kit.companions import COMPANIONS
from gankit.kit.discovery import count_endings
from gankit.kit.file_names import Names
from gankit.kit.folders import class_folder, find_root, parent, printable
from gankit.kit.own_output import is_record
from gankit.kit.sidecars import Sidecars, read_sidecars
from gankit.kit.splits import Chosen, left_out_text, split_of, take_split
from gankit.kit.trees import FileTree, Folder, usable
from gankit_audio.data import tables
from gankit_audio.data.files import Content, UnusableError
from gankit_audio.data.formats import (
    HEAD,
    OTHERS,
    SUFFIXES,
    UNSUPPORTED,
    by_suffix,
    is_sound,
    suffix_of,
)
from gankit_audio.data.listing import Entry, Listing
from gankit_audio.data.tables import Listed

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

MAX_MEMBER = 2**30
"""Largest file in an archive, in bytes, uncompressed: it is unpacked in memory."""
NOISE = "_background_noise_"
"""Speech Commands' folder of long recordings of noise, which is no word."""
LISTS = {"validation_list.txt": "validation", "testing_list.txt": "test"}
"""Speech Commands' lists of the recordings of other splits."""


def sound_names(tree: FileTree, names: Sequence[str]) -> list[str]:
    """The files that are sounds: by their extension, or by their first bytes where the extension
    is none that is known."""
    return [name for name in names if _is_sound(tree, name)]


def _is_sound(tree: FileTree, name: str) -> bool:
    suffix = suffix_of(name)
    if suffix in SUFFIXES:
        return True
    if suffix in OTHERS or suffix in UNSUPPORTED:
        return False
    try:
        with tree.open(name) as file:
            return is_sound(file.read(HEAD))
    except (UnreadableError, OSError):
        return False


def listing(tree: FileTree, settings: AudioSettings, inside: Collection[str] = ()) -> Listing:
    """The recordings of a folder or an archive.

    Args:
        inside: folders, with a slash, that are shards: no part of a file's place.

    Raises:
        GankitError: a table cannot be read or lists nothing; there is no such split.
    """
    ours = usable(tree, SUFFIXES)
    names = list(ours.names)
    sounds = sound_names(tree, names)
    issues = _unsupported(names)
    sounds, notes, left_out = _speech_commands(tree, names, sounds, settings.split)
    chosen = take_split(  # tables may tell the split
        sounds, settings.split, where=tree.path, inside=inside, required=False
    )
    listed = tables.read_tables(tree, names, sounds, chosen.names, settings) if sounds else None
    if listed is not None and listed.files:
        # Where tables tell the split, they also know recordings in folders of other splits.
        wanted = "all" if listed.taken else settings.split
        split = chosen
        chosen = take_split(listed.rows, wanted, where=tree.path, inside=inside)
        if not chosen.left_out and not listed.taken:
            chosen = replace(chosen, split=split.split, left_out=split.left_out)
        found = _of_tables(tree, split.names, chosen, listed)
    else:
        chosen = take_split(sounds, settings.split, where=tree.path, inside=inside)
        sidecars = read_sidecars(
            names, sounds, tree.read_required, where=tree.path, chosen=chosen.names,
            stems=(), split=settings.split,
        )  # fmt: skip
        found = _of_folders(tree, chosen, sidecars)
    others = _others(names, sounds, found)
    left = left_out_text(left_out, "recording")
    told = "; ".join(filter(None, [chosen.fact, found.facts.get("split", ""), left]))
    facts = {"split": told, **{k: v for k, v in found.facts.items() if k != "split"}}
    facts["other files"] = f"{others}: not read" if others else ""
    return Listing(
        found.kind,
        found.entries,
        [*issues, *found.issues],
        [*ours.issues, *notes, *found.notes],
        facts={key: text for key, text in facts.items() if text},
        labels_from=found.labels_from,
        tables=found.tables,
        warnings=[
            *ours.warnings,
            *chosen.warnings,
            *(listed.warnings if listed is not None and not listed.files else ()),
            *found.warnings,
        ],
    )


def single(path: Path) -> Listing:
    """One recording."""
    return Listing("file", [Entry(path.name, partial(_same, path))])


def manifest(path: Path, settings: AudioSettings) -> Listing:
    """The recordings that a table lists, by paths relative to it.

    Raises:
        GankitError: it cannot be read, or has no column of paths.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GankitError(f"{path}: cannot be read ({error.strerror or error})") from None
    tree = Folder(path.parent)
    known = Names([name for name in tree.names if suffix_of(name) not in tables.SUFFIXES])
    table = tables.read_one(str(path), content, path.name, known, settings.audio_key)
    entries: list[Entry] = []
    issues: list[Issue] = []
    files = []
    for at, row in table.rows:
        file = tables.file_text(row.get(table.column))
        if not file:
            issues.append(Issue(f"{path}, {at}", f"no path in column {table.column}"))
            continue
        place = path.parent / file
        if not place.exists() and (there := known.find("", file)) is not None:
            place = path.parent / there
        files.append((file.replace("\\", "/"), place, row))
    root, _ = find_root([name for name, _, _ in files])
    for name, place, row in files:
        rest = {key: value for key, value in row.items() if key != table.column}
        entries.append(
            Entry(printable(name), partial(_same, place), rest, class_folder(name, root))
        )
    facts = {"table": note} if (note := tables.headless_note(table)) else {}
    return Listing("manifest", entries, issues, facts=facts, labels_from=path.name)


# --- Parts --------------------------------------------------------------------------------------


def _others(names: Sequence[str], sounds: Sequence[str], found: Listing) -> str:
    """Files that are neither sounds nor tables about them, by extension."""
    known = {*sounds, *(entry.name for entry in found.entries), *found.tables}
    small = COMPANIONS if any(file.startswith("*") for file in found.tables) else ()
    return count_endings(
        [
            name
            for name in names
            if name not in known
            and suffix_of(name) not in (*SUFFIXES, *UNSUPPORTED, *small)
            and name.rpartition("/")[2] not in LISTS
            and not is_record(name)
        ]
    )


def _unsupported(names: Sequence[str]) -> list[Issue]:
    return [
        Issue(printable(name), by_suffix(suffix))
        for name in names
        if (suffix := suffix_of(name)) in UNSUPPORTED
    ]


def _speech_commands(
    tree: FileTree, names: Sequence[str], sounds: Sequence[str], split: str
) -> tuple[list[str], list[Issue], Mapping[str, int]]:
    """The recordings without noise and without those in lists of other splits."""
    notes = [Issue(printable(n), f"in {NOISE}: left out") for n in sounds if NOISE in n.split("/")]
    kept = [name for name in sounds if NOISE not in name.split("/")]
    left_out: Counter[str] = Counter()
    if split == "all":
        return kept, notes, left_out
    wanted = split_of(split) or split
    listed: dict[str, str] = {}
    for name in names:
        kind = LISTS.get(name.rpartition("/")[2])
        if kind is not None:
            text = tree.read_required(name).decode("utf-8", "replace")
            listed |= {parent(name) + line.strip(): kind for line in text.splitlines()}
    if not listed:
        return kept, notes, left_out
    chosen = [name for name in kept if listed.get(name, "train") == wanted]
    left_out.update(listed.get(name, "train") for name in kept if name not in {*chosen})
    return chosen, notes, left_out


def _content(tree: FileTree) -> Callable[[str], Content]:
    if isinstance(tree, Folder):
        return lambda name: tree.path / name

    def content(name: str) -> Content:
        try:
            return tree.read(name)
        except UnreadableError as error:
            raise UnusableError(str(error)) from None

    return content


def _of_tables(tree: FileTree, sounds: Sequence[str], chosen: Chosen, listed: Listed) -> Listing:
    content = _content(tree)
    entries = [
        Entry(printable(name), partial(content, name), listed.rows[name], folder)
        for name, folder in zip(chosen.names, chosen.folders, strict=True)
    ]
    notes = []
    if not listed.taken and "left out" not in listed.split:
        beside = [name for name in sounds if name not in listed.rows]
        notes = [Issue(printable(name), "not listed in the table: left out") for name in beside]
    source = ", ".join(listed.files[:3])
    facts = {"split": listed.split, "table": "; ".join([source, *listed.notes])}
    return Listing(
        f"{tree.kind} with {listed.files[0]}{chosen.note}",
        entries,
        listed.issues,
        notes,
        facts=facts,
        labels_from=source,
        tables=listed.files,
        warnings=listed.warnings,
    )


def _of_folders(tree: FileTree, chosen: Chosen, sidecars: Sidecars | None) -> Listing:
    """Recordings whose classes are folders, unless a sidecar has them."""
    content = _content(tree)
    folders: Sequence[str | None] = chosen.folders
    facts = {}
    if sidecars is not None:
        facts["table"] = sidecars.source + ("" if sidecars.labelled else ", without labels")
        facts["split"] = left_out_text(sidecars.left_out, "recording")
        folders = [None] * len(folders)
    rows = sidecars.rows if sidecars is not None else {}
    left = sidecars is not None and bool(sidecars.left_out)
    entries = [
        Entry(printable(name), partial(content, name), rows.get(name, {}), folder)
        for name, folder in zip(chosen.names, folders, strict=True)
        if not left or name in rows
    ]
    return Listing(
        tree.kind + (f" with {sidecars.source}" if sidecars is not None else "") + chosen.note,
        entries,
        sidecars.issues if sidecars is not None else (),
        facts=facts,
        labels_from=sidecars.source if sidecars is not None else "",
        tables=sidecars.files if sidecars is not None else (),
        warnings=sidecars.warnings if sidecars is not None else (),
    )


def _same(path: Path) -> Content:
    return path
