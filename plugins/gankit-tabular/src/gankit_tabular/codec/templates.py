"""Templates of identifiers: numbered spaces of texts that are valid, and were not in the data."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from math import prod
from typing import Any

from gankit_tabular.codec.check_digits import unwritten, written
from gankit_tabular.codec.constraints.key_spaces import KeySpace, permute
from gankit_tabular.codec.identifier_dates import date_of, date_text

Field = list[Any]
"""``["text", text]``; ``["one", [text, …]]``, in order; ``["chars", [alphabet, …]]``, a character
of each; ``["digits", width, first, last]``, an integer, zero-padded to a width (0 for none); or
``["date", format, first, last]``, see :mod:`gankit_tabular.codec.identifier_dates`."""

SPARSE = 10**6
"""A space with so many texts for each of the data is so large that none is met by chance."""
VAST = 2**80
"""Texts of larger spaces are drawn at random."""
GAPS = 64
"""Ranges of unused numbers that are kept, the widest ones."""
ROUNDS = 8
"""Digits that a template may get."""
MARGIN = 20
"""A twentieth of each range is left out at its ends, where the data's own texts are."""


@dataclass
class Template:
    """Texts of the same fields.

    Args:
        form: how fields become a text, see :func:`gankit_tabular.codec.check_digits.written`;
            ``ipv6`` shortens an address; empty for as they are.
        share: of the column's values.
        gaps: ranges of numbers that may be drawn, both ends included; all if empty.
        counts: whether they are drawn in order.
    """

    fields: list[Field]
    form: str = ""
    share: float = 1.0
    gaps: list[list[int]] = field(default_factory=list)
    counts: bool = False

    def __post_init__(self) -> None:
        self.fields = _joined(self.fields)

    @cached_property
    def _sizes(self) -> list[int]:
        return [size(f) for f in self.fields]

    @property
    def full(self) -> int:
        """The number of texts, those of the data included."""
        return prod(self._sizes)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(last - first + 1 for first, last in self.gaps))

    @property
    def size(self) -> int:
        """The number of texts that may be drawn."""
        return self._ends[-1] if self.gaps else self.full

    def value(self, index: int) -> str:
        """The text with an index below ``size``."""
        if self.gaps:
            i = bisect_right(self._ends, index)
            index += self.gaps[i][0] - (self._ends[i - 1] if i else 0)
        parts = []
        for f, n in zip(reversed(self.fields), reversed(self._sizes), strict=True):
            index, place = divmod(index, n)
            parts.append(text_of(f, place))
        return written(self.form, "".join(reversed(parts)))

    def number(self, text: str) -> int | None:
        """The number of a text among all; None if it is not of this template."""
        bare = unwritten(self.form, text)
        match = None if bare is None else self._pattern.fullmatch(bare)
        if match is None:
            return None
        total = 0
        for f, n, part in zip(self.fields, self._sizes, match.groups(), strict=True):
            place = place_of(f, part)
            if place is None:
                return None
            total = total * n + place
        return total

    def index(self, text: str) -> int | None:
        """The index of a text that may be drawn; None for any other."""
        number = self.number(text)
        if number is None or not self.gaps:
            return number
        before = 0
        for first, last in self.gaps:
            if first <= number <= last:
                return before + number - first
            before += last - first + 1
        return None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("".join(f"({_regex(f)})" for f in self.fields), re.DOTALL)

    def draw(self, seed: int, key: str) -> str:
        """The text of a seed; those of different seeds differ while there is room."""
        if self.counts:
            return self.value(seed % self.size)
        if self.size > VAST:  # where chance makes none alike
            digest = hashlib.shake_256(f"{key}\0{seed}".encode()).digest(-(-self._bits // 8) + 8)
            return self.value(int.from_bytes(digest, "big") % self.size)
        return self.value(permute(seed % self.size, self.size, key))

    @cached_property
    def _bits(self) -> int:
        return self.size.bit_length()

    def avoid(self, texts: Collection[str]) -> None:
        """Leaves out the data's own texts, in place: by ranges that have none of them."""
        if self.full > SPARSE * len(texts):
            return
        used = sorted({n for text in texts if (n := self.number(text)) is not None})
        if not used or self.full > SPARSE * len(used):
            return
        after = [used[-1] + 1, self.full - 1]
        if 2 * len(used) > used[-1] - used[0] and len(used) > 1 and after[1] - after[0] >= 0:
            self.gaps, self.counts = [after], True
            return
        ends = [-1, *used, self.full]
        free = [[a + 1, b - 1] for a, b in pairwise(ends) if b - a > 1]
        free = sorted(free, key=lambda gap: gap[0] - gap[1])[:GAPS]
        trimmed = []
        for first, last in free:
            margin = (last - first + 1) // MARGIN
            trimmed.append([first + margin, last - margin])
        self.gaps = sorted(trimmed) or [[0, -1]]

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "fields": self.fields, "form": self.form, "share": self.share, "gaps": self.gaps,
            "counts": self.counts,
        }  # fmt: skip


@dataclass
class Identifiers(KeySpace):
    """All texts of a column's templates, numbered through.

    Args:
        templates: none of them empty.
        integer: whether the texts are integers.
    """

    templates: list[Template] = field(default_factory=list)
    integer: bool = False

    def __post_init__(self) -> None:
        self._ends = list(accumulate(t.size for t in self.templates))
        self._shares = list(accumulate(t.share for t in self.templates))

    @property
    def size(self) -> int:
        return self._ends[-1] if self._ends else 0

    def value(self, number: int) -> Any:
        i = bisect_right(self._ends, number)
        return self._typed(self.templates[i].value(number - (self._ends[i - 1] if i else 0)))

    def number(self, value: Any) -> int | None:
        for i, template in enumerate(self.templates):
            if (found := template.index(str(value))) is not None:
                return found + (self._ends[i - 1] if i else 0)
        return None

    def synthesise(self, seed: int, u: float) -> Any:
        """The value of a seed; those of different seeds differ while there is room.

        Args:
            u: uniform in [0, 1), chooses the template by its share.
        """
        if not self.templates:
            return None
        i = min(bisect_right(self._shares, u * self._shares[-1]), len(self.templates) - 1)
        return self._typed(self.templates[i].draw(seed, f"{self.key}\0{i}"))

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {"templates": [t.state() for t in self.templates], "integer": self.integer}

    @classmethod
    def load(cls, name: str, state: dict[str, Any]) -> Identifiers:
        """The space that :meth:`state` described."""
        templates = [Template(**t) for t in state["templates"]]
        return cls(name, templates=templates, integer=state["integer"])

    def _typed(self, text: str) -> Any:
        return int(text) if self.integer else text


# --- Fields -------------------------------------------------------------------------------------


def size(f: Field) -> int:
    """The number of texts of a field."""
    if f[0] == "text":
        return 1
    if f[0] in ("digits", "date"):
        return int(f[3]) - int(f[2]) + 1
    return len(f[1]) if f[0] == "one" else prod(map(len, f[1]))


def text_of(f: Field, place: int) -> str:
    """A field's text with a number below its size."""
    if f[0] == "text":
        return str(f[1])
    if f[0] == "one":
        return str(f[1][place])
    if f[0] == "digits":
        return f"{f[2] + place:0{f[1]}d}" if f[1] else str(f[2] + place)
    if f[0] == "date":
        return date_text(f[1], f[2] + place)
    out = []
    for alphabet in reversed(f[1]):
        place, at = divmod(place, len(alphabet))
        out.append(alphabet[at])
    return "".join(reversed(out))


def place_of(f: Field, text: str) -> int | None:
    """The inverse of :func:`text_of`; None for a text that is not of the field."""
    if f[0] == "text":
        return 0
    if f[0] == "one":
        return bisect_left(f[1], text)
    if f[0] == "digits":
        value = int(text)
        return value - int(f[2]) if f[2] <= value <= f[3] else None
    if f[0] == "date":
        at = date_of(f[1], text)
        return at - int(f[2]) if at is not None and f[2] <= at <= f[3] else None
    total = 0
    for alphabet, c in zip(f[1], text, strict=True):
        total = total * len(alphabet) + alphabet.index(c)
    return total


def _joined(fields: Sequence[Field]) -> list[Field]:
    """Neighbouring fields of texts, and of characters, as one."""
    out: list[Field] = []
    for f in fields:
        if out and f[0] == out[-1][0] and f[0] in ("text", "chars"):
            out[-1] = [f[0], out[-1][1] + f[1]]
        else:
            out.append(list(f))
    return out


def _regex(f: Field) -> str:
    if f[0] == "text":
        return re.escape(str(f[1]))
    if f[0] == "one":
        return "|".join(re.escape(text) for text in sorted(f[1], key=len, reverse=True))
    if f[0] == "digits":
        return f"[0-9]{{{f[1]}}}" if f[1] else "0|[1-9][0-9]*"
    if f[0] == "date":
        return f".{{{len(date_text(f[1], f[2]))}}}"
    return "".join(f"[{''.join(map(re.escape, alphabet))}]" for alphabet in f[1])


# --- Room ---------------------------------------------------------------------------------------


def with_room(
    templates: Sequence[Template], texts: Collection[str], least: int = 0
) -> list[Template]:
    """Templates with as many texts to draw as the data has, none of them its own; those that have
    fewer get more digits.

    Args:
        texts: the data's own.
        least: texts to draw, if more than that.
    """
    wanted = max(len(texts), least)
    found = []
    for template in templates:
        template.avoid(texts)
        for _ in range(ROUNDS):
            if template.size >= wanted:
                break
            template = _widened(template)
            template.avoid(texts)
        found.append(template)
    return found


def _widened(template: Template) -> Template:
    """The template with one more digit: in its last number, or after its last part that varies."""
    fields = [list(f) for f in template.fields]
    for i in reversed(range(len(fields))):
        f, lead = fields[i], fields[i - 1] if i else ["text", ""]
        if f[0] != "digits":
            continue
        if f[1] and lead[0] == "one" and all(text.isdecimal() for text in lead[1]):
            wide = len(lead[1][0]) + int(f[1])  # first any digits in place of the usual ones
            fields[i - 1 : i + 1] = [["digits", wide, 0, 10**wide - 1]]
        else:
            wide = max(int(f[1]), len(str(f[3])))
            f[1:] = [wide + 1 if f[1] else 0, 10**wide, 10 ** (wide + 1) - 1]
        return Template(fields, template.form, template.share)
    last = max((i for i, f in enumerate(fields) if f[0] != "text"), default=len(fields) - 1)
    more: Field = ["digits", 4, 0, 9999]
    if fields and fields[last][0] == "chars":
        alphabet = fields[last][1][-1]
        more = ["digits", 1, 0, 9] if alphabet.isdecimal() else ["chars", [alphabet]]
    fields.insert(last + 1, more)
    return Template(fields, template.form, template.share)
