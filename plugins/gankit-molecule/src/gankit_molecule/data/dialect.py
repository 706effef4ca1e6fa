"""How a file of lines is laid out: its delimiter, and whether its first line is a header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence

from gankit_molecule.data.keys import MIN_SHARE, is_molecule, share_of_molecules, usual_keys
from gankit_molecule.data.looks import is_name
from gankit_molecule.settings import MoleculeSettings

DELIMITERS = ",\t;|"
NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar", " ": "space"}
SAMPLE_LINES = 60
_QUOTED = re.compile(r'"([^"\s]*)"(?=[\s,;|])(.*)')
_BLANKS = re.compile(r"[\t ]")


def split_line(line: str) -> tuple[str, str]:
    """SMILES, with a CXSMILES extension if there is one, and the name after it. A comma, semicolon
    or vertical bar may separate them as well as blanks; none of them occurs in SMILES.
    """
    line = line.strip()
    if quoted := _QUOTED.fullmatch(line):
        return quoted[1], quoted[2].strip(" \t,;|").strip('"')
    line = line.strip('"')
    if line.startswith("InChI="):  # which has commas
        return _two(line.split(None, 1))
    smiles, rest = _two(re.split(r"[\s,;|]+", line, maxsplit=1))
    if _BLANKS.search(line[len(smiles) : len(smiles) + 1]):
        after = line[len(smiles) :].strip()
        if after.startswith("|") and (end := after.find("|", 1)) > 0:
            return f"{smiles} {after[: end + 1]}", after[end + 1 :].strip()
        rest = after.lstrip(",;|").strip()
    return smiles, rest.strip().strip('"')


def _two(parts: Sequence[str]) -> tuple[str, str]:
    return parts[0], parts[1] if len(parts) > 1 else ""


def header_delimiter(line: str, others: Sequence[str], settings: MoleculeSettings) -> str | None:
    """How the header of a file of SMILES lines is separated; empty for a header that names no
    columns, or only that of the names; None where the line is none. A header is a line whose first
    word is no SMILES while those of the other lines are, or that has the name of a column of
    molecules.
    """
    first, _ = split_line(line)
    if is_molecule(first):
        return None
    key = settings.smiles_key.lower()
    for delimiter in (*DELIMITERS, " "):
        names = [name.strip('" \r\n') for name in line.strip().split(delimiter)]
        named = bool(usual_keys(names)) or key in [name.lower() for name in names]
        if named and (len(names) > 1 or delimiter == " "):
            plain = delimiter == " " and [name.lower() for name in names[1:]] in ([], ["name"])
            return "" if plain else delimiter
    firsts = [split_line(other)[0] for other in others]
    good = sum(map(is_molecule, firsts))
    if 2 * good > len(firsts) and (is_name(first) or first.lower() in ("id", "cid", "sid")):
        return ""
    return None


def delimiter_of(lines: Sequence[str], settings: MoleculeSettings, suffix: str) -> str:
    """The delimiter of a table: the one under which a column has the name of molecules, and under
    which most lines have as many cells as the first.
    """
    candidates = "\t" + DELIMITERS if suffix == ".tsv" else DELIMITERS
    scores = {}
    for delimiter in (*dict.fromkeys(candidates), " "):
        rows = cells_of(lines, delimiter)
        if not rows:
            continue
        head = [cell.strip() for cell in rows[0]]
        counts = Counter(len(row) for row in rows)
        width, number = max(counts.items(), key=lambda pair: (pair[1], pair[0]))
        named = bool(usual_keys(head)) or settings.smiles_key.lower() in map(str.lower, head)
        fits = number / len(rows) if width > 1 and width == len(head) else 0.0
        exact = named and any(name.lower() in ("smiles", "inchi", "mol") for name in head)
        common = 0 if delimiter == " " else 1
        scores[delimiter] = (named and len(head) > 1, fits > 0.5, exact, common, fits, width)
    best = max(scores, key=lambda d: scores[d], default=",")
    return best if scores and scores[best][5] > 1 else candidates[0]


def cells_of(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """Rows of cells, as far as they can be split."""
    rows = []
    try:
        for row in csv.reader(iter(lines), delimiter=delimiter, skipinitialspace=delimiter == " "):
            if row:
                rows.append(row)
    except csv.Error:
        pass
    return rows


def lacks_header(rows: Sequence[Sequence[str]], settings: MoleculeSettings) -> bool:
    """Whether the first line of a table is data: none of its cells is the name of a column of
    molecules, and one is a molecule, as are those below it.
    """
    head = [cell.strip() for cell in rows[0]]
    if usual_keys(head) or settings.smiles_key != "auto":
        return False
    for i, cell in enumerate(head):
        below = [row[i] for row in rows[1:] if len(row) > i]
        if len(cell) > 1 and is_molecule(cell) and share_of_molecules(below) >= MIN_SHARE:
            return True
    return False
