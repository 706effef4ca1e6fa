"""The dialect of a text file: delimiter, quotes, line ends, encoding and header."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError
from gankit_tabular.data.arrow import is_text
from gankit_tabular.data.cells import Style

DELIMITERS = ",;\t|"
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "blank"}
ESCAPED = {"\\t": "\t", "tab": "\t", "\\s": " ", "space": " "}
SAMPLE = 2**18
"""Characters at the start of a file from which its dialect is found out."""
LINES = 500
QUOTED = 2**15
"""Characters in which quotes are looked for."""
METADATA = b"gankit.dialect"
"""Metadata of a table's schema: the dialect as JSON."""


@dataclass(frozen=True)
class Dialect:
    """How a text file is written."""

    delimiter: str = ","
    quoting: str = "minimal"
    """``minimal``, ``all``, or ``texts`` (all but numbers)."""
    newline: str = "\n"
    blank: bool = False
    """Whether a blank follows each delimiter."""
    bom: bool = False
    """Whether the file starts with a byte order mark."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The header's own text of columns that are called otherwise."""
    styles: Mapping[str, Style] = field(default_factory=dict)
    """How the cells of columns are written; those that are written plainly are left out."""

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def metadata(self) -> dict[bytes, bytes]:
        """For a table's schema."""
        return {METADATA: json.dumps(self.state()).encode()}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Dialect:
        styles = {name: Style(**style) for name, style in state["styles"].items()}
        return cls(**{**state, "styles": styles})


def schema_dialect(metadata: Mapping[bytes, bytes] | None) -> Dialect | None:
    """The dialect in a schema's metadata."""
    stored = (metadata or {}).get(METADATA)
    return None if stored is None else Dialect.load(json.loads(stored))


@dataclass(frozen=True)
class Head:
    """The start of a text file: its dialect, its columns, and where the rows begin."""

    dialect: Dialect
    columns: Sequence[str]
    lines: int
    """Lines before the first row."""
    left_out: Sequence[str] = ()
    """Columns that are empty because every line ends in a delimiter."""
    doubts: Sequence[str] = ()
    newlines: bool = False
    """Whether cells may contain line ends."""


def parse_delimiter(text: str) -> str:
    """The delimiter that a setting names; empty if none is set.

    Raises:
        GankitError: it is no single character.
    """
    found = ESCAPED.get(text, text)
    if len(found) > 1 or found in ("\n", "\r", '"'):
        raise GankitError(
            f"delimiter={text!r} is not one character",
            r"Use one, such as delimiter=';' or delimiter='\t' for a tab",
        )
    return found


def read_head(text: str, delimiter: str, usual: str = ",", bom: bool = False) -> Head:
    """The start of a file.

    Args:
        text: the first characters of the file.
        delimiter: the one that the user has set; empty to find it out.
        usual: the delimiter to prefer.

    Raises:
        GankitError: the file is empty.
    """
    newline = "\r\n" if "\r\n" in text else "\n" if "\n" in text or "\r" not in text else "\r"
    if len(text) >= SAMPLE:  # an incomplete last line would count as one with too few values
        text = text[: max(text.rfind(newline), 0) + len(newline)] if newline in text else text
    if not text.strip():
        raise GankitError("it is empty", "Give a file with a line of column names and rows")
    found = delimiter or _found_delimiter(text, usual)
    blank = found != " " and _blank_follows(text, found)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=found, skipinitialspace=blank)
    rows, lines = [], 0
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) == 1 and not lines:
                lines = reader.line_num
            if len(rows) > LINES:
                break
    except csv.Error:  # a huge field, NUL bytes
        rows = rows or [[""]]
    header, body = rows[0], rows[1:]
    names, original, doubts = _names(header, body)
    left_out = []
    longest = [row for row in body if len(row) == len(names)]
    if len(names) > len(header) and body and not any(row[-1] for row in longest):
        left_out = [names[-1]]
        doubts = ["every line ends in a delimiter: the empty last column is left out"]
    doubts += _doubts(header)
    dialect = Dialect(found, _quoting(text, found, blank), newline, blank, bom, original)
    return Head(dialect, names, lines, left_out, doubts, '"' in text)


def _found_delimiter(text: str, usual: str) -> str:
    """The delimiter with which the most lines have as many values as the header."""
    best = (0.0, 0, 0, usual)
    for i, delimiter in enumerate(dict.fromkeys((usual, *DELIMITERS))):
        rows = _sampled(text, delimiter)
        if rows and len(rows[0]) > 1:
            best = max(best, (_agreement(rows), len(rows[0]), -i, delimiter))
    if best[0] >= 0.5:
        return best[3]
    rows = _sampled(text, " ")
    many = bool(rows) and (len(rows[0]) > 2 or text.startswith('"'))
    return " " if many and len(rows) > 1 and _agreement(rows) == 1 else best[3]


def _sampled(text: str, delimiter: str) -> list[list[str]]:
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return [row for row, _ in zip(filter(None, reader), range(LINES), strict=False)]
    except csv.Error:
        return []


def _agreement(rows: Sequence[Sequence[str]]) -> float:
    """The share of rows with as many values as the header, or one more: row names."""
    width = len(rows[0])
    if len(rows) == 1:
        return 1.0
    counts = Counter(len(row) for row in rows[1:])
    return max(counts[width], counts[width + 1]) / (len(rows) - 1)


def _blank_follows(text: str, delimiter: str) -> bool:
    """Whether a blank follows each delimiter, as in ``a, b``."""
    lines = text.splitlines()[:LINES]
    every = sum(line.count(delimiter) for line in lines)
    blanks = sum(line.count(delimiter + " ") for line in lines)
    return every > 0 and blanks == every


def _quoting(text: str, delimiter: str, blank: bool) -> str:
    """Which cells are in quotes: all, all texts, or those that need it."""
    sep = re.escape(delimiter) + " ?" * blank
    cell = re.compile(rf'("(?:[^"]|"")*"|[^"\r\n{re.escape(delimiter)}]*)(?:{sep}|\r\n|\r|\n|$)')
    cells = [c for c in cell.findall(text[:QUOTED]) if c]
    quoted = sum(c.startswith('"') for c in cells)
    if not quoted or len(cells) < 2:
        return "minimal"
    if quoted >= 0.98 * len(cells):
        return "all"
    plain = [c for c in cells if not c.startswith('"')]
    numbers = all(re.fullmatch(r"\s*[+-]?[\d.,]*(?:[eE][+-]?\d+)?|NA", c) for c in plain)
    return "texts" if cells[0].startswith('"') and numbers else "minimal"


def _names(
    header: Sequence[str], body: Sequence[Sequence[str]]
) -> tuple[list[str], dict[str, str], list[str]]:
    """The columns' names, the header's own texts where they differ, and doubts."""
    doubts, original = [], {}
    names = [name.strip() for name in header]
    widths = Counter(len(row) for row in body)
    if widths and widths.most_common(1)[0][0] == len(header) + 1:
        longer = [row for row in body if len(row) == len(header) + 1]
        if any(row[-1] for row in longer):
            first = [row[0] for row in longer]
            if len(set(first)) < len(first):
                raise GankitError(
                    f"the header names {len(header)} columns, and the lines have one value more",
                    "Name every column in the first line",
                )
            names = ["", *names]
            doubts.append(
                f"the header names {len(header)} columns, and the rows have one more: the first "
                'is taken for row names and is called "column_1". If it is of no use, leave it '
                'out: drop=["column_1"]'
            )
        else:
            names = [*names, ""]
    for i, name in enumerate(names):
        own = header[i - (len(names) - len(header))] if len(names) == len(header) else name
        if not name:
            names[i] = unnamed(i, names)
            if len(names) == len(header):
                doubts.append(
                    f"column {i + 1} has no name and is called {names[i]!r}. If it is of no use, "
                    f'leave it out: drop=["{names[i]}"]'
                )
        if names[i] != own and len(names) == len(header):
            original[names[i]] = own
    return names, original, doubts


def unnamed(i: int, names: Sequence[str]) -> str:
    """A name for the column at index ``i``, which has none."""
    name = f"column_{i + 1}"
    while name in names:
        name += "_"
    return name


def _doubts(header: Sequence[str]) -> list[str]:
    found = []
    numeric = [name for name in header if re.fullmatch(r"\s*[+-]?\d+(?:[.,]\d+)*\s*", name)]
    dates = [name for name in header if re.fullmatch(r"\s*\d{4}-\d\d-\d\d.*", name)]
    years = all(re.fullmatch(r"(?:19|20)\d\d|\d{1,3}", n.strip()) for n in numeric)
    if (numeric or dates) and not (years and len(numeric) < len(header)):
        shown = ", ".join(header[:4])
        found.append(
            f"the first line looks like data, not like column names ({shown}): add a line of names"
        )
    return found


def one_column_doubt(table: pa.Table) -> list[str]:
    """A doubt about a table of one column whose cells contain delimiters."""
    if table.num_columns != 1 or not is_text(table.schema.field(0).type) or not len(table):
        return []
    name, texts = table.column_names[0], table.column(0)
    for other in DELIMITERS:
        share = pc.mean(pc.match_substring(texts, other).cast(pa.int8())).as_py() or 0
        if share > 0.5:
            setting = "\\t" if other == "\t" else other
            return [
                f"there is one column, {name!r}, and its cells contain the character "
                f"{NAMES[other]}. If it separates columns, set delimiter='{setting}'"
            ]
    return []
