"""The plugin's record, and its recipes."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module, resources
from importlib.resources.abc import Traversable

import pytest

import gankit_toy
from gankit.config import validate
from gankit.contract import PLUGIN_API
from gankit_toy.modality import ToyModality, ToySettings

(INFO,) = gankit_toy.gankit_modalities()
RECIPES = [f for f in resources.files(INFO.recipes).iterdir() if f.name.endswith(".toml")]


def test_the_record_points_to_the_modality() -> None:
    module, _, name = INFO.target.partition(":")
    assert getattr(import_module(module), name) is ToyModality
    assert INFO.api == PLUGIN_API
    assert f"{INFO.default_recipe}.toml" in [file.name for file in RECIPES]


def test_the_record_imports_nothing_heavy() -> None:
    code = (
        "import sys, gankit_toy; list(gankit_toy.gankit_modalities());"
        "assert not {'torch', 'numpy', 'PIL'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.name)
def test_recipes_are_complete_and_their_settings_valid(file: Traversable) -> None:
    table = tomllib.loads(file.read_text())
    assert set(table["recipe"]) - {"makes"} == {
        "summary",
        "data",
        "expect",
        "hardware",
        "time",
        "source",
    }
    assert all(table["recipe"].values())
    validate(ToySettings, {k: v for k, v in table.items() if not isinstance(v, dict)})


def test_the_saturating_recipe_differs_only_in_its_loss() -> None:
    good, bad = (
        tomllib.loads((resources.files(INFO.recipes) / f"{name}.toml").read_text())
        for name in ("grid25", "saturating")
    )
    assert bad.pop("loss") == {"objective": "saturating"} != good.pop("loss")
    assert bad.pop("penalty") == {"gamma": 0} != good.pop("penalty")
    del good["recipe"], bad["recipe"]
    assert good == bad
