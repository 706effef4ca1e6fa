"""Classes in the names of files: ``kick_00.wav`` is a kick."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from gankit.kit.folders import natural_key

FEWEST_EACH = 3
"""Files that each class must have for names to look like classes."""
MOST_CLASSES = 50
SHOWN = 4
_OF_DEVICES = {
    "audio", "clip", "dsc", "dscf", "dscn", "file", "frame", "image", "img", "mvi", "pano",
    "photo", "pic", "picture", "pxl", "rec", "recording", "sample", "scan", "screenshot", "sound",
    "track", "untitled", "vid", "video", "voice",
}  # fmt: skip
"""How cameras, recorders and programs begin the names of any file, in lower case."""


def name_prefix(name: str) -> str:
    """The part of a file's name before the first ``_``, ``-`` or space, or else before its number.

    ``drums/kick_00.wav`` gives ``kick``, ``kick07.wav`` too, and ``C4_01.wav`` gives ``C4``.
    """
    file = name.rpartition("/")[2]
    stem = file.rpartition(".")[0] or file
    first, *rest = re.split(r"[_\- ]", stem.strip("_- "), maxsplit=1)
    return (first if rest else first.rstrip("0123456789")) or first or stem


def suggest_prefixes(names: Sequence[str]) -> str:
    """A warning for files without classes whose names look like classes; empty if they do not.

    They do if there are 2 to ``MOST_CLASSES`` prefixes, each of at least ``FEWEST_EACH`` files, and
    none is a number or what a device calls any file.
    """
    counts = Counter(map(name_prefix, names))
    if not 2 <= len(counts) <= MOST_CLASSES or min(counts.values()) < FEWEST_EACH:
        return ""
    if any(prefix.isdecimal() or prefix.lower() in _OF_DEVICES for prefix in counts):
        return ""
    prefixes = sorted(counts, key=natural_key)
    shown = [f"{prefix} ({counts[prefix]:,})" for prefix in prefixes[:SHOWN]]
    more = ", …" if len(prefixes) > SHOWN else ""
    return f"The file names look like classes: {', '.join(shown)}{more}. label=prefix uses them"
