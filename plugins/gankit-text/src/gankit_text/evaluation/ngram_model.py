"""A language model of characters from counts: what scores texts.

It needs no gradient descent, so that one can be fitted to the texts of every model that is
compared, and it shares neither its units nor its way of learning with the networks that it scores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gankit_text.evaluation.grams import ABSENT, Grams
from gankit_text.evaluation.words import Ids, Vocabulary, joined

ORDER = 6
"""Characters of context, at most."""
START, END = "\0start", "\0end"
UNSEEN = 256
"""Characters that the training texts lack share the probability of one of so many."""


class NgramModel:
    """An interpolated n-gram model of characters with Witten and Bell's smoothing (1991, method C).

    Args:
        texts: to count in; their ends are predicted as well.
        order: characters of context.
    """

    def __init__(self, texts: Sequence[str], order: int = ORDER) -> None:
        self.order, self._vocabulary = order, Vocabulary()
        self._start, self._end = self._vocabulary.ids([START, END])
        rows = self._rows(texts)
        self._size = len(self._vocabulary)
        self._grams = Grams(rows, self._size + 1)  # and one for all that are new
        self._predicted = self._grams.place >= order
        self._counts: list[tuple[npt.NDArray[np.float64], ...]] = [
            self._count(n) for n in range(order + 1)
        ]

    def _rows(self, texts: Sequence[str]) -> list[list[int]]:
        before = [self._start] * self.order
        return [[*before, *self._vocabulary.ids(text), self._end] for text in texts]

    def _count(self, n: int) -> tuple[npt.NDArray[np.float64], ...]:
        """Of n characters of context: how often each (n+1)-gram occurs, and of each context how
        often it is followed by a character, and by how many different ones."""
        grams = self._grams
        follower = grams.at(n + 1)
        context = _before(grams.at(n)) if n else np.zeros(len(follower), np.int64)
        counted = self._predicted & (follower != ABSENT)
        together = np.bincount(follower[counted], minlength=grams.count(n + 1))
        of_context = np.bincount(context[counted], minlength=grams.count(n))
        _, first = np.unique(follower[counted], return_index=True)
        different = np.bincount(context[counted][first], minlength=grams.count(n))
        return together.astype(float), of_context.astype(float), different.astype(float)

    def bits(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """The information of each text and its end, (N,)."""
        owner, bits = self._bits(texts)
        return np.bincount(owner, bits, minlength=len(texts)).astype(np.float64)

    def bits_by_position(self, text: str) -> npt.NDArray[np.float64]:
        """The information of each character of a text and of its end, (len(text) + 1,)."""
        return self._bits([text])[1]

    def _bits(self, texts: Sequence[str]) -> tuple[Ids, npt.NDArray[np.float64]]:
        """The number of the text that each character or end belongs to, and its information."""
        rows = [[min(i, self._size) for i in row] for row in self._rows(texts)]
        flat, place = joined(rows)
        p = np.full(len(flat), 1 / (self._size + UNSEEN))
        context: Ids = np.zeros(len(flat), np.int64)  # the n-gram before each position
        ending: Ids = np.zeros(len(flat), np.int64)  # the n-gram that ends there
        for n in range(self.order + 1):
            together, total, different = self._counts[n]
            follower = self._grams.find(flat, place, ending, n + 1)
            known = (context != ABSENT) & (place >= self.order)
            here = np.where(known, context, 0)
            weight = np.where(known, total[here], 0.0)
            kinds = np.where(known, different[here], 1.0)
            seen = np.where(known & (follower != ABSENT), together[np.maximum(follower, 0)], 0.0)
            usable = weight > 0
            p = np.where(usable, (seen + kinds * p) / np.where(usable, weight + kinds, 1.0), p)
            context, ending = _before(follower), follower
        owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        used = place >= self.order
        return owner[used], -np.log2(p[used])

    def bits_per_character(self, texts: Sequence[str]) -> float:
        """The mean information of a character or an end of text; NaN where there are no texts."""
        if not texts:
            return math.nan
        return float(self.bits(texts).sum() / sum(len(text) + 1 for text in texts))


def _before(numbers: Ids) -> Ids:
    """What stands at the position before; ABSENT before the first one."""
    found = np.full(len(numbers), ABSENT, np.int64)
    found[1:] = numbers[:-1]
    return found
