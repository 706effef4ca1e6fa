"""The n-grams of many texts, of any length, numbered level by level: exact, without hashing.

An n-gram that ends at a position is the (n-1)-gram that ends there and the symbol before both, so
that one sorted table per level finds the n-grams of other texts again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gankit_text.evaluation.words import Ids, joined

ABSENT = -1


class Grams:
    """The n-grams of rows of numbers.

    Args:
        rows: the numbers of each text's symbols, from 0.
        symbols: how many different ones there are, at most, here and in rows that are looked up.
    """

    def __init__(self, rows: Sequence[Sequence[int]], symbols: int) -> None:
        self.flat, self.place = joined(rows)
        self.symbols = max(symbols, 1)
        self._tables: list[Ids] = []
        self._at: list[Ids] = [np.zeros(len(self.flat), np.int64)]
        """By n, the number of the n-gram that ends at each position; the empty one is 0."""

    def at(self, n: int) -> Ids:
        """The number of the n-gram that ends at each position; ABSENT where the text begins
        later."""
        while len(self._at) <= n:
            self._grow()
        return self._at[n]

    def _grow(self) -> None:
        n = len(self._at)
        keys, whole = _keys(self.flat, self.place, self._at[-1], n, self.symbols)
        table, numbers = np.unique(keys[whole], return_inverse=True)
        found = np.full(len(self.flat), ABSENT, np.int64)
        found[whole] = numbers
        self._tables.append(table)
        self._at.append(found)

    def count(self, n: int) -> int:
        """How many different n-grams there are."""
        self.at(n)
        return len(self._tables[n - 1]) if n else 1

    def find(self, flat: Ids, place: Ids, before: Ids, n: int) -> Ids:
        """The numbers of the n-grams of other rows, ABSENT where they are none of these.

        Args:
            before: the same for n - 1; zeros for n = 1.
        """
        self.at(n)
        table, found = self._tables[n - 1], np.full(len(flat), ABSENT, np.int64)
        keys, whole = _keys(flat, place, before, n, self.symbols)
        if len(table):
            at = np.minimum(np.searchsorted(table, keys[whole]), len(table) - 1)
            found[whole] = np.where(table[at] == keys[whole], at, ABSENT)
        return found


def _keys(
    flat: Ids, place: Ids, before: Ids, n: int, symbols: int
) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """A number for each position's n-gram, and where there is one that can be known."""
    whole = (place >= n - 1) & (before != ABSENT)
    oldest = np.zeros(len(flat), np.int64)
    oldest[n - 1 :] = flat[: len(flat) - n + 1]
    return before * symbols + oldest, whole


def longest_spans(grams: Grams, rows: Sequence[Sequence[int]]) -> Ids:
    """For each row the most symbols in a run that also occurs in one of the texts, (N,)."""
    flat, place = joined(rows)
    owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    longest, before, n = np.zeros(len(rows), np.int64), np.zeros(len(flat), np.int64), 0
    while len(flat):
        n += 1
        before = grams.find(flat, place, before, n)
        known = before != ABSENT
        if not known.any():
            break
        longest[owner[known]] = n
    return longest


def share_unseen(grams: Grams, rows: Sequence[Sequence[int]], n: int) -> float:
    """The share of the rows' n-grams, repeats counted, that none of the texts has; NaN where no row
    has n symbols."""
    flat, place = joined(rows)
    found = np.zeros(len(flat), np.int64)
    for k in range(1, n + 1):
        found = grams.find(flat, place, found, k)
    whole = place >= n - 1
    return float((found[whole] == ABSENT).mean()) if whole.any() else float("nan")
