"""Which data are materials, at a glance: pymatgen takes long to import, so texts are matched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from gankit.contract import Look, Recognised
from gankit.kit.looking import Head, share, table_head, text_head
from gankit_material.data.formulas import FormulaError, parse
from gankit_material.data.tables import COLUMNS

ENOUGH = 0.9
"""The share of cells that are formulas, where nothing else says so."""
VARIETY = 3
"""Different elements that a column of formulas has, at least."""
_MANY = re.compile(r"[A-Z].*[A-Z0-9]")


def recognise(look: Look) -> Recognised | None:
    """CIFs, lists of formulas, and tables with a column of them."""
    if look.ending(".cif"):
        if look.kind == "file":
            return Recognised(0.95, "materials", f"{look.name} holds a crystal structure")
        count, part = share(look, ".cif")
        return Recognised(part, "materials", f"{count:,} CIFs", count)
    if look.kind == "archive":
        return None
    if look.kind == "file" and look.ending(".txt", ".formulas"):
        return _text(look)
    head = table_head(look)
    found = None if head is None else column_of_formulas(head)
    if head is None or found is None:
        return None
    named = found.strip().lower().replace(" ", "_") in COLUMNS
    return Recognised(
        (0.92 if named else 0.85) * head.share,
        "materials",
        f"column {found!r} holds formulas",
        head.count,
    )


def column_of_formulas(head: Head) -> str | None:
    """The column of a table that holds formulas of inorganic materials."""
    for column in dict.fromkeys((*head.like(*COLUMNS), *head.columns)):
        if _are_formulas(head.cells(column)):
            return column
    return None


def _are_formulas(cells: Sequence[str]) -> bool:
    """Whether nearly all texts are formulas, most of several elements; SMILES such as CCO and
    codes such as B2 or USA are not."""
    if len({*cells}) < 2:
        return False
    elements: set[str] = set()
    good = compound = inorganic = repeated = 0
    for cell in cells:
        try:
            amounts = parse(cell).amounts
        except FormulaError:
            continue
        good += 1
        elements |= amounts.keys()
        compound += len(amounts) > 1 and _MANY.match(cell) is not None
        inorganic += not amounts.keys() <= {"C", "H", "N", "O", "S", "P", "F", "Cl", "Br", "I", "B"}
        repeated += bool(re.search(r"([A-Z][a-z]?)\1|[a-z]{2}", cell))
    n = len(cells)
    return (
        good >= ENOUGH * n
        and compound >= 0.5 * n
        and inorganic >= 0.5 * n
        and repeated <= 0.1 * n
        and len(elements) >= VARIETY
    )


def _text(look: Look) -> Recognised | None:
    """A text whose lines are formulas."""
    try:
        lines, count = text_head(Path(look.source))
    except (OSError, EOFError):
        return None
    texts = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if texts and texts[0].lower() in COLUMNS:
        texts = texts[1:]
    if not _are_formulas(texts[:100]):
        return None
    return Recognised(0.85, "materials", f"the lines of {look.name} are formulas", count)
