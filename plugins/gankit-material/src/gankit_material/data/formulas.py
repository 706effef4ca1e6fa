"""Parsing formulas: exact counts of elements, or the reason why a text has none."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from gankit_material.data.elements import ELECTRONEGATIVITY_ORDER

ISOTOPES = {"D": "H", "T": "H"}
"""Symbols of isotopes, with their element."""
LONGEST = 300
"""Characters of a formula."""
DEEPEST = 20
"""Brackets within brackets."""

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉．", "0123456789.")
_MARKUP = re.compile(r"</?su[bp]>|\\mathrm|\\text|[$_{}]", re.IGNORECASE)
_DOT = re.compile(r"\s*[·•∙⋅*]\s*")
_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_SYMBOL = re.compile(r"[A-Z][a-z]?")
_CHARGE = re.compile(r"(?:\d*[+]+|[+]\d+|(?<![0-9.])\d*[-−–]+|[-−–]\d+|\^.*|[⁺⁻⁰¹²³⁴-⁹]+)\)?$")
_NEGATIVE = re.compile(r"(?<=[A-Za-z)\]])[-−]\d")
_VARIABLE = re.compile(r"[-+−]\s*[xyzδ]|δ|(?<=[a-z])[xyz]\b")
_DOTTED_WATER = re.compile(r"\.\d*H2O$")
_PLAIN = re.compile(r"(?:[A-Z][a-z]?(?:[1-9]\d{0,3})?)+")
_PAIR = re.compile(r"([A-Z][a-z]?)(\d*)")


class FormulaError(ValueError):
    """Why a text is no formula, worded alike for all that fail alike."""


@dataclass(frozen=True)
class Formula:
    """What a text says."""

    amounts: Mapping[str, Fraction]
    """The exact amount of each element, as written."""
    isotopes: bool = False
    """Whether it names deuterium or tritium, which are counted as hydrogen."""

    @property
    def fractional(self) -> bool:
        """Whether an amount is not an integer."""
        return any(amount.denominator != 1 for amount in self.amounts.values())

    def reduced(self) -> dict[str, int]:
        """The smallest integers in the same, exact ratio."""
        shared = math.lcm(*(amount.denominator for amount in self.amounts.values()))
        counts = {e: int(amount * shared) for e, amount in self.amounts.items()}
        return divided(counts)

    def rounded(self, most: int) -> dict[str, int]:
        """Integers up to ``most`` in nearly the same ratio, none of them 0; the exact ones where
        they are no greater."""
        exact = self.reduced()
        if max(exact.values()) <= most:
            return exact
        largest = max(self.amounts.values())
        tries = []
        for top in range(1, most + 1):
            scaled = {e: float(a / largest) * top for e, a in self.amounts.items()}
            counts = {e: max(round(n), 1) for e, n in scaled.items()}
            error = sum(abs(counts[e] - n) / top for e, n in scaled.items())
            tries.append((error, top, counts))
        return divided(min(tries, key=lambda one: one[:2])[2])


def divided(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts without a common divisor."""
    shared = math.gcd(*counts.values())
    return {e: n // shared for e, n in counts.items()}


def parse(text: str) -> Formula:
    """The formula of a text: ``SrTiO3``, ``Ca(OH)2``, ``CuSO4·5H2O``, ``Fe0.5Ni0.5``, ``SrTiO₃``.

    Raises:
        FormulaError: it is none.
    """
    bare = text.strip()
    if _PLAIN.fullmatch(bare) and len(bare) <= LONGEST:  # nearly all
        amounts: dict[str, Fraction] = {}
        for symbol, count in _PAIR.findall(bare):
            if symbol not in ELECTRONEGATIVITY_ORDER:
                break
            amounts[symbol] = amounts.get(symbol, Fraction(0)) + int(count or 1)
        else:
            return Formula(amounts)
    return _parse(bare)


def _parse(bare: str) -> Formula:
    if not bare:
        raise FormulaError("empty")
    if len(bare) > LONGEST:
        raise FormulaError(f"longer than {LONGEST} characters")
    plain = _MARKUP.sub("", bare.translate(_SUBSCRIPTS))
    if _DOTTED_WATER.search(plain):
        raise FormulaError("a full stop before H2O may be a hydrate's or a decimal: write ·")
    parts = _DOT.split(plain)
    total: dict[str, Fraction] = {}
    for part in parts:
        factor, at = Fraction(1), 0
        if (found := _NUMBER.match(part)) and len(found[0]) < len(part):
            factor, at = _number(found[0]), found.end()
        amounts = _Reader(part, bare).read(at)
        for symbol, amount in amounts.items():
            total[symbol] = total.get(symbol, Fraction(0)) + factor * amount
    isotopes = [symbol for symbol in total if symbol in ISOTOPES]
    for symbol in isotopes:
        element = ISOTOPES[symbol]
        total[element] = total.get(element, Fraction(0)) + total.pop(symbol)
    if zero := [e for e, amount in total.items() if amount == 0]:
        raise FormulaError(f"the count of {zero[0]} is 0")
    return Formula(total, bool(isotopes))


def _number(text: str) -> Fraction:
    if len(text) > 12:
        raise FormulaError("a count of more than 12 digits")
    return Fraction(text.rstrip(".") or "0")


class _Reader:
    """Elements and groups in brackets, each with a count."""

    def __init__(self, text: str, original: str) -> None:
        self.text, self.original = text, original

    def read(self, at: int) -> dict[str, Fraction]:
        amounts, end = self._group(at, "", 0)
        if not amounts:
            raise self._stuck(at)
        assert end == len(self.text)
        return amounts

    def _group(self, at: int, closing: str, depth: int) -> tuple[dict[str, Fraction], int]:
        if depth > DEEPEST:
            raise FormulaError(f"more than {DEEPEST} brackets within brackets")
        amounts: dict[str, Fraction] = {}
        text = self.text
        while at < len(text):
            character = text[at]
            if character.isspace():
                at += 1
                continue
            if character in "([":
                inner, at = self._group(at + 1, ")" if character == "(" else "]", depth + 1)
                if not inner:
                    raise FormulaError("empty brackets")
            elif closing and character == closing:
                return amounts, at + 1
            elif found := _SYMBOL.match(text, at):
                inner, at = self._element(found)
            else:
                raise self._stuck(at)
            if number := _NUMBER.match(text, at):
                at = number.end()
                factor = _number(number[0])
            else:
                factor = Fraction(1)
            for symbol, amount in inner.items():
                amounts[symbol] = amounts.get(symbol, Fraction(0)) + factor * amount
        if closing:
            raise FormulaError("a bracket is not closed")
        return amounts, at

    def _element(self, found: re.Match[str]) -> tuple[dict[str, Fraction], int]:
        symbol = found[0]
        if symbol in ELECTRONEGATIVITY_ORDER or symbol in ISOTOPES:
            return {symbol: Fraction(1)}, found.end()
        if symbol[1:] in ("x", "y") and symbol[0] in ELECTRONEGATIVITY_ORDER:
            raise FormulaError("variable amounts: give numbers")
        raise FormulaError(f"there is no element {symbol}")

    def _stuck(self, at: int) -> FormulaError:
        """Why reading ended here."""
        rest = self.text[at:]
        if not any(character.isalpha() for character in self.original):
            return FormulaError("not a formula: it has no letters")
        if _NEGATIVE.search(self.text):
            return FormulaError("a negative count, or a charge")
        if _CHARGE.search(self.text):
            return FormulaError("it has a charge: give a neutral formula")
        if _VARIABLE.search(self.original):
            return FormulaError("variable amounts: give numbers")
        if rest[:1] in ")]":
            return FormulaError("a bracket is not opened")
        if rest[:1].islower():
            return FormulaError("not a formula: a symbol begins with a small letter")
        return FormulaError(f"not a formula: {rest[:1]!r} has no place in it")
