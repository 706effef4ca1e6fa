"""``--child``: further sources, whose records belong to those of the data.

``--child PATH on=KEY`` stands for an entry ``"PATH on KEY"`` of a plugin's setting ``children``.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from gankit.errors import GankitError

SETTING, ON = "children", "on="


def with_children(
    words: Sequence[str],
    children: Sequence[str],
    data: str | None,
    settings_type: type,
    plugin: str = "",
) -> list[str]:
    """``key=value`` words with the setting that ``--child`` and the words ``on=`` stand for.

    Args:
        children: in the order in which they were given; the n-th word ``on=`` belongs to the n-th.
        data: the data as it was typed.
        settings_type: the plugin's.
        plugin: its name, for messages; empty if that is unknown.

    Raises:
        GankitError: the plugin reads one source, or the words do not match.
    """
    able = SETTING in {field.name for field in dataclasses.fields(settings_type)}
    keys = [word.removeprefix(ON).strip() for word in words if word.startswith(ON)]
    if not children:
        if able and keys:
            raise GankitError(
                f"{ON}{keys[0]} has no meaning without --child", f"Add --child PATH {ON}{keys[0]}"
            )
        return [*words]
    if not able:
        name = f"plugin {plugin}" if plugin else "the plugin"
        raise GankitError(f"{name} reads one source of data, without --child", "Leave it out")
    if any(word.partition("=")[0].strip() == SETTING for word in words):
        raise GankitError(f"--child and {SETTING} set the same", "Use one of them")
    if len(keys) < len(children) or "" in keys:
        bare = children[min(len(keys), len(children) - 1)]
        raise GankitError(
            f"--child {bare} has no {ON}: what it belongs to is not known",
            f"Write --child {bare} {ON}KEY, with the name that has the key of what it belongs to",
        )
    if len(keys) > len(children):
        raise GankitError(
            f"{ON}{keys[len(children)]} belongs to no --child: there are {len(children)}",
            "Write one for each --child",
        )
    from gankit.config import as_toml

    entries = [
        f"{_beside(child, data)} on {key}" for child, key in zip(children, keys, strict=True)
    ]
    return [*(w for w in words if not w.startswith(ON)), f"{SETTING}={as_toml(entries)}"]


def _beside(child: str, data: str | None) -> str:
    """A path as seen from the folder of the data, so that both can be moved together; anything
    else, such as a query, as it is."""
    from gankit.config.paths import absolute, expanded

    here, place = absolute(child), absolute(data)
    if here is None or place is None:
        return expanded(child)
    folder = place if os.path.isdir(place) else os.path.dirname(place)
    try:
        return os.path.relpath(here, folder)
    except ValueError:  # on another drive
        return here
