"""Items as rows of tokens, both texts of a pair one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gankit_text.codec.tokens import END, SEPARATOR, Tokenizer
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings

MOST_LEARNED_FROM = 200_000
"""Texts that the tokens are learned from, evenly spaced."""


def tokenizer_for(items: Sequence[Text], settings: TextSettings) -> Tokenizer:
    """The tokens of these items."""
    some = items[:: -(-len(items) // MOST_LEARNED_FROM) or 1]
    texts = [item.text for item in some]
    texts += [item.pair for item in some if item.pair is not None]
    return Tokenizer.fit(texts, settings.tokens, settings.vocabulary)


def rows_of(items: Sequence[Text], tokenizer: Tokenizer) -> list[list[int]]:
    """Numbers of each item's tokens: the text, of a pair :data:`SEPARATOR` and the second text,
    and :data:`END`."""
    rows = tokenizer.encode_all([item.text for item in items])
    pairs = [i for i, item in enumerate(items) if item.pair is not None]
    seconds = tokenizer.encode_all([items[i].pair or "" for i in pairs])
    for i, second in zip(pairs, seconds, strict=True):
        rows[i] = [*rows[i], SEPARATOR, *second]
    return [[*row, END] for row in rows]


def lengths_of(items: Sequence[Text], tokenizer: Tokenizer) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Tokens of each item, without the end."""
    return np.array([len(row) - 1 for row in rows_of(items, tokenizer)], np.int64)


def text_of(row: Sequence[int], tokenizer: Tokenizer) -> tuple[str, str | None]:
    """The text of a row up to its end, and the second one of a pair."""
    numbers = list(row)
    if END in numbers:
        numbers = numbers[: numbers.index(END)]
    if SEPARATOR not in numbers:
        return tokenizer.decode(numbers), None
    at = numbers.index(SEPARATOR)
    return tokenizer.decode(numbers[:at]), tokenizer.decode(numbers[at + 1 :])
