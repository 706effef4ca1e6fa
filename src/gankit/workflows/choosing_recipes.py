"""Which recipe trains on own data: by the device and the number of items, if none is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gankit.config import Recipe, load_recipe, recipes
from gankit.contract import PluginInfo
from gankit.errors import GankitError

DEFAULT = "the default for own data"
"""The reason where there is nothing to choose from."""


@dataclass(frozen=True)
class ChosenRecipe:
    """A recipe for some data."""

    recipe: str
    reason: str


def choose_recipe(
    info: PluginInfo,
    device: str,
    count: Callable[[], int | None] = lambda: None,
    given: Mapping[str, object] | None = None,
) -> ChosenRecipe:
    """The recipe for data of the user's own.

    The first automatic recipe whose extra is installed and that fits the device and the number of
    items; with fewer items than each is made for, the one that needs fewest. Without one for the
    device, ``PluginInfo.data_recipe``. Recipes for a setting are considered where it is set, and
    then no others.

    Args:
        device: as after ``--device``.
        count: gives about how many items there are, or None; called only if that decides.
        given: the settings that are given, by their dotted names.

    Raises:
        GankitError: the device cannot be used.
    """
    automatic = [recipe for recipe in recipes(info) if recipe.automatic]
    set_ = {key for key, value in (given or {}).items() if value}
    special = [recipe for recipe in automatic if set_ & set(recipe.when)]
    automatic = special or [recipe for recipe in automatic if not recipe.when]
    known = [recipe for recipe in automatic if recipe.is_usable]
    if not known:
        return ChosenRecipe(info.data_recipe or info.default_recipe, DEFAULT)
    place = _device(device) if any(recipe.device for recipe in known) else ""
    fitting = [recipe for recipe in known if recipe.device in ("", place)]
    if not fitting:
        name = info.data_recipe or info.default_recipe
        return ChosenRecipe(name, f"none is made for {_called(place)}")
    items = count() if any(recipe.made_for() for recipe in known) else None
    chosen = _by_items(fitting, items)
    others = [r for r in known if r.device not in ("", place) and _fits(r, items)]
    reasons = [f"for {key}" for key in chosen.when if key in set_][:1]
    if chosen.device:
        reasons.append(_called(place) if device == "auto" else f"--device {device}")
        reasons += [f"--recipe {r.name} for a {r.device.upper()}" for r in others[:1]]
    if items is not None and len(fitting) > 1 and chosen.made_for():
        reasons.append(f"about {items:,} items; made for {chosen.made_for()}")
    better = _by_items([r for r in automatic if r.device in ("", place)], items)
    if not better.is_usable:
        reasons.append(f"--recipe {better.name} after {better.install}")
    return ChosenRecipe(chosen.name, "; ".join(reasons) or DEFAULT)


def made_for(info: PluginInfo, device: str, besides: str) -> str:
    """The first automatic recipe made for the kind of a device; empty for none but ``besides``.

    Args:
        device: its name in PyTorch.
    """
    kind = "cpu" if device == "cpu" else "gpu"
    able = [r for r in recipes(info) if r.automatic and r.is_usable and not r.when]
    fitting = [r.name for r in able if r.device == kind]
    return "" if besides in fitting else next(iter(fitting), "")


def too_few(info: PluginInfo, recipe: str, items: int) -> str:
    """The warning for fewer training items than a recipe is made for; empty for enough.

    Raises:
        GankitError: fewer than it can do anything with.
    """
    made = load_recipe(info, recipe)
    low = made.items[0]
    if items < made.fewest:
        raise GankitError(
            f"{items:,} items, and {info.name}/{recipe} needs {made.fewest:,} or more",
            f"It is made for {low:,} or more: add some",
        )
    if items >= low:
        return ""
    remedy = made.few or "expect less variety, and copies of training items"
    return f"{items:,} items, and {info.name}/{recipe} is made for {low:,} or more: {remedy}"


def _by_items(fitting: list[Recipe], items: int | None) -> Recipe:
    """The first that fits, or else the one that needs fewest, or that takes most."""
    fewest = min(fitting, key=lambda recipe: recipe.items[0])
    few = items is not None and items < fewest.items[0]
    nearest = fewest if few else max(fitting, key=lambda recipe: recipe.items[1])
    return next((recipe for recipe in fitting if _fits(recipe, items)), nearest)


def _fits(recipe: Recipe, items: int | None) -> bool:
    return items is None or recipe.items[0] <= items <= recipe.items[1]


def _called(place: str) -> str:
    return "no GPU here" if place == "cpu" else "a GPU is here"


def _device(name: str) -> str:
    from gankit.engine.devices import choose_device

    return "cpu" if choose_device(name).type == "cpu" else "gpu"
