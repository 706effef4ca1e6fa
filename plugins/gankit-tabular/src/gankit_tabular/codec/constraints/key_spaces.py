"""Unique keys as a one-to-one function of the row's seed, so that rows need not know each other."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from math import prod
from typing import Any

from gankit_tabular.codec.identifiers import LETTERS, pattern

ROUNDS = 6


def permute(index: int, size: int, key: str) -> int:
    """A fixed permutation of ``range(size)``.

    A Feistel network over an even number of bits, repeated until the result is in range (cycle
    walking, Black and Rogaway 2002, section 3.3): one-to-one, and without a table.
    """
    half = max((size - 1).bit_length() + 1, 2) // 2
    mask = (1 << half) - 1
    while True:
        left, right = index >> half, index & mask
        for i in range(ROUNDS):
            text = f"{key}\0{i}\0{right}".encode()
            digest = _digest(text, half // 8 + 1)
            left, right = right, left ^ (int.from_bytes(digest, "big") & mask)
        index = left << half | right
        if index < size:
            return index


def _digest(text: bytes, size: int) -> bytes:
    if size > hashlib.blake2b.MAX_DIGEST_SIZE:
        return hashlib.shake_256(text).digest(size)
    return hashlib.blake2b(text, digest_size=size).digest()


@dataclass
class KeySpace:
    """Values that a key can have, numbered from 0, in shuffled order and without reserved ones."""

    key: str = ""
    reserved: dict[int, int] = field(default_factory=dict)
    """Numbers that must not be drawn, each with its rank among them."""

    @property
    def size(self) -> int:
        raise NotImplementedError

    def value(self, number: int) -> Any:
        raise NotImplementedError

    def number(self, value: Any) -> int | None:
        """The number of a value, None if it is not in the space."""
        raise NotImplementedError

    @property
    def room(self) -> int:
        """How many values can be drawn."""
        return self.size - len(self.reserved)

    def reserve(self, values: Iterable[Any]) -> None:
        """Excludes these values from now on."""
        numbers = {n for v in values if v is not None and (n := self.number(v)) is not None}
        self.reserved = {n: rank for rank, n in enumerate(sorted(numbers))}

    def draw(self, seed: int) -> Any:
        """The value of a seed; ``room`` consecutive seeds have different values."""
        found = permute(seed % self.room, self.size, self.key)
        while found in self.reserved:  # each maps to an index of its own beyond those of the seeds
            found = permute(self.room + self.reserved[found], self.size, self.key)
        return self.value(found)


@dataclass
class Patterns(KeySpace):
    """Texts of given patterns, see :func:`gankit_tabular.codec.identifiers.pattern`."""

    patterns: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        sizes = [prod(len(LETTERS.get(c, c)) for c in p) for p in self.patterns]
        self._ends = list(accumulate(sizes))

    @property
    def size(self) -> int:
        return self._ends[-1] if self._ends else 0

    def value(self, number: int) -> str:
        i = bisect_right(self._ends, number)
        rest = number - (self._ends[i - 1] if i else 0)
        out = []
        for c in reversed(self.patterns[i]):
            letters = LETTERS.get(c, c)
            rest, place = divmod(rest, len(letters))
            out.append(letters[place])
        return "".join(reversed(out))

    def number(self, value: Any) -> int | None:
        text = str(value)
        found = pattern(text)
        if found not in self.patterns or len(text) != len(found):
            return None
        i = self.patterns.index(found)
        rest = 0
        for c, kind in zip(text, found, strict=True):
            letters = LETTERS.get(kind, kind)
            if c not in letters:
                return None
            rest = rest * len(letters) + letters.index(c)
        return rest + (self._ends[i - 1] if i else 0)


@dataclass
class Integers(KeySpace):
    """Integers from ``first`` to ``last``; in order if the data counts up, else shuffled."""

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

    def reserve(self, values: Iterable[Any]) -> None:
        if not self.counts:
            super().reserve(values)
            return
        known = [int(v) for v in values if v is not None]
        self.first = max([self.first, *(v + 1 for v in known)])

    def draw(self, seed: int) -> int:
        return self.first + seed % self.room if self.counts else int(super().draw(seed))


@dataclass
class Listed(KeySpace):
    """One of some values."""

    values: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._number = {value: i for i, value in enumerate(self.values)}

    @property
    def size(self) -> int:
        return len(self.values)

    def value(self, number: int) -> Any:
        return self.values[number]

    def number(self, value: Any) -> int | None:
        return self._number.get(value)


@dataclass
class Product(KeySpace):
    """Tuples with a value from each of several spaces."""

    parts: list[KeySpace] = field(default_factory=list)

    @property
    def size(self) -> int:
        return prod(part.size for part in self.parts)

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


def integer_space(key: str, values: list[int], least: int, most: int) -> Integers:
    """The space of a column of distinct integers: if most integers of their range occur, it
    continues after the last one; otherwise it has all integers of as many digits.

    Args:
        least, most: the range of the column's type.
    """
    first, last = min(values, default=0), max(values, default=0)
    if 2 * len(set(values)) > last - first:
        return Integers(key, first=last + 1, last=most, counts=True)
    if first > 0:
        first, last = 10 ** (len(str(first)) - 1), 10 ** len(str(last)) - 1
    return Integers(key, first=max(first, least), last=min(last, most))
