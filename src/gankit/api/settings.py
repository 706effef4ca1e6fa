"""Settings as Python gives them: keywords and dotted names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gankit.config import Table
from gankit.config.aliases import canonical
from gankit.errors import GankitError


def as_table(*sources: Mapping[str, Any], own: Collection[str] = ()) -> Table:
    """Settings as one table; those that people know by other names, as ``lr``, under their own.

    Args:
        own: the plugin's settings.
        sources: each with dotted names (``optim.lr``), double underscores in place of the dots
            (``optim__lr``), or nested.

    Raises:
        GankitError: a setting is given twice.
    """
    table: Table = {}
    for source in sources:
        for key, value in source.items():
            _add(table, {canonical(key, own): value}, "")
    return table


def _add(table: Table, source: Mapping[str, Any], place: str) -> None:
    for key, value in source.items():
        *path, last = key.replace("__", ".").split(".")
        inner, name = table, f"{place}{key.replace('__', '.')}"
        for part in path:
            inner = inner.setdefault(part, {})
        if isinstance(value, Mapping) and last not in inner:
            inner[last] = {}
        if last in inner and not (isinstance(value, Mapping) and isinstance(inner[last], dict)):
            raise GankitError(f"{name} is given twice", "Give it once")
        if isinstance(value, Mapping):
            _add(inner[last], value, f"{name}.")
        else:
            inner[last] = value
