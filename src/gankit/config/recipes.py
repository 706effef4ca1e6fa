"""Recipes: named sets of settings, and what each is made for."""

from __future__ import annotations

import importlib.util
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from gankit.config.values import Table
from gankit.contract import PluginInfo
from gankit.errors import GankitError, did_you_mean

FOR_CHOICE = ("items", "few", "fewest", "needs", "install", "when")
"""What a recipe is chosen by, and is not shown as text."""


@dataclass(frozen=True)
class Recipe:
    """A named set of values that gives a known result."""

    name: str
    about: Mapping[str, str]
    """summary, data, expect, hardware, time, source; makes: what it generates, in a word or two."""
    text: str
    values: Table
    device: str = ""
    """``cpu`` or ``gpu``; empty for any."""
    items: tuple[int, float] = (0, math.inf)
    """The least and the most training items that it is made for."""
    automatic: bool = False
    """Whether it is taken for own data that it fits, where the user names none."""
    few: str = ""
    """What to do with fewer items, a sentence."""
    fewest: int = 0
    """Items below which it is refused: nothing can be learned from them."""
    needs: tuple[str, ...] = ()
    """Modules of an extra, without which it is not chosen automatically."""
    install: str = ""
    """How they are installed, as ``pip install 'gankit-image[efficientnet]'``."""
    when: tuple[str, ...] = ()
    """Settings, by their dotted names: where one is set it is chosen automatically, and nowhere
    else. Empty for a recipe that needs none."""

    @property
    def is_usable(self) -> bool:
        """Whether the modules that it needs are installed; none is imported."""
        return all(importlib.util.find_spec(name) is not None for name in self.needs)

    def made_for(self) -> str:
        """The items it is made for, as "300 items or more"; empty for any number."""
        low, high = self.items
        if math.isinf(high):
            return f"{low:,} items or more" if low else ""
        return f"{low:,} to {high:,.0f} items" if low else f"up to {high:,.0f} items"

    def as_dict(self) -> dict[str, Any]:
        """For JSON: all but the values."""
        low, high = self.items
        return {
            **self.about,
            "device": self.device or None,
            "items": [low, None if math.isinf(high) else int(high)],
            "automatic": self.automatic,
        }


def recipes(info: PluginInfo) -> list[Recipe]:
    """A plugin's recipes, by name, the default first.

    Raises:
        GankitError: what one states about itself is wrong.
    """
    if not info.recipes:
        return [Recipe(info.default_recipe, {"summary": "the defaults"}, "", {})]
    found = [
        _recipe(file.name.removesuffix(".toml"), file.read_text(encoding="utf-8"), info.name)
        for file in resources.files(info.recipes).iterdir()
        if file.name.endswith(".toml")
    ]
    return sorted(found, key=lambda r: (r.name != info.default_recipe, r.name))


def _recipe(name: str, text: str, plugin: str) -> Recipe:
    values = tomllib.loads(text)
    about = dict(values.pop("recipe", {}))
    where = f"plugin {plugin}, recipe {name}"
    device, automatic = about.pop("device", ""), about.pop("automatic", False)
    if device not in ("", "cpu", "gpu") or not isinstance(automatic, bool):
        raise GankitError(f"{where}: device is cpu or gpu, automatic true or false", "Fix its file")
    fewest, needs = about.get("fewest", 0), about.get("needs", [])
    if type(fewest) is not int or not (isinstance(needs, list) and all(map(_is_module, needs))):
        raise GankitError(f"{where}: fewest is a number, needs a list of modules", "Fix its file")
    when = about.get("when", [])
    if not (isinstance(when, list) and all(isinstance(key, str) for key in when)):
        raise GankitError(f"{where}: when is a list of settings", "Fix its file")
    return Recipe(
        name,
        {key: value for key, value in about.items() if key not in FOR_CHOICE},
        text,
        values,
        device,
        _items(about.get("items", []), where),
        automatic,
        about.get("few", ""),
        fewest,
        tuple(needs),
        about.get("install", ""),
        tuple(when),
    )


def _is_module(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()


def _items(given: Any, where: str) -> tuple[int, float]:
    numbers = isinstance(given, list) and all(type(n) is int and n >= 0 for n in given)
    if not numbers or len(given) > 2 or given != sorted(given):
        raise GankitError(f"{where}: items={given!r} is not [least] or [least, most]", "Fix it")
    return (given[0] if given else 0), (given[1] if len(given) == 2 else math.inf)


def load_recipe(info: PluginInfo, name: str) -> Recipe:
    """One recipe.

    Raises:
        GankitError: the plugin has none of that name.
    """
    known = {recipe.name: recipe for recipe in recipes(info)}
    if name not in known:
        raise GankitError(
            f"plugin {info.name} has no recipe {name!r}", did_you_mean(name, sorted(known))
        )
    return known[name]
