"""Identifiers: the pattern of a text, and new texts of the same pattern."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LETTERS = {
    "9": "0123456789",
    "a": "abcdefghijklmnopqrstuvwxyz",
    "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
"""The characters that a pattern's character stands for."""


def pattern(text: str) -> str:
    """A text's pattern: 9 for a digit, a and A for letters, other characters unchanged."""
    found = [
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text
    ]
    return "".join(found)[:64]


def synthetic_identifier(patterns: Sequence[str], u: float) -> str:
    """A random text of one of the patterns: letters and digits are drawn, none is copied."""
    rng = np.random.default_rng(int(u * 2**53))
    chosen = patterns[int(rng.integers(len(patterns)))] if patterns else "99999999"
    return "".join(
        LETTERS[c][int(rng.integers(len(LETTERS[c])))] if c in LETTERS else c for c in chosen
    )
