"""Numbers in texts: ``12.5 kg``, ``$1,200.00``, ``45%``, ``1 234,5 €``.

A column is one of these where every text is one number, written in one way: the same signs around
it, the same separators, the same decimals. What is read must be written back letter by letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

SEPARATORS = (
    ("", "."), (",", "."), (".", ","), (" ", ","), (" ", "."), ("\u00a0", ","), ("\u202f", ","),
    ("\u00a0", "."), ("\u202f", "."), ("'", "."), ("\u2019", "."), ("", ","),
)  # fmt: skip
"""Of thousands and of decimals; the first pair that writes all texts back is taken."""
CODES = (
    "USD EUR GBP JPY CHF CNY INR CAD AUD NZD SEK NOK DKK PLN CZK BRL MXN ZAR KRW SGD HKD TRY Rs kr"
)
SOME = 200
"""Texts that are looked at before all are."""
SHAPE = re.compile(
    r"(?P<before>\D*?)(?P<number>\d(?:[\d.,' \u00a0\u202f\u2019]*\d)?)(?P<after>\D*)"
)
UNIT = re.compile(r"[ \u00a0\u202f]?(?:[^\W\d_]|[%‰°²³µ/·^*'\"\u2032\u2033]){1,12}[²³]?\.?")


@dataclass(frozen=True)
class NumberFormat:
    """How a column writes its numbers."""

    before: str
    after: str
    thousands: str
    point: str
    decimals: int
    """-1: as many as it takes."""
    sign_first: bool = True
    """Whether a minus stands before what is ``before``: ``-$5``, not ``$-5``."""

    def read(self, text: str) -> float | None:
        """The number of a text; None where it is not written so."""
        rest = text
        negative = False
        if self.sign_first and rest.startswith("-"):
            negative, rest = True, rest[1:]
        if not (rest.startswith(self.before) and rest.endswith(self.after)):
            return None
        rest = rest[len(self.before) : len(rest) - len(self.after)]
        if not self.sign_first and rest.startswith("-"):
            negative, rest = True, rest[1:]
        if not rest[:1].isdigit():
            return None
        if self.thousands:
            rest = rest.replace(self.thousands, "")
        try:
            value = float(rest.replace(self.point, "."))
        except ValueError:
            return None
        return -value if negative else value

    def write(self, value: float, decimals: int) -> str:
        """A number as a text; ``decimals`` at the most where the format does not fix them."""
        if self.decimals >= 0:
            digits = f"{abs(value):.{self.decimals}f}"
        else:
            digits = f"{abs(value):.{decimals}f}"
            digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
        whole, _, part = digits.partition(".")
        if self.thousands:
            whole = f"{int(whole):,}".replace(",", self.thousands)
        number = whole + (self.point + part if part else "")
        minus = "-" if value < 0 and any(d not in "0.," for d in digits) else ""
        lead = minus + self.before if self.sign_first else self.before + minus
        return f"{lead}{number}{self.after}"


def number_format(values: pa.ChunkedArray, *, plain: bool = False) -> NumberFormat | None:
    """The format that writes all texts of a column, None where there is none.

    Args:
        plain: whether numbers without unit and separator are meant, too; else who keeps such in
            texts means texts.
    """
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return None
    some = values.drop_null().slice(0, SOME).to_pylist()
    if not some or (affixes := _affixes(some)) is None:
        return None
    distinct = pc.unique(values).drop_null().to_pylist()
    for thousands, point in SEPARATORS:
        for sign_first in (True, False):
            texts = some
            for texts in (some, distinct):
                found = _fitted(texts, NumberFormat(*affixes, thousands, point, -1, sign_first))
                if found is None:
                    break
            else:
                if found is not None and (plain or _says_more(found, distinct)):
                    return found
    return None


def read_numbers(values: pa.ChunkedArray, form: NumberFormat) -> pa.ChunkedArray:
    """Texts as float64; what is not written so is missing."""
    coded = values.combine_chunks().dictionary_encode() if len(values) else None
    if coded is None:
        return pa.chunked_array([pa.array([], pa.float64())])
    coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    read = pa.array([form.read(t) for t in coded.dictionary.to_pylist()], pa.float64())
    return pa.chunked_array([read.take(coded.indices)])


def as_state(form: NumberFormat) -> list[Any]:
    return list(astuple(form))


def number_formats(table: pa.Table, kinds: Mapping[str, str]) -> dict[str, NumberFormat]:
    """The text columns that hold numbers.

    Args:
        kinds: what the user says of columns; only a number may be one.
    """
    found = {}
    for name in table.column_names:
        kind = kinds.get(name, "")
        if kind in ("", "number"):
            form = number_format(table.column(name), plain=kind == "number")
            if form is not None:
                found[name] = form
    return found


def read_columns(
    table: pa.Table, formats: Mapping[str, NumberFormat]
) -> dict[str, pa.ChunkedArray]:
    """A table's columns by name, texts that hold numbers as numbers."""
    return {
        name: read_numbers(column, formats[name]) if name in formats else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def _affixes(texts: Sequence[str]) -> tuple[str, str] | None:
    """What stands around every number, where that is a currency or a unit, or nothing."""
    found = set()
    for text in texts:
        match = SHAPE.fullmatch(text)
        if match is None:
            return None
        found.add((match["before"].replace("-", "", 1), match["after"]))
        if len(found) > 1:
            return None
    before, after = found.pop()
    fine = not before or _is_currency(before.strip())
    unit = not after or UNIT.fullmatch(after) or _is_currency(after.strip())
    return (before, after) if fine and unit else None


def _is_currency(text: str) -> bool:
    symbols = [c for c in text if unicodedata.category(c) == "Sc"]
    return text in CODES.split() or (len(symbols) == 1 and len(text) <= 4)


def _fitted(texts: Sequence[str], form: NumberFormat) -> NumberFormat | None:
    """The format with its decimals, where it writes all texts back."""
    values, places = [], set()
    for text in texts:
        value = form.read(text)
        if value is None:
            return None
        values.append(value)
        number = text.removesuffix(form.after) if form.after else text
        places.add(len(number.partition(form.point)[2]))
    fixed = places.pop() if len(places) == 1 else -1
    found = NumberFormat(
        form.before, form.after, form.thousands, form.point, fixed, form.sign_first
    )
    most = fixed if fixed >= 0 else max(places)
    fits = all(found.write(v, most) == t for v, t in zip(values, texts, strict=True))
    return found if fits and most <= 6 else None


def _says_more(form: NumberFormat, texts: Sequence[str]) -> bool:
    """Whether its texts are numbers to a reader: they have a unit, or separators that are used."""
    if form.before.strip() or form.after.strip():
        return True
    grouped = bool(form.thousands) and any(form.thousands in t for t in texts)
    return grouped or (form.point == "," and any("," in t for t in texts))
