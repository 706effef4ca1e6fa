"""Files of molecules: lines of SMILES, tables, Parquet and SDF, compressed or not."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gankit.errors import GankitError
from gankit_molecule.data.columns import Listing, Part, Rows, column_fact, listed, split
from gankit_molecule.data.dialect import (
    NAMES,
    SAMPLE_LINES,
    cells_of,
    delimiter_of,
    header_delimiter,
    lacks_header,
    split_line,
)
from gankit_molecule.data.keys import is_molecule, keys_of, usual_keys
from gankit_molecule.data.sdf import read_sdf
from gankit_molecule.data.streams import bytes_of, damage_of, text_of
from gankit_molecule.settings import MoleculeSettings

PLAIN, TABLES = (".smi", ".smiles", ".ism", ".cxsmiles", ".inchi", ".txt"), (".csv", ".tsv")
PARQUET, SDF = (".parquet", ".pq"), (".sdf", ".sd", ".mol", ".mdl")
SUFFIXES = (*PLAIN, *TABLES, *PARQUET, *SDF)
"""File extensions that are read; one of ``PACKED`` may follow."""
PACKED = (".gz", ".bz2", ".xz")
READS = f"Reads {', '.join(SUFFIXES)}, each also as .gz, and folders of them"


def kind_of(path: Path) -> str:
    """The extension that says how to read a file, without ``.gz``."""
    return (Path(path.stem) if path.suffix.lower() in PACKED else path).suffix.lower()


def from_files(
    files: Sequence[Path], settings: MoleculeSettings, root: Path | None = None
) -> Listing:
    """All entries of these files, one after the other.

    Args:
        root: the folder of all of them, below which they are named in messages.

    Raises:
        GankitError: one is none of ``SUFFIXES``, damaged, or has no column of SMILES.
    """
    found = [_file(path, settings) for path in files]
    same = len({path.name for path in files}) < len(files)  # such as data.csv in each folder
    names = [str(path.relative_to(root)) if root and same else path.name for path in files]
    return listed(found, names)


def _file(path: Path, settings: MoleculeSettings) -> Part:
    kind = kind_of(path)
    with damage_of(path):
        if kind in PARQUET:
            part = split(_parquet(path), str(path), "row", settings)
            part.facts = {"format": "Parquet", **part.facts}
            return part
        with text_of(path, READS) as stream:
            if kind in SDF:
                part = read_sdf(stream, settings)
            elif kind in TABLES:
                part = _separated(path, iter(stream), settings)
            else:
                part = _lines(path, iter(stream), settings)
            part.warnings += stream.warnings()
            return part


# --- Lines of SMILES ----------------------------------------------------------------------------


def _lines(path: Path, lines: Iterator[str], settings: MoleculeSettings) -> Part:
    """One SMILES or InChI per line, followed by a name; with a header, a table."""
    begin, sample = _first_lines(lines)
    if not sample:
        return Part(*Rows().finish(), "line")
    texts = [line for _, line in sample]
    delimiter = header_delimiter(texts[0], texts[1:], settings)
    rest = chain((line for _, line in begin), lines)
    facts = {"format": "lines of SMILES and names"}
    first = sample[0][0]
    if delimiter:
        before = list(islice(rest, first - 1))
        if delimiter != " " or _even(texts):
            return _separated(path, rest, settings, delimiter, before=len(before))
        rest = chain(before, rest)
    if delimiter is not None:
        facts["header"] = f"line {first}, {texts[0].strip()[:60]!r}"
    swapped = _named_first(texts[delimiter is not None :])
    if swapped:
        facts["format"] = "lines of names and SMILES: the second field of each is the molecule"
    rows = Rows()
    for number, line in enumerate(rest, start=1):
        if not line.strip() or line.startswith("#") or (number == first and delimiter is not None):
            continue
        smiles, name = split_line(line)
        if swapped and name:
            smiles, name = split_line(name)[0], smiles
        rows.add(number, smiles, name)
    return Part(*rows.finish(), "line", facts=facts)


def _first_lines(lines: Iterator[str]) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The first lines with their numbers, and those among them that are no comments."""
    begin: list[tuple[int, str]] = []
    sample: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        begin.append((number, line))
        if line.strip() and not line.startswith("#"):
            sample.append((number, line))
        if len(sample) == SAMPLE_LINES:
            break
    return begin, sample


def _even(texts: Sequence[str]) -> bool:
    """Whether all lines have as many words as the header."""
    counts = {len(text.split()) for text in texts}
    return len(counts) == 1


def _named_first(texts: Sequence[str]) -> bool:
    """Whether the second field is the molecule, and the first its name."""
    fields = [split_line(text) for text in texts]
    first = sum(is_molecule(smiles) for smiles, _ in fields)
    second = sum(len(name) > 2 and is_molecule(split_line(name)[0]) for _, name in fields if name)
    return first < 0.2 * len(fields) and second > 0.5 * len(fields)


# --- Tables -------------------------------------------------------------------------------------


def _separated(
    path: Path,
    lines: Iterator[str],
    settings: MoleculeSettings,
    delimiter: str = "",
    before: int = 0,
) -> Part:
    """A table of delimited cells; lines with too few or too many of them have no text.

    Args:
        delimiter: detected by default.
        before: lines before the header.
    """
    while not delimiter and (head := next(lines, None)) is not None:
        if head.strip() and not head.startswith("#"):
            lines = chain([head], lines)
            break
        before += 1
    sample = list(islice(lines, SAMPLE_LINES))
    lines = chain(sample, lines)
    delimiter = delimiter or delimiter_of(sample, settings, kind_of(path))
    above = cells_of(sample, delimiter)
    if not above:
        return Part(*Rows().finish(), "line")
    warnings: list[str] = []
    facts = {"format": f"table, separated by {NAMES[delimiter]}s"}
    headless = lacks_header(above, settings)
    if headless:
        columns = [f"column {i + 1}" for i in range(len(above[0]))]
        warnings.append(
            f"{path}: the first line is data, not a header; columns are numbered: add a header "
            "to name them"
        )
    else:
        columns = [column.strip() for column in above[0]]
        for i, column in enumerate(columns):  # an index, as pandas writes it
            if not column and any(len(row) > i and row[i].strip() for row in above[1:]):
                columns[i] = f"column {i + 1}"

    def cells(name: str) -> list[str]:
        i = columns.index(name)
        return [row[i] for row in above[not headless :] if len(row) > i]

    keys = keys_of(columns, [c for c in columns if c], str(path), settings, cells)
    warnings += keys.warnings
    facts["molecules"] = column_fact(columns[keys.text], keys.how)
    if not usual_keys(columns) and delimiter == " ":
        warnings.append(f"{path}: taken for a table separated by spaces; use commas if it is not")
    rows = _rows(path, lines, delimiter, columns, (keys.text, keys.name), headless, before)
    entries, others = rows.finish()
    return Part(
        entries,
        others,
        "line",
        layout=[column for column in columns if column],
        text=columns[keys.text],
        name="" if keys.name is None else columns[keys.name],
        facts=facts,
        warnings=warnings,
    )


def _rows(
    path: Path,
    lines: Iterable[str],
    delimiter: str,
    columns: Sequence[str],
    keys: tuple[int, int | None],
    headless: bool,
    before: int,
) -> Rows:
    """The rows of a table below its header."""
    text, name = keys
    reader: Any = csv.reader(
        (line.replace("\0", "\ufffd") for line in lines),
        delimiter=delimiter,
        skipinitialspace=delimiter == " ",
    )
    others = [(i, column) for i, column in enumerate(columns) if column and i != text]
    rows = Rows()
    try:
        if not headless:
            next(reader)
        for cells in reader:
            if not any(cells):
                continue
            while len(cells) > len(columns) and not cells[-1]:
                cells.pop()
            place = before + reader.line_num
            if len(cells) != len(columns):
                shown = f"{_cells(len(cells))}, not {len(columns)}"
                rows.add(place, None, why="another number of cells than the header", shown=shown)
                continue
            values = {column: cells[i] for i, column in others}
            rows.add(place, cells[text], "" if name is None else cells[name], values)
    except csv.Error as error:
        line = before + reader.line_num
        raise GankitError(f"{path}, line {line}: {error}", "Fix its quotes") from None
    return rows


def _cells(count: int) -> str:
    return f"{count} cell" + ("s" if count != 1 else "")


def _parquet(path: Path) -> pa.Table:
    if path.stat().st_size == 0:
        raise GankitError(f"{path}: an empty file", READS)
    with bytes_of(path) as stream:
        packed = path.suffix.lower() in PACKED
        return pq.read_table(pa.BufferReader(stream.read()) if packed else stream)
