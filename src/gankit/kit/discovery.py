"""The items of a folder or an archive: those of one split, with what tables say about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.companions import COMPANIONS
from gankit.kit.folders import printable
from gankit.kit.own_output import is_record
from gankit.kit.sidecars import STEMS, Sidecars, is_sidecar, read_sidecars
from gankit.kit.splits import ALL, Chosen, left_out_text, take_split
from gankit.kit.trees import FileTree, usable

_MOST_ENDINGS = 6


@dataclass(frozen=True)
class Discovered:
    """The items of a data set.

    Attributes:
        names: of the files.
        folders: the folder of each that may be its class, or None.
        sidecars: what tables say about them, by name; None without tables.
        note: for the data set's description: the part that is used.
        issues: what was left out, and what is listed but not there.
        facts: about splits, tables and files that are no items.
        warnings: one sentence each.
        generated: whether gankit generated it as a whole.
    """

    names: Sequence[str]
    folders: Sequence[str | None]
    sidecars: Sidecars | None
    note: str
    issues: Sequence[Issue]
    facts: Mapping[str, str]
    warnings: Sequence[str]
    generated: bool = False


def discover(
    tree: FileTree,
    endings: Sequence[str],
    *,
    split: str = "train",
    stems: Sequence[str] = STEMS,
    file_key: str = "",
    inside: Sequence[str] = (),
) -> Discovered:
    """Finds the items of a tree.

    Args:
        endings: of items' files, in lower case.
        split: the one that is used, or ``all``.
        stems: names of tables that describe items, the preferred first.
        file_key: their column with names of files, if it has no usual name.
        inside: folders that are shards, with a slash.

    Raises:
        GankitError: the tree is a run; a table cannot be read; there is no such split.
    """
    found = usable(tree, endings)
    ending = tuple(endings)
    items = [name for name in found.names if name.lower().endswith(ending)]
    chosen = take_split(items, split, where=tree.path, required=False, inside=inside)
    sidecars = read_sidecars(
        found.names, items, tree.read_required, where=tree.path, chosen=chosen.names, stems=stems,
        file_key=file_key, split=split,
    )  # fmt: skip
    taken = " and ".join(filter(None, [chosen.split, sidecars.split if sidecars else ""]))
    if split not in ("train", ALL) and not taken:
        take_split(items, split, where=tree.path, inside=inside)  # raises
        raise GankitError(f"{tree.path}: no split {split!r}", "Leave out split")
    pairs = list(zip(chosen.names, chosen.folders, strict=True))
    issues, warnings, left_out = list(found.issues), [*found.warnings], dict(chosen.left_out)
    warnings += chosen.warnings
    facts: dict[str, str] = {}
    if sidecars is not None:
        pairs = [(name, folder) for name, folder in pairs if name not in sidecars.excluded]
        issues += sidecars.issues
        warnings += sidecars.warnings
        for name, count in sidecars.left_out.items():
            left_out[name] = left_out.get(name, 0) + count
    if said := [*filter(None, [taken, chosen.remark, left_out_text(left_out)])]:
        facts["split"] = "; ".join(said)
    if others := _others(found.names, items, stems, sidecars):
        facts["other files"] = f"{others}: not read"
    return Discovered(
        [name for name, _ in pairs],
        [folder for _, folder in pairs],
        sidecars,
        _note(chosen, sidecars),
        issues,
        facts,
        warnings,
        found.generated,
    )


def _note(chosen: Chosen, sidecars: Sidecars | None) -> str:
    if chosen.note or sidecars is None or not sidecars.split:
        return chosen.note
    return f" (its part {sidecars.split})"


def _others(
    names: Sequence[str], items: Sequence[str], stems: Sequence[str], sidecars: Sidecars | None
) -> str:
    """Files that are neither items nor tables about them, by ending."""
    known = {*items, *(sidecars.files if sidecars else ())}
    companions = COMPANIONS if sidecars and sidecars.kind == "webdataset" else ()
    rest = [
        name
        for name in names
        if name not in known
        and not is_record(name)
        and not is_sidecar(name, stems)
        and not name.lower().endswith(companions or ("\0",))
    ]
    return count_endings(rest)


def count_endings(names: Sequence[str]) -> str:
    """``200 .heic, 3 .txt``; empty for no names."""
    counts = Counter(ending_of(name) for name in names)
    shown = [f"{n:,} {ending}" for ending, n in counts.most_common(_MOST_ENDINGS)]
    if more := sum(counts.values()) - sum(n for _, n in counts.most_common(_MOST_ENDINGS)):
        shown.append(f"{more:,} of other kinds")
    return ", ".join(shown)


def ending_of(name: str) -> str:
    """A file's ending in lower case, with the dot."""
    base = name.rpartition("/")[2]
    stem, dot, ending = base.rpartition(".")
    return printable(dot + ending.lower()) if dot and stem else "without an ending"
