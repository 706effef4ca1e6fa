"""The settings of a command line: words, by other names too, and the options that set some."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from gankit.config import flatten, parse_overrides
from gankit.config.aliases import canonical_words
from gankit.config.budgets import with_limits
from gankit.errors import GankitError


def settings_words(
    words: Iterable[str], settings_type: type, *, seed: int | None = None, **limits: Any
) -> list[str]:
    """``key=value`` words with the settings that options stand for.

    Args:
        settings_type: the plugin's settings, whose names win over aliases.
        seed: ``--seed``.
        limits: ``time``, ``samples``, ``epochs`` and ``budget``, as they were typed.

    Raises:
        GankitError: something is set twice, or a limit is not understood.
    """
    own = {field.name for field in dataclasses.fields(settings_type)}
    found = with_limits(canonical_words(words, own), own=own, **limits)
    if seed is None:
        return found
    if "train.seed" in flatten(parse_overrides(found)):
        raise GankitError("--seed and train.seed set the same", "Use one of them")
    return [*found, f"train.seed={seed}"]
