"""Which plugin trains on some data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gankit.errors import GankitError
from gankit.plugins.registry import installed


@dataclass(frozen=True)
class Chosen:
    """A plugin for some data."""

    plugin: str
    reason: str


def choose_plugin(data: str) -> Chosen:
    """The plugin whose kind of data this is, by its ending.

    Raises:
        GankitError: no plugin reads it, or several do.
    """
    suffix = Path(data).suffix.lower()
    found = [name for name, info in installed().infos().items() if suffix in info.suffixes]
    if len(found) != 1:
        raise GankitError(f"{data}: no one plugin reads it", "Name the plugin")
    return Chosen(found[0], f"it reads {suffix}")
