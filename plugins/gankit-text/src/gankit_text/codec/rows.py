"""Items as rows of tokens, pairs included."""

from __future__ import annotations

from collections.abc import Sequence

from gankit_text.codec.tokens import SEPARATOR, Tokenizer
from gankit_text.data.items import Text


def rows_of(items: Sequence[Text], tokenizer: Tokenizer) -> list[list[int]]:
    """The tokens of each text; of a pair, both with a separator between them."""
    rows = tokenizer.encode_all([item.text for item in items])
    paired = [(i, item.pair) for i, item in enumerate(items) if item.pair is not None]
    seconds = tokenizer.encode_all([pair for _, pair in paired])
    for (i, _), second in zip(paired, seconds, strict=True):
        rows[i] = [*rows[i], SEPARATOR, *second]
    return rows


def texts_in(row: Sequence[int], tokenizer: Tokenizer) -> tuple[str, str | None]:
    """The text of a row of tokens, and the second one where there is a separator."""
    if SEPARATOR not in row:
        return tokenizer.decode(row), None
    at = list(row).index(SEPARATOR)
    return tokenizer.decode(row[:at]), tokenizer.decode(row[at + 1 :])
