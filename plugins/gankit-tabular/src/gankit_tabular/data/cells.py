"""Cells of text files: the Arrow types that write back exactly, and how their cells are written.

A column of texts gets a type only if writing its values gives the cells as they were. Otherwise it
stays a column of texts, which :mod:`gankit_tabular.formats` reads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.formats.durations import DurationFormat

SOME = 100
"""Texts that are tried before all others."""
DECIMAL_COMMA = r"^[-+(]?\d{1,3}(\.?\d{3})*,\d+\D*$"
GROUPED = r"^-?\d{1,3}(\.\d{3})*$"
MOST_DIGITS = 15
"""Digits of a decimal that a float keeps."""


@dataclass(frozen=True)
class Style:
    """How the cells of a typed column are written."""

    missing: str = ""
    """The text of a missing value."""
    number: str = ""
    """Of floats: ``repr`` as Python writes them, digits for a fixed number of decimals, empty for
    Arrow's way."""


@dataclass(frozen=True)
class CellType:
    """A type that a column of cells may have."""

    type: pa.DataType
    number: str = ""

    def values(self, texts: pa.Array) -> pa.Array | None:
        """The values of texts; None if they would be written in another way."""
        try:
            values = texts.cast(self.type)
        except pa.ArrowInvalid:
            return None
        back = cell_texts(values, Style(number=self.number))
        same = back.equals(texts) if isinstance(back, pa.Array) else back == texts.to_pylist()
        return values if same else None


TYPES = (
    CellType(pa.int64()),
    CellType(pa.bool_()),
    CellType(pa.float64()),
    CellType(pa.float64(), "repr"),
    CellType(pa.float64(), "fixed"),
    CellType(pa.date32()),
    *(CellType(pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
    *(CellType(pa.timestamp(unit, tz="UTC")) for unit in ("s", "ms", "us", "ns")),
)
TEXT = CellType(pa.string())


def cell_texts(values: pa.Array, style: Style) -> pa.Array:
    """A column's cells as texts, without nulls."""
    if pa.types.is_floating(values.type) and style.number:
        if style.number == "repr":
            texts = [None if v is None else repr(v) for v in values.to_pylist()]
        else:
            texts = [None if v is None else f"{v:.{style.number}f}" for v in values.to_pylist()]
        found = pa.array(texts, pa.string())
    elif pa.types.is_floating(values.type) and values.type.bit_width == 16:
        found = values.cast(pa.float32()).cast(pa.string())
    elif pa.types.is_duration(values.type):
        found = DurationFormat("clock", values.type.unit, digits=-1).write_column(
            values.cast(pa.int64()).to_pylist(), 0, pa.string()
        )
    else:
        found = values if pa.types.is_string(values.type) else values.cast(pa.string())
    return found.fill_null(style.missing) if found.null_count else found


class ColumnTypes:
    """The types that a column's cells may have, block by block.

    Args:
        marks: texts that stand for a missing value.
    """

    is_text = False
    """Whether cells stay texts whatever they look like."""

    def __init__(self, marks: Sequence[str]) -> None:
        self.marks = pa.array(marks, pa.string())
        self.possible: list[CellType] | None = None
        self.used: dict[str, None] = {}
        """The marks that the column has."""
        self.commas = False
        """Whether cells are numbers with a decimal comma."""
        self.grouped = True
        """Whether points in cells can separate thousands."""

    def add(self, texts: pa.Array, *, last: bool) -> None:
        """Takes the cells of a block into account.

        Args:
            last: whether one possible type is enough, since there are no more blocks.
        """
        known = pc.unique(texts)
        marked = pc.is_in(known, value_set=self.marks)
        if pc.any(marked).as_py():
            self.used |= dict.fromkeys(known.filter(marked).to_pylist())
            known = known.filter(pc.invert(marked))
        if not len(known):
            return
        first = known.slice(0, SOME)
        self.commas |= _all_match(first, DECIMAL_COMMA)
        self.grouped &= _all_match(first, GROUPED) and _all_match(known, GROUPED)
        kept = []
        for t in _candidates(first) if self.possible is None else self.possible:
            if t.values(first) is not None and t.values(known) is not None:
                kept.append(t)
                if last:
                    break
        self.possible = kept

    @property
    def found(self) -> tuple[CellType, Style]:
        """The column's type and style. Texts if cells would be written in another way, as where
        several marks stand for a missing value."""
        if len(self.used) > 1 or self.is_text:
            return TEXT, Style()
        style = Style(next(iter(self.used), ""))
        if not self.possible:
            return TEXT, style
        chosen = self.possible[0]
        return chosen, replace(style, number=chosen.number)

    def convert(self, texts: pa.Array) -> pa.Array:
        """A block's cells as values."""
        t, _ = self.found
        if len(self.used) > 1 or self.is_text or (t is TEXT and not self.used):
            return texts
        if self.used:
            texts = pc.if_else(pc.is_in(texts, value_set=self.marks), None, texts)
        if t is TEXT:
            return texts
        coded = texts.dictionary_encode()
        return coded.dictionary.cast(t.type).take(coded.indices)


def _all_match(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _candidates(texts: pa.Array) -> list[CellType]:
    """The types that some texts may have, with the decimals of fixed ones."""
    found = []
    for t in TYPES:
        if t.number == "fixed":
            match = re.fullmatch(r"-?(\d+)\.(\d+)", texts[0].as_py())
            if not match or len(match[1]) + len(match[2]) > MOST_DIGITS:
                continue
            t = CellType(t.type, str(len(match[2])))
        found.append(t)
    return found


def plain_cell(value: object, style: Style) -> str:
    """One value as a cell, where its column has values of several types."""
    if value is None:
        return style.missing
    if isinstance(value, str):
        return value
    text = cell_texts(pa.array([value]), style)[0].as_py()
    return str(text)
