"""Words that are no options: data, and settings."""

from __future__ import annotations

import os
from collections.abc import Iterable

from gankit.errors import GankitError

DATA_AND_SETTINGS = "[DATA] [KEY=VALUE]..."
"""The metavar of words that may hold data."""


def divided(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Words that are data, and settings: what exists is data, whatever its name."""
    from gankit.config.paths import expanded
    from gankit.workflows.choosing import is_address

    data: list[str] = []
    settings: list[str] = []
    for word in words:
        there = os.path.lexists(expanded(word))
        (data if there or "=" not in word or is_address(word) else settings).append(word)
    return data, settings


def data_and_settings(words: Iterable[str], option: str | None) -> tuple[str | None, list[str]]:
    """The data, if there are any, and the settings.

    Args:
        option: what ``--data`` gives.

    Raises:
        GankitError: data are given twice, or a word is neither.
    """
    from gankit.plugins.registry import installed
    from gankit.workflows.choosing import is_address

    data, settings = divided(words)
    for word in data:
        name = word.partition("/")[0]
        if name in installed().infos() and not os.path.lexists(word):
            raise GankitError(f"{word}: no such file or folder", f"Did you mean --plugin {word}?")
    missing = [w for w in data if not (os.path.lexists(w) or is_address(w) or w == "-")]
    if len(data) > 1 and missing:
        word = missing[0]
        raise GankitError(
            f"{word}: no such file or folder",
            f"A setting is written KEY=VALUE, as one word: {word}=…",
        )
    if len(data) > 1:
        raise GankitError(
            f"{' and '.join(data[:3])} are {len(data)} sources of data",
            "Give one; put files that belong together into a folder",
        )
    if data and option is not None:
        raise GankitError(f"{data[0]} and --data {option} both give the data", "Use one of them")
    return (data[0] if data else option), settings
