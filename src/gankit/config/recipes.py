"""Recipes: named sets of settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from gankit.config.values import (
    Table,
)
from gankit.contract import PluginInfo
from gankit.errors import GankitError, did_you_mean


@dataclass(frozen=True)
class Recipe:
    """A named set of values that gives a known result."""

    name: str
    about: Mapping[str, str]
    """summary, data, expect, hardware, time, source."""
    text: str
    values: Table


def recipes(info: PluginInfo) -> list[Recipe]:
    """A plugin's recipes, by name."""
    if not info.recipes:
        return [Recipe(info.default_recipe, {"summary": "the defaults"}, "", {})]
    found = []
    for file in resources.files(info.recipes).iterdir():
        if file.name.endswith(".toml"):
            text = file.read_text(encoding="utf-8")
            values = tomllib.loads(text)
            found.append(
                Recipe(file.name.removesuffix(".toml"), values.pop("recipe", {}), text, values)
            )
    return sorted(found, key=lambda r: (r.name != info.default_recipe, r.name))


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
