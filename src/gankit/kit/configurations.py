"""Hugging Face repositories of several configurations: a folder each, with its own splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gankit.kit.folders import printable
from gankit.kit.splits import left_out_text, split_in, split_of

DEFAULT = "default"
"""The configuration that is used where there are several."""


@dataclass(frozen=True)
class Configured:
    """The files that are used, what was taken and left out, and doubts."""

    names: Sequence[str]
    fact: str = ""
    warnings: Sequence[str] = ()


def take_configuration(names: Sequence[str]) -> Configured:
    """The files of the configuration ``default`` where there are several.

    Configurations often hold the same items again (a smaller part, other columns). Without one of
    that name all are read together, with a warning.

    Args:
        names: of the data's files, with slashes.
    """
    rest = {name: name for name in names}
    while rest and all("/" in r for r in rest.values()):
        folders = list(dict.fromkeys(r.partition("/")[0] for r in rest.values()))
        if len(folders) == 1:
            rest = {name: r.partition("/")[2] for name, r in rest.items()}
            continue
        trained = {r.partition("/")[0] for r in rest.values() if _is_train(r.partition("/")[2])}
        if trained != {*folders} or any(split_of(f) or split_in(f) for f in folders):
            break
        if DEFAULT not in folders:
            shown = ", ".join(map(printable, folders[:8])) + (", …" if len(folders) > 8 else "")
            doubt = f"Several configurations are read together: {shown}; give one folder to use it"
            return Configured(list(names), warnings=[doubt])
        counts = Counter(printable(r.partition("/")[0]) for r in rest.values())
        kept = [name for name, r in rest.items() if r.startswith(f"{DEFAULT}/")]
        del counts[DEFAULT]
        return Configured(kept, f"configuration {DEFAULT}; {left_out_text(counts)}")
    return Configured(list(names))


def _is_train(name: str) -> bool:
    """Whether a file below a configuration's folder belongs to its train part."""
    *folders, base = name.split("/")
    stem = base.partition(".")[0]
    return any(split_of(f) == "train" for f in folders) or split_in(stem) == "train"
