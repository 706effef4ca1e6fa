"""Keys that no two rows share: a one-to-one function of the row's seed, so that no row need know
of another.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

ROUNDS = 6
LETTERS = {
    "9": "0123456789",
    "a": "abcdefghijklmnopqrstuvwxyz",
    "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}


def pattern(text: str) -> str:
    """The shape of a text: 9 for a digit, a and A for letters, the rest as it is."""
    shape = [
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text
    ]
    return "".join(shape)[:64]


def permute(index: int, size: int, key: str) -> int:
    """A place in a fixed shuffle of ``range(size)``.

    A Feistel network over an even number of bits, walked until it falls inside (Black and Rogaway
    2002, section 3.3): one-to-one, and without a table.
    """
    half = max((size - 1).bit_length() + 1, 2) // 2
    mask = (1 << half) - 1
    while True:
        left, right = index >> half, index & mask
        for i in range(ROUNDS):
            text = f"{key}\0{i}\0{right}".encode()
            digest = hashlib.blake2b(text, digest_size=half // 8 + 1).digest()
            left, right = right, left ^ (int.from_bytes(digest, "big") & mask)
        index = left << half | right
        if index < size:
            return index


@dataclass
class Space:
    """Values that a key can take, numbered from 0; shuffled, and without those that are taken."""

    key: str = ""
    taken: dict[int, int] = field(default_factory=dict)
    """Numbers that must not come, each with its rank among them."""

    @property
    def size(self) -> int:
        raise NotImplementedError

    def value(self, number: int) -> Any:
        raise NotImplementedError

    def number(self, value: Any) -> int | None:
        """The number of a value, None for one outside."""
        raise NotImplementedError

    @property
    def room(self) -> int:
        return self.size - len(self.taken)

    def take(self, values: Iterable[Any]) -> None:
        """These are taken: they will not come."""
        numbers = {n for v in values if v is not None and (n := self.number(v)) is not None}
        self.taken = {n: rank for rank, n in enumerate(sorted(numbers))}

    def draw(self, seed: int) -> Any:
        """The value of a seed: another one for each of ``room`` seeds in a row."""
        found = permute(seed % self.room, self.size, self.key)
        while found in self.taken:  # each sends on to a place of its own beyond the seeds'
            found = permute(self.room + self.taken[found], self.size, self.key)
        return self.value(found)


@dataclass
class Shapes(Space):
    """Texts of known shapes.

    Args:
        shapes: as :func:`pattern` gives them.
    """

    shapes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        sizes = [_places(shape) for shape in self.shapes]
        self._ends = list(accumulate(sizes))

    @property
    def size(self) -> int:
        return self._ends[-1] if self._ends else 0

    def value(self, number: int) -> str:
        i = bisect_right(self._ends, number)
        rest = number - (self._ends[i - 1] if i else 0)
        out = []
        for c in reversed(self.shapes[i]):
            letters = LETTERS.get(c, c)
            rest, place = divmod(rest, len(letters))
            out.append(letters[place])
        return "".join(reversed(out))

    def number(self, value: Any) -> int | None:
        text = str(value)
        shape = pattern(text)
        if shape not in self.shapes or len(text) != len(shape):
            return None
        i = self.shapes.index(shape)
        rest = 0
        for c, kind in zip(text, shape, strict=True):
            letters = LETTERS.get(kind, kind)
            if c not in letters:
                return None
            rest = rest * len(letters) + letters.index(c)
        return rest + (self._ends[i - 1] if i else 0)


@dataclass
class Whole(Space):
    """Whole numbers from ``first`` to ``last``; in order where the data counts, else shuffled."""

    first: int = 0
    last: int = 0
    counts: bool = False

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def value(self, number: int) -> int:
        return self.first + number

    def number(self, value: Any) -> int | None:
        return int(value) - self.first if self.first <= value <= self.last else None

    def take(self, values: Iterable[Any]) -> None:
        if not self.counts:
            super().take(values)
            return
        known = [int(v) for v in values if v is not None]
        self.first = max([self.first, *(v + 1 for v in known)])

    def draw(self, seed: int) -> int:
        return self.first + seed % self.room if self.counts else int(super().draw(seed))


@dataclass
class Listed(Space):
    """One of some values."""

    values: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._place = {value: i for i, value in enumerate(self.values)}

    @property
    def size(self) -> int:
        return len(self.values)

    def value(self, number: int) -> Any:
        return self.values[number]

    def number(self, value: Any) -> int | None:
        return self._place.get(value)


@dataclass
class Product(Space):
    """Tuples with a value from each of several spaces."""

    parts: list[Space] = field(default_factory=list)

    @property
    def size(self) -> int:
        product = 1
        for part in self.parts:
            product *= part.size
        return product

    def value(self, number: int) -> tuple[Any, ...]:
        out = []
        for part in reversed(self.parts):
            number, place = divmod(number, part.size)
            out.append(part.value(place))
        return tuple(reversed(out))

    def number(self, value: Any) -> int | None:
        total = 0
        for part, v in zip(self.parts, value, strict=True):
            place = None if v is None else part.number(v)
            if place is None:
                return None
            total = total * part.size + place
        return total


def _places(shape: str) -> int:
    product = 1
    for c in shape:
        product *= len(LETTERS.get(c, c))
    return product


def whole_space(key: str, values: list[int], least: int, most: int) -> Whole:
    """The space of a column of distinct whole numbers: on from the last one where most numbers of
    their range occur, or else all of as many digits.

    Args:
        least, most: what the column's type can hold.
    """
    first, last = min(values, default=0), max(values, default=0)
    if 2 * len(set(values)) > last - first:
        return Whole(key, first=last + 1, last=most, counts=True)
    if first > 0:
        first, last = 10 ** (len(str(first)) - 1), 10 ** len(str(last)) - 1
    return Whole(key, first=max(first, least), last=min(last, most))
