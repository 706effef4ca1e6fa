"""Words of a command line."""

from __future__ import annotations

import re
from collections.abc import Iterable

VALUED = ("--budget", "--time", "--samples", "--epochs", "--metrics", "--seed", "-n")
"""Options whose value may be a word of its own."""
LIMITS = ("train.samples", "train.time", "train.epochs")
"""What these set."""
REPEATED = ("--where", "on")


def once(*words: object) -> list[str]:
    """The words with each setting and option given once, the last one: ``once(*SMALL, "x=2")``. A
    command refuses what is given twice, and tests share most words.
    """
    units: dict[str, list[str]] = {}
    rest: Iterable[str] = iter([str(word) for word in words])
    for i, word in enumerate(rest):
        found = re.match(r"[a-z][\w.]*(?==)|--[a-z-]+(?==)", word)
        key, unit = (found[0], [word]) if found else (f"word {i}", [word])
        if word in VALUED:
            key, unit = word, [word, next(iter(rest))]
        units[f"{key} {i}" if key in REPEATED else key] = unit
    if limited := {"--budget", "--time", "--samples", "--epochs"} & units.keys():
        other = LIMITS if limited == {"--budget"} else (*LIMITS, "--budget")
        units = {key: unit for key, unit in units.items() if key not in other}
    return [word for unit in units.values() for word in unit]
