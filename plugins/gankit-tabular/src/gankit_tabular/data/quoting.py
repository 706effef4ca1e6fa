"""Which cells of a text file are in quotes, and how quotes within them are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gankit_tabular.data.options import MISSING

SAMPLE = 2**16
"""Characters in which quotes are looked for."""
ALL = 0.98
"""Share of cells in quotes from which all are."""


@dataclass(frozen=True)
class Quoting:
    """How cells are quoted; those that contain a delimiter always are."""

    quote: str = '"'
    every: bool = False
    """Whether all cells are in quotes."""
    header: bool = False
    """Whether the names are."""
    columns: tuple[str, ...] = ()
    """Columns in which all cells are but those of missing values."""
    missing: bool = False
    """Whether cells of missing values are in quotes in these columns."""
    escape: str = ""
    """Before a quote within quotes; where empty, it is written twice."""
    bare: bool = False
    """Whether quotes within a cell need none around it: ``5" pipe``."""

    def cell(self, text: str, delimiter: str, quoted: bool = False) -> str:
        """A cell as it is written."""
        q = self.quote
        inner = any(c in text for c in (delimiter, "\n", "\r"))
        if not (quoted or inner or (q in text and not (self.bare and not text.startswith(q)))):
            return text
        if self.escape:
            text = text.replace(self.escape, 2 * self.escape).replace(q, self.escape + q)
        else:
            text = text.replace(q, 2 * q)
        return q + text + q


def find_quote(text: str, delimiter: str) -> tuple[str, str]:
    """The character of quotes, and the one before those within quotes."""
    between = re.escape(delimiter)
    if '"' not in text:
        single = re.findall(rf"(?:^|{between})'[^'\r\n]*'(?={between}|\r?\n|\r|$)", text, re.M)
        lines = text.count("\n") or text.count("\r")
        return ("'", "") if lines and len(single) >= 0.9 * lines else ('"', "")
    inside = rf'(?:^|{between})"[^"\r\n]*\\"(?!{between}|"|\r|\n|$)'
    return '"', "\\" if re.search(inside, text, re.M) else ""


def find_quoting(
    text: str, names: Sequence[str], delimiter: str, blank: bool, quote: str, escape: str
) -> Quoting:
    """How the cells of a text are quoted.

    Args:
        text: the header and lines below it.
        names: of the columns; one more than the header has where rows have names.
        blank: whether a blank follows each delimiter.
    """
    rows = _raw_rows(text[:SAMPLE], delimiter, blank, quote, escape)
    if not rows:
        return Quoting(quote, escape=escape)
    header, body = rows[0], [row for row in rows[1:] if len(row) == len(names)]
    cells = [cell for row in rows for cell in row if cell]
    quoted = sum(cell.startswith(quote) for cell in cells)
    bare = any(quote in cell[1:] for cell in cells if not cell.startswith(quote))
    if not quoted or len(cells) < 2:
        return Quoting(quote, escape=escape, bare=bare)
    if quoted >= ALL * len(cells):
        return Quoting(quote, True, True, escape=escape)
    found, missing = [], False
    for name, column in zip(names, zip(*body, strict=True), strict=False):
        own = [cell for cell in column if cell.startswith(quote)]
        rest = {cell for cell in column if not cell.startswith(quote)}
        needed = all(any(c in cell for c in (delimiter, "\n")) for cell in own)
        if own and not needed and rest <= {*MISSING}:
            found.append(name)
            missing |= any(cell.strip(quote) in MISSING for cell in own)
    named = all(cell.startswith(quote) for cell in header)
    return Quoting(quote, False, named, tuple(found), missing, escape, bare)


def _raw_rows(text: str, delimiter: str, blank: bool, quote: str, escape: str) -> list[list[str]]:
    """Rows of cells with their quotes; the last row may be incomplete and is left out."""
    q, sep = re.escape(quote), re.escape(delimiter) + " ?" * blank
    inner = rf"(?:[^{q}\\]|\\.|{q}{q})*" if escape else rf"(?:[^{q}]|{q}{q})*"
    cell = re.compile(rf"({q}{inner}{q}|[^\r\n{re.escape(delimiter)}]*)({sep}|\r\n|\r|\n|$)", re.S)
    rows: list[list[str]] = [[]]
    for match in cell.finditer(text):
        rows[-1].append(match[1])
        if not match[2] or match[2][0] in "\r\n":
            if not match[2]:
                break
            rows.append([])
    complete = rows[:-1] if len(rows) > 2 else rows
    return [row for row in complete if row != [""] and row]
