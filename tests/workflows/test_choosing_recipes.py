"""Which recipe trains on what, where."""

from __future__ import annotations

import itertools
import sys

import pytest

from gankit.config import load_recipe
from gankit.contract import PluginInfo
from gankit.errors import GankitError
from gankit.workflows import choosing_recipes
from gankit.workflows.choosing_recipes import choose_recipe, made_for, too_few

NUMBERS = itertools.count()
RECIPES = {
    "default": "",
    "small": 'device = "gpu"\nautomatic = true\nitems = [200, 20000]\nfew = "take more pictures"',
    "large": 'device = "gpu"\nautomatic = true\nitems = [20001]',
    "slow": 'device = "cpu"\nautomatic = true\nitems = [100]',
    "other": "items = [1]",
}


@pytest.fixture
def dots(tmp_path, monkeypatch):
    """A plugin with such recipes; without arguments, those above."""

    def plugin(recipes=RECIPES, **given):
        package = f"recipes_of_tests_{next(NUMBERS)}"
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        for name, about in recipes.items():
            (tmp_path / package / f"{name}.toml").write_text(f"[recipe]\n{about}\n")
        monkeypatch.syspath_prepend(tmp_path)
        sys.modules.pop(package, None)
        return PluginInfo("dots", "", "", recipes=package, **given)

    return plugin


@pytest.fixture
def on(monkeypatch):
    def device(kind):
        monkeypatch.setattr(choosing_recipes, "_device", lambda name: kind)

    return device


@pytest.mark.parametrize(
    ("kind", "items", "recipe", "reason"),
    [
        ("cpu", 500, "slow", "no GPU here; --recipe small for a GPU"),
        ("gpu", 500, "small", "a GPU is here; --recipe slow for a CPU; about 500 items; made for"),
        ("gpu", 50_000, "large", "made for 20,001 items or more"),
        ("gpu", 10, "small", "about 10 items; made for 200 to 20,000 items"),
        ("gpu", None, "large", "a GPU is here"),
    ],
)
def test_device_and_size_decide(dots, on, kind, items, recipe, reason):
    on(kind)
    chosen = choose_recipe(dots(), "auto", lambda: items)
    assert chosen.recipe == recipe
    assert reason in chosen.reason


def test_a_named_device_is_the_reason(dots, on):
    on("cpu")
    assert "--device cpu; " in choose_recipe(dots(), "cpu", lambda: 500).reason


def test_items_are_not_counted_where_they_decide_nothing(dots, on):
    on("cpu")
    for about in ("", "automatic = true"):
        choose_recipe(dots({"default": about}), "auto", lambda: pytest.fail("counted"))


def test_without_automatic_recipes_the_plugin_decides(dots):
    recipes = {"default": "", "own": ""}
    assert choose_recipe(dots(recipes), "auto").recipe == "default"
    assert choose_recipe(dots(recipes, data_recipe="own"), "auto").recipe == "own"


def test_without_one_for_the_device_too(dots, on):
    on("cpu")
    only = {"default": "", "fast": 'device = "gpu"\nautomatic = true'}
    assert choose_recipe(dots(only), "auto").recipe == "default"


@pytest.mark.parametrize(
    ("given", "recipe", "reason"),
    [
        ({}, "default", "the default for own data"),
        ({"sequence.entity": "", "children": []}, "default", "the default for own data"),
        ({"sequence.entity": "machine"}, "special", "for sequence.entity"),
        ({"children": ["a"], "rate": 1}, "special", "for children"),
    ],
)
def test_a_setting_decides(dots, given, recipe, reason):
    when = 'automatic = true\nwhen = ["sequence.entity", "children"]'
    plugin = dots({"default": "automatic = true", "special": when})
    chosen = choose_recipe(plugin, "auto", given=given)
    assert (chosen.recipe, chosen.reason) == (recipe, reason)
    with pytest.raises(GankitError, match="when is a list of settings"):
        choose_recipe(dots({"default": 'when = "children"'}), "auto")


def test_the_recipe_of_a_device(dots):
    assert made_for(dots(), "cpu", "large") == "slow"
    assert made_for(dots(), "cpu", "slow") == ""
    assert made_for(dots(), "cuda", "slow") == "large"


def test_fewer_items_than_a_recipe_is_made_for(dots):
    warning = too_few(dots(), "small", 40)
    assert warning == "40 items, and dots/small is made for 200 or more: take more pictures"
    assert too_few(dots(), "small", 200) == ""
    assert "less variety" in too_few(dots(), "slow", 3)


def test_far_too_few_items_are_refused(dots):
    plugin = dots({"few": "items = [100]\nfewest = 10"})
    assert "made for 100" in too_few(plugin, "few", 10)
    with pytest.raises(GankitError, match=r"9 items, and dots/few needs 10 or more\. It is made"):
        too_few(plugin, "few", 9)


@pytest.mark.parametrize(("module", "chosen"), [("json", "best"), ("no_such_module_x", "good")])
def test_a_recipe_whose_extra_is_missing_is_not_chosen_but_named(dots, on, module, chosen):
    on("gpu")
    same = 'device = "gpu"\nautomatic = true'
    needs = f'needs = ["{module}"]\ninstall = "pip install \'dots[more]\'"'
    found = choose_recipe(dots({"best": f"{same}\n{needs}", "good": same}), "auto")
    assert found.recipe == chosen
    said = "--recipe best after pip install 'dots[more]'"
    assert (said in found.reason) == (chosen == "good")


@pytest.mark.parametrize(
    "about",
    [
        *('needs = "json"', 'needs = ["a b"]', 'fewest = "ten"'),
        *('items = 3', "items = [5, 2]", "items = [1, 2, 3]", 'device = "tpu"', "automatic = 1"),
    ],
)  # fmt: skip
def test_a_recipe_that_states_nonsense(dots, about):
    with pytest.raises(GankitError, match="plugin dots, recipe default: "):
        load_recipe(dots({"default": about}), "default")


def test_what_a_recipe_states_as_json(dots):
    assert load_recipe(dots(), "small").as_dict() == {
        "device": "gpu",
        "items": [200, 20000],
        "automatic": True,
    }
    assert load_recipe(dots(), "large").as_dict()["items"] == [20001, None]
