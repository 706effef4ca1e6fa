"""Texts as words, in any script."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
"""Scripts written without spaces (Thai, Lao, Burmese, Khmer, kana, Chinese characters): each
character counts as a word."""


@cache
def _pattern() -> re.Pattern[str]:
    marks = "".join(
        re.escape(chr(code))
        for code in range(min(sys.maxunicode, 0xFFFF))
        if unicodedata.category(chr(code))[0] in "PS"
    )
    return re.compile(rf"[{UNSPACED}]|[{marks}]|[^\s{marks}{UNSPACED}]+")


def words_of(text: str) -> list[str]:
    """Words and punctuation marks, in order; the case is kept.

    >>> words_of("It's 5 o'clock.")
    ['It', "'", 's', '5', 'o', "'", 'clock', '.']
    """
    return _pattern().findall(text)


class Vocabulary:
    """Symbols by number, from 0 in order of appearance; what is new is numbered on."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._known)

    def ids(self, symbols: Sequence[str]) -> list[int]:
        """The numbers of symbols."""
        known = self._known
        return [known.setdefault(symbol, len(known)) for symbol in symbols]


def joined(rows: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
    """Rows one after another, and the place of each number in its row, from 0."""
    flat = np.fromiter((i for row in rows for i in row), np.int64)
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return flat, np.arange(len(flat)) - starts
