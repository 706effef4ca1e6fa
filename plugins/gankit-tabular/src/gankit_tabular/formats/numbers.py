"""Numbers in texts: ``12.5 kg``, ``$1,200.00``, ``45%``, ``1 234,5 €``, ``(1,234.50)``.

A text column is numeric if every text is one number in the same format: the same prefix and suffix,
the same separators, the same decimals. Such a format reproduces every text exactly. A column of
plain numbers that are written in several ways (``+5``, ``1e3``, ``1.50`` beside ``1.5``) is numeric
too; generated ones are then written in one way.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pyarrow as pa

from gankit_tabular.data.arrow import is_text
from gankit_tabular.formats.base import Format, distinct_texts, used_marks

SEPARATORS = (
    ("", "."), (",", "."), (".", ","), (" ", ","), (" ", "."), ("\u00a0", ","), ("\u202f", ","),
    ("\u00a0", "."), ("\u202f", "."), ("'", "."), ("\u2019", "."), ("", ","),
)  # fmt: skip
"""Pairs of thousands and decimal separator; the first pair that reproduces all texts is used."""
NEGATIVES = ("-p", "p-", "(p)", "p()", "\u2212p", "p\u2212", "p-after", "+-p")
"""How a negative number is written around or after its prefix ``p``: ``-$5``, ``$-5``, ``($5)``,
``$(5)``, the same with the sign U+2212, ``$5-``; and with a plus before positive numbers."""
CODES = (
    "USD EUR GBP JPY CHF CNY INR CAD AUD NZD SEK NOK DKK PLN CZK BRL MXN ZAR KRW SGD HKD TRY Rs kr"
)
SOME = 200
"""Texts that are tried before all others."""
MOST_DIGITS = 15
"""A float has as many exact ones: longer integers are identifiers, not numbers."""
SHAPE = re.compile(
    r"(?P<prefix>\D*?)(?P<number>\d(?:[\d.,' \u00a0\u202f\u2019]*\d)?)(?P<suffix>\D*)"
)
UNIT = re.compile(r"[ \u00a0\u202f]?(?:[^\W\d_]|[%‰°²³µ/·^*'\"\u2032\u2033]){1,12}[²³]?\.?")
EXPONENT = re.compile(r"\d[eE][+-]?\d")
PLAIN = re.compile(r"[+-]?(?P<whole>\d+)?(?P<part>\.\d*)?(?P<exponent>[eE][+-]?\d+)?")


@dataclass(frozen=True)
class NumberFormat(Format):
    """How a column writes its numbers."""

    kind: ClassVar[str] = "number"
    prefix: str
    suffix: str
    thousands: str
    point: str
    decimals: int
    """-1: as many as each number needs."""
    negative: str = "-p"
    """One of ``NEGATIVES``."""
    marks: tuple[str, ...] = ()
    style: str = ""
    """Of numbers without unit and separators: ``repr`` as Python writes floats, ``1.0`` and
    ``1e-08``; ``short`` for the same without ``.0``; ``e`` or ``E`` for ``1.50e-08`` with a fixed
    number of decimals; empty for decimals only."""

    @property
    def type(self) -> pa.DataType:
        return pa.float64()

    def read(self, text: str) -> float | None:
        """The number in a text; None if the text has another format."""
        rest = text.strip()
        plain = self.point == "." and not (self.prefix or self.suffix or self.thousands)
        if plain and PLAIN.fullmatch(rest):
            try:
                return float(rest)
            except ValueError:
                return None
        signed = self._without_sign(rest)
        if signed is None:
            return None
        negative, rest = signed
        if not rest[:1].isdigit():
            return None
        if self.thousands:
            rest = rest.replace(self.thousands, "")
        try:
            value = float(rest.replace(self.point, "."))
        except ValueError:
            return None
        return -value if negative else value

    def _without_sign(self, text: str) -> tuple[bool, str] | None:
        """Whether the number is negative, and its digits; None if the text has another format."""
        way, p, s = self.negative, self.prefix, self.suffix
        if way == "(p)" and text.startswith("(") and text.endswith(")"):
            inner = self._bare(text[1:-1])
            return None if inner is None else (True, inner)
        if way == "p()":
            inner = self._bare(text)
            if inner is not None and inner.startswith("(") and inner.endswith(")"):
                return True, inner[1:-1]
            return None if inner is None else (False, inner)
        if way == "p-after":
            inner = self._bare(text)
            if inner is None:
                return None
            return inner.endswith("-"), inner.removesuffix("-")
        sign = "\u2212" if "\u2212" in way else "-"
        if way.endswith("p"):
            negative = text.startswith(sign)
            rest = text[1:] if negative or (way == "+-p" and text.startswith("+")) else text
            inner = self._bare(rest)
            return None if inner is None else (negative, inner)
        if not (text.startswith(p) and text.endswith(s)):
            return None
        inner = text[len(p) : len(text) - len(s)]
        return inner.startswith(sign), inner.removeprefix(sign)

    def _bare(self, text: str) -> str | None:
        """A text without prefix and suffix."""
        if not (text.startswith(self.prefix) and text.endswith(self.suffix)):
            return None
        return text[len(self.prefix) : len(text) - len(self.suffix)]

    def write(self, value: float, decimals: int) -> str:
        """A number as text; with at most ``decimals`` if the format has no fixed number of them."""
        if self.style == "short" and self.decimals < 0:
            return repr(float(value)).removesuffix(".0")
        if self.style == "repr" and self.decimals < 0:
            return repr(float(value))
        if self.style in ("e", "E"):
            return f"{value:.{self.decimals}{self.style}}"
        if self.decimals >= 0:
            digits = f"{abs(value):.{self.decimals}f}"
        elif decimals >= 15:
            digits = repr(abs(float(value))).removesuffix(".0")
            if "e" in digits:
                return f"{'-' if value < 0 else ''}{digits}"
        else:
            digits = f"{abs(value):.{decimals}f}"
            digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
        whole, _, part = digits.partition(".")
        if self.thousands:
            whole = f"{int(whole):,}".replace(",", self.thousands)
        number = whole + (self.point + part if part else "")
        below = value < 0 and any(d not in "0.," for d in digits)
        p, s = self.prefix, self.suffix
        if not below:
            plus = "+" if self.negative == "+-p" and any(d not in "0.," for d in digits) else ""
            return f"{plus}{p}{number}{s}"
        sign = "\u2212" if "\u2212" in self.negative else "-"
        return {
            "(p)": f"({p}{number}{s})",
            "p()": f"{p}({number}){s}",
            "p-after": f"{p}{number}-{s}",
            "p-": f"{p}{sign}{number}{s}",
            "p\u2212": f"{p}{sign}{number}{s}",
        }.get(self.negative, f"{sign}{p}{number}{s}")

    def describe(self) -> str:
        places = _places(self.decimals)
        if self.style in ("e", "E"):
            places = f"as {self.write(1234, 0)}"
        unit = (self.prefix + self.suffix).strip()
        mark = "decimal comma" if self.point == "," and self.decimals else ""
        return ", ".join(filter(None, (places, unit, mark)))


def number_format(
    values: pa.ChunkedArray,
    *,
    plain: bool = False,
    marks: Sequence[str] = (),
    commas: bool = False,
) -> NumberFormat | None:
    """The format of a column of numbers; None if it has other texts.

    Args:
        plain: whether to accept numbers without unit and separator, which are texts otherwise.
        marks: texts that stand for missing values.
        commas: whether points separate thousands.
    """
    if not is_text(values.type):
        return None
    some = distinct_texts(values.slice(0, SOME), marks) or distinct_texts(values, marks)[:SOME]
    if not some or not any(c.isdigit() for c in some[0]):
        return None
    own = used_marks(values, marks)
    affixes = _affixes(some)
    if affixes is None and not plain:
        return None
    distinct = distinct_texts(values, marks)
    separators = [(".", ",")] if commas else SEPARATORS
    for (thousands, point), negative in itertools.product(separators, NEGATIVES):
        if affixes is None:
            break
        start = NumberFormat(*affixes, thousands, point, -1, negative, own)
        found = _fitted(some, start) and _fitted(distinct, start)
        if found and (plain or _is_formatted(found, distinct)):
            return found
    return _lenient(distinct, own) if plain else None


def _lenient(texts: Sequence[str], marks: tuple[str, ...]) -> NumberFormat | None:
    """A format for plain numbers that are written in several ways."""
    places: set[int] = set()
    exponents = False
    for text in texts:
        match = PLAIN.fullmatch(text)
        if match is None or not (match["whole"] or (match["part"] or "") > "."):
            return None
        whole = match["whole"] or ""
        if len(whole) > 1 and whole.startswith("0"):
            return None  # a code
        if len(whole) > MOST_DIGITS and not match["part"] and not match["exponent"]:
            return None  # an identifier
        exponents |= match["exponent"] is not None
        places.add(max(len(match["part"] or "") - 1, 0))
    most = max(places)
    if len(places) == 1:
        for letter in "eE":
            found = NumberFormat("", "", "", ".", most, "-p", marks, letter)
            if all(found.write(float(t), 0) == t for t in texts):
                return found
    fixed = most if len(places) == 1 and not exponents and most <= MOST_DIGITS else -1
    style = "repr" if fixed < 0 and (exponents or most > 6) else ""
    if style and any(text.strip("+-").isdigit() for text in texts):
        style = "short"
    return NumberFormat("", "", "", ".", fixed, "-p", marks, style)


def read_numbers(values: pa.ChunkedArray, form: NumberFormat) -> pa.ChunkedArray:
    """Texts as float64; texts of another format are missing."""
    return form.read_column(values)


def _affixes(texts: Sequence[str]) -> tuple[str, str] | None:
    """The prefix and suffix of every number, if they are a currency, a unit or empty."""
    found = set()
    for text in texts:
        match = SHAPE.fullmatch(text)
        if match is None:
            return None
        prefix, suffix = match["prefix"], match["suffix"]
        if "(" in prefix and ")" in suffix:  # accounting's negative numbers
            prefix, suffix = prefix.replace("(", "", 1), suffix.replace(")", "", 1)
        elif suffix.startswith("-") and (len(suffix) == 1 or suffix[1] == " "):
            suffix = suffix[1:]
        else:
            for sign in "-\u2212+":
                if sign in prefix:
                    prefix = prefix.replace(sign, "", 1)
                    break
        found.add((prefix, suffix))
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
        if value is None or EXPONENT.search(text):
            return None
        values.append(value)
        number = text.removesuffix(form.suffix) if form.suffix else text
        places.add(len(number.partition(form.point)[2].rstrip(")-")))
    fixed = places.pop() if len(places) == 1 else -1
    found = replace(form, decimals=fixed)
    most = fixed if fixed >= 0 else max(places)
    fits = most <= 12 and all(
        found.write(v, most) == t or (v == 0 and found.write(0, most) == _unsigned(t))
        for v, t in zip(values, texts, strict=True)
    )
    return found if fits else None


def _places(n: int) -> str:
    return "" if n < 1 else "1 decimal" if n == 1 else f"{n} decimals"


def _unsigned(text: str) -> str:
    """A zero without the sign that some programs give it: ``(0.00)``, ``-0.0``, ``+0``."""
    return re.sub("[-+()\u2212]", "", text)


def _is_formatted(form: NumberFormat, texts: Sequence[str]) -> bool:
    """Whether the texts have a unit, or signs and separators other than a minus and a point."""
    if form.prefix.strip() or form.suffix.strip():
        return True
    if form.negative in ("(p)", "p()", "p-after") and any(not t[-1].isdigit() for t in texts):
        return True
    if form.decimals > 0:  # 1.50, which a number would be written without
        return True
    grouped = bool(form.thousands) and any(form.thousands in t for t in texts)
    return grouped or (form.point == "," and any("," in t for t in texts))
