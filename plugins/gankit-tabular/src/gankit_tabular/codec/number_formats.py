"""Numbers in texts: ``12.5 kg``, ``$1,200.00``, ``45%``, ``1 234,5 €``.

A text column is numeric if every text is one number in the same format: the same prefix and suffix,
the same separators, the same decimals. A format must reproduce every text exactly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.data.arrow import is_text

SEPARATORS = (
    ("", "."), (",", "."), (".", ","), (" ", ","), (" ", "."), ("\u00a0", ","), ("\u202f", ","),
    ("\u00a0", "."), ("\u202f", "."), ("'", "."), ("\u2019", "."), ("", ","),
)  # fmt: skip
"""Pairs of thousands and decimal separator; the first pair that reproduces all texts is used."""
CODES = (
    "USD EUR GBP JPY CHF CNY INR CAD AUD NZD SEK NOK DKK PLN CZK BRL MXN ZAR KRW SGD HKD TRY Rs kr"
)
SOME = 200
"""Texts that are tried before all others."""
SHAPE = re.compile(
    r"(?P<prefix>\D*?)(?P<number>\d(?:[\d.,' \u00a0\u202f\u2019]*\d)?)(?P<suffix>\D*)"
)
UNIT = re.compile(r"[ \u00a0\u202f]?(?:[^\W\d_]|[%‰°²³µ/·^*'\"\u2032\u2033]){1,12}[²³]?\.?")


@dataclass(frozen=True)
class NumberFormat:
    """How a column writes its numbers."""

    prefix: str
    suffix: str
    thousands: str
    point: str
    decimals: int
    """-1: as many as each number needs."""
    sign_first: bool = True
    """Whether a minus comes before the prefix: ``-$5``, not ``$-5``."""

    def read(self, text: str) -> float | None:
        """The number in a text; None if the text has another format."""
        rest = text
        negative = False
        if self.sign_first and rest.startswith("-"):
            negative, rest = True, rest[1:]
        if not (rest.startswith(self.prefix) and rest.endswith(self.suffix)):
            return None
        rest = rest[len(self.prefix) : len(rest) - len(self.suffix)]
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
        """A number as text; with at most ``decimals`` if the format has no fixed number of them."""
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
        lead = minus + self.prefix if self.sign_first else self.prefix + minus
        return f"{lead}{number}{self.suffix}"


def number_format(values: pa.ChunkedArray, *, plain: bool = False) -> NumberFormat | None:
    """The format that reproduces all texts of a column; None if there is none.

    Args:
        plain: whether to accept numbers without unit and separator, which are texts otherwise.
    """
    if not is_text(values.type):
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
                if found is not None and (plain or _is_formatted(found, distinct)):
                    return found
    return None


def read_numbers(values: pa.ChunkedArray, form: NumberFormat) -> pa.ChunkedArray:
    """Texts as float64; texts of another format are missing."""
    coded = values.combine_chunks().dictionary_encode() if len(values) else None
    if coded is None:
        return pa.chunked_array([pa.array([], pa.float64())])
    coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    read = pa.array([form.read(t) for t in coded.dictionary.to_pylist()], pa.float64())
    return pa.chunked_array([read.take(coded.indices)])


def as_state(form: NumberFormat) -> list[Any]:
    return list(astuple(form))


def number_formats(table: pa.Table, kinds: Mapping[str, str]) -> dict[str, NumberFormat]:
    """The formats of text columns that contain numbers, by name.

    Args:
        kinds: kinds that the user has set; other columns than numbers have no format.
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
    """A table's columns by name, formatted numbers as float64."""
    return {
        name: read_numbers(column, formats[name]) if name in formats else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def _affixes(texts: Sequence[str]) -> tuple[str, str] | None:
    """The prefix and suffix of every number, if they are a currency, a unit or empty."""
    found = set()
    for text in texts:
        match = SHAPE.fullmatch(text)
        if match is None:
            return None
        found.add((match["prefix"].replace("-", "", 1), match["suffix"]))
        if len(found) > 1:
            return None
    prefix, suffix = found.pop()
    fine = not prefix or _is_currency(prefix.strip())
    unit = not suffix or UNIT.fullmatch(suffix) or _is_currency(suffix.strip())
    return (prefix, suffix) if fine and unit else None


def _is_currency(text: str) -> bool:
    symbols = [c for c in text if unicodedata.category(c) == "Sc"]
    return text in CODES.split() or (len(symbols) == 1 and len(text) <= 4)


def _fitted(texts: Sequence[str], form: NumberFormat) -> NumberFormat | None:
    """The format with its decimals, if it reproduces all texts."""
    values, places = [], set()
    for text in texts:
        value = form.read(text)
        if value is None:
            return None
        values.append(value)
        number = text.removesuffix(form.suffix) if form.suffix else text
        places.add(len(number.partition(form.point)[2]))
    fixed = places.pop() if len(places) == 1 else -1
    found = replace(form, decimals=fixed)
    most = fixed if fixed >= 0 else max(places)
    fits = all(found.write(v, most) == t for v, t in zip(values, texts, strict=True))
    return found if fits and most <= 6 else None


def _is_formatted(form: NumberFormat, texts: Sequence[str]) -> bool:
    """Whether the texts have a unit, or separators other than a decimal point."""
    if form.prefix.strip() or form.suffix.strip():
        return True
    grouped = bool(form.thousands) and any(form.thousands in t for t in texts)
    return grouped or (form.point == "," and any("," in t for t in texts))
