"""The dialect of a text file: delimiter, quotes, line ends, encoding and header."""

from __future__ import annotations

import csv
import functools
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gankit.contract import Doubt
from gankit.errors import GankitError
from gankit_tabular.data.cells import Style
from gankit_tabular.data.quoting import Quoting, find_quote, find_quoting

DELIMITERS = ",;\t|"
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "blank"}
ESCAPED = {"\\t": "\t", "tab": "\t", "\\s": " ", "space": " "}
SAMPLE = 2**18
"""Characters at the start of a file from which its dialect is detected."""
LINES = 500
RARE = "~^:\x1f\x01"
"""Delimiters that are taken only where every line has as many of them."""
BEFORE = 30
"""Lines above the table that may be titles or comments."""
METADATA = b"gankit.dialect"
"""Metadata of a table's schema: the dialect as JSON."""


@dataclass(frozen=True)
class Dialect:
    """How a text file is written."""

    delimiter: str = ","
    quoting: Quoting = field(default_factory=Quoting)
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
        quoting = Quoting(**{k: _tuple(v) for k, v in state["quoting"].items()})
        return cls(**{**state, "styles": styles, "quoting": quoting})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def schema_dialect(metadata: Mapping[bytes, bytes] | None) -> Dialect | None:
    """The dialect in a schema's metadata."""
    stored = (metadata or {}).get(METADATA)
    return None if stored is None else _loaded(stored)


@functools.lru_cache(16)  # each part of a table that is written has it
def _loaded(stored: bytes) -> Dialect:
    return Dialect.load(json.loads(stored))


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
    runs: bool = False
    """Whether runs of blanks are one delimiter."""


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
    delimiter, before, text = _declared(text, delimiter)
    runs = not delimiter and _in_runs(text)
    if runs:
        text = re.sub(r"(?m)^ +| +$", "", re.sub(r"[ \t]+", " ", text))
    found = " " if runs else delimiter or _found_delimiter(text, usual)
    titles = _titles(text, found)
    text = "".join(text.splitlines(keepends=True)[len(titles) :])
    blank = found != " " and _blank_follows(text, found)
    quote, escape = find_quote(text, found)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=found,
        skipinitialspace=blank,
        quotechar=quote,
        escapechar=escape or None,
    )
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
    if shown := " ".join(" ".join(titles).split()):
        line = before + len(titles) + 1
        above = f"line {line} has the column names; the rows above it are left out"
        doubts.append(Doubt(f"{above} ({shown[:60]!r})", above))
    doubts += _doubts(header, body)
    quoting = find_quoting(text, names, found, blank, quote, escape)
    dialect = Dialect(found, quoting, newline, blank, bom, original)
    lines += before + len(titles)
    return Head(dialect, names, lines, left_out, doubts, quote in text, runs)


def _declared(text: str, delimiter: str) -> tuple[str, int, str]:
    """The delimiter that the first line declares for Excel (``sep=;``), if any; the number of lines
    of it; and the rest."""
    match = re.match(r'"?sep=(.)"?[;,]*\r?\n', text, re.IGNORECASE)
    return (delimiter or match[1], 1, text[match.end() :]) if match else (delimiter, 0, text)


def _in_runs(text: str) -> bool:
    """Whether columns are separated by several blanks, or aligned by them."""
    lines = [line for line in text.splitlines()[:LINES] if line.strip()]
    if len(lines) < 2 or '"' in text or any(d in lines[0] for d in ",;|"):
        return False
    widths = {len(line.split()) for line in lines}
    spaced = sum(bool(re.search(r"\S\s{2,}\S|^ +\S| \t|\t ", line)) for line in lines)
    return len(widths) == 1 and widths.pop() > 1 and spaced > len(lines) / 2


def _titles(text: str, delimiter: str) -> list[str]:
    """The lines above the column names: titles and comments, which have fewer values than nearly
    all lines below them."""
    rows = _sampled(text, delimiter)
    if len(rows) < 3:
        return []
    width, n = Counter(len(row) for row in rows).most_common(1)[0]
    if width < 2 or n < 0.8 * max(len(rows) - BEFORE, 2):
        return []
    first = rows[0]
    comment = first[0].startswith("#") and len(first) != width
    if _agreement(rows) >= 0.5 and not comment and not _is_title(first, width):
        return []
    lines = text.splitlines(keepends=True)
    for i, line in enumerate(lines[:BEFORE]):
        cells = next(csv.reader([line], delimiter=delimiter), [])
        if len(cells) == width and not _is_title(cells, width):
            named = not any(re.fullmatch(r"\s*[+-]?[\d.,]+\s*", cell) for cell in cells)
            return lines[:i] if named else []
        if len(cells) > width and not line.startswith("#"):
            return []
    return []


def _is_title(cells: Sequence[str], width: int) -> bool:
    """Whether a line has a value or two in a table of more columns: ``Report,,,``."""
    return sum(bool(cell.strip()) for cell in cells) <= min(2, (width - 1) // 2)


def _found_delimiter(text: str, usual: str) -> str:
    """The delimiter with which the most lines have as many values as the header."""
    best = (0.0, 0, 0, usual)
    for i, delimiter in enumerate(dict.fromkeys((usual, *DELIMITERS))):
        rows = _sampled(text, delimiter)
        if rows and len(rows[0]) > 1:
            best = max(best, (_agreement(rows), len(rows[0]), -i, delimiter))
    if best[0] >= 0.5:
        return best[3]
    if titled := _below_titles(text, usual):
        return titled
    for delimiter in RARE:
        rows = _sampled(text, delimiter)
        if len(rows) > 1 and len(rows[0]) > 1 and all(len(r) == len(rows[0]) for r in rows):
            return delimiter
    rows = _sampled(text, " ")
    many = bool(rows) and (len(rows[0]) > 2 or text.startswith('"'))
    return " " if many and len(rows) > 1 and _agreement(rows) == 1 else best[3]


def _below_titles(text: str, usual: str) -> str:
    """The delimiter with which nearly all lines have as many values, whatever the first ones are;
    empty where there is none."""
    best = (0.0, 0, "")
    for delimiter in dict.fromkeys((usual, *DELIMITERS)):
        rows = _sampled(text, delimiter)
        counts = Counter(len(row) for row in rows[1:])
        width, n = counts.most_common(1)[0] if counts else (1, 0)
        if width > 1 and n > 2:
            best = max(best, (n / len(rows), width, delimiter))
    return best[2] if best[0] >= 0.5 else ""


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


def _doubts(header: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """A doubt about a header that looks like data."""
    numeric = [n.strip() for n in header if re.fullmatch(r"\s*[+-]?\d+(?:[.,]\d+)*\s*", n)]
    dates = [name for name in header if re.fullmatch(r"\s*\d{4}-\d\d-\d\d.*", name)]
    same = [row for row in body if len(row) == len(header)]
    repeated = len(header) > 1 and all(
        name and sum(row[i] == name for row in same) > 1 for i, name in enumerate(header)
    )
    if repeated or dates or (numeric and not (len(numeric) < len(header) and _is_series(numeric))):
        found, hint = "the first line looks like data, not like column names", "add a line of names"
        return [Doubt(f"{found} ({', '.join(header[:4])}): {hint}", f"{found}: {hint}")]
    return []


def _is_series(names: Sequence[str]) -> bool:
    """Whether numbers may name columns: years, or numbers with equal steps."""
    if not all(name.isdecimal() for name in names):
        return False
    values = [int(name) for name in names]
    steps = {b - a for a, b in itertools.pairwise(values)}
    years = all(1800 <= value <= 2100 for value in values)
    return len(steps) <= 1 and (years or len(values) > 2 or steps == {1} or values == [1])
