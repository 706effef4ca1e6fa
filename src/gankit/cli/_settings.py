"""The settings of a command line: words, by other names too, and the options that set some."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from gankit.config import as_toml, flatten, parse_overrides
from gankit.config.aliases import canonical_words
from gankit.config.budgets import with_limits
from gankit.config.consent import cleaned
from gankit.errors import GankitError


def settings_words(
    words: Iterable[str],
    settings_type: type,
    *,
    seed: int | None = None,
    consent: str | None = None,
    **limits: Any,
) -> list[str]:
    """``key=value`` words with the settings that options stand for.

    Args:
        settings_type: the plugin's settings, whose names win over aliases.
        seed: ``--seed``.
        consent: ``--consent``.
        limits: ``time``, ``samples``, ``epochs`` and ``budget``, as they were typed.

    Raises:
        GankitError: something is set twice, or a limit is not understood.
    """
    own = {field.name for field in dataclasses.fields(settings_type)}
    found = with_limits(canonical_words(words, own), own=own, **limits)
    there = flatten(parse_overrides(found))
    options = {"train.seed": seed, "data.consent": consent and as_toml(cleaned(consent))}
    for key, value in options.items():
        if value is None:
            continue
        if key in there:
            option = f"--{key.partition('.')[2]}"
            raise GankitError(f"{option} and {key} set the same", "Use one of them")
        found.append(f"{key}={value}")
    return found
