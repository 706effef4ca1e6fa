"""Which data are molecules, at a glance: RDKit takes long to import, so texts are matched."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gankit.contract import Look, Recognised
from gankit.kit.looking import Head, table_head, text_head

ONLY = (".smi", ".smiles", ".ism", ".cxsmiles", ".inchi", ".sdf", ".sd", ".mol", ".mdl")
"""Endings of files that hold nothing else."""
COLUMNS = ("smiles", "canonical_smiles", "structure", "mol", "inchi")
"""Usual names of a column of molecules."""
NAMED, UNNAMED = 0.5, 0.9
"""The share of cells that look like molecules, in a column of such a name and in any other."""
LENGTH = 6
"""Characters of a molecule, on average, in a column of any other name: C and N may be anything."""

_ATOM = r"Cl|Br|[BCNOPSFI]|[bcnops]|\[[^\[\]\s]+\]"
_SMILES = re.compile(rf"(?:{_ATOM})(?:{_ATOM}|[-=#$:/\\.()~]|%\d\d|\d)*")


def recognise(look: Look) -> Recognised | None:
    """Files of molecules, lines of SMILES, and tables with a column of them."""
    if own := look.ending(*ONLY):
        if look.kind == "file":
            return Recognised(0.95, "molecules", f"{look.name} holds molecules", _lines(look))
        part = len(own) / len(look.names)
        return Recognised(part, "molecules", f"{len(own):,} files of molecules")
    if look.kind == "file" and look.ending(".txt"):
        return _text(look)
    head = table_head(look)
    found = None if head is None else column_of_molecules(head)
    if head is None or found is None:
        return None
    return Recognised(
        0.9 * head.share, "molecules", f"column {found!r} holds molecules", head.count
    )


def column_of_molecules(head: Head) -> str | None:
    """The column of a table that holds molecules."""
    named = head.like(*COLUMNS) + [c for c in head.columns if "smiles" in c.lower()]
    for column in named:
        if _share(head.cells(column)) >= NAMED:
            return column
    for column in head.columns:
        cells = head.cells(column)
        long = sum(map(len, cells)) >= LENGTH * len(cells)
        if cells and long and len({*cells}) > 2 and _share(cells) >= UNNAMED:
            return column
    return None


def _text(look: Look) -> Recognised | None:
    """A text whose lines begin with molecules."""
    try:
        lines, count = text_head(Path(look.source))
    except (OSError, EOFError):
        return None
    firsts = [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
    if not firsts or _share(firsts) < UNNAMED or sum(map(len, firsts)) < LENGTH * len(firsts):
        return None
    return Recognised(0.8, "molecules", f"the lines of {look.name} are molecules", count)


def _lines(look: Look) -> int | None:
    """Of a file of lines, one each molecule."""
    if not look.ending(".smi", ".smiles", ".ism", ".inchi"):
        return None
    try:
        return text_head(Path(look.source))[1]
    except (OSError, EOFError):
        return None


def _share(cells: Sequence[str]) -> float:
    return sum(map(_is_molecule, cells)) / len(cells) if cells else 0.0


def _is_molecule(text: str) -> bool:
    """Whether a text is an InChI, or SMILES whose rings and branches close: ``C100001`` is not."""
    if text.startswith("InChI="):
        return True
    if len(text) < 2 or not _SMILES.fullmatch(text):
        return False
    bare = re.sub(r"\[[^\]]*\]", "*", text)
    rings = Counter(re.findall(r"%\d\d|\d", bare))
    atoms = len(re.findall(r"Cl|Br|[A-Za-z*]", bare))
    closed = all(ends % 2 == 0 for ends in rings.values()) and bare.count("(") == bare.count(")")
    return closed and rings.total() <= atoms
