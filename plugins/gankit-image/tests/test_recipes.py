"""Recipes are complete, use settings that exist, and their networks can be built."""

from __future__ import annotations

import dataclasses
import tomllib
from importlib import resources
from typing import Any

import pytest
import torch

from gankit.config import validate
from gankit.contract import Categorical, Condition, Layout
from gankit_image.networks import build_networks
from gankit_image.settings import ImageSettings

ABOUT = {"summary", "data", "expect", "hardware", "time", "source"}
CHOICE = {"makes", "device", "items", "automatic", "few", "fewest", "needs", "install"}
"""What a recipe is chosen by; optional."""
SECTIONS = {
    "train": {"samples", "batch", "burn_in", "precision", "channels_last", "threads", "seed"},
    "loss": {"objective", "penalty_form", "penalty_share"},
    "penalty": {"gamma"},
    "optim": {"lr", "beta1", "beta2"},
    "ema": {"half_life"},
    "augment": {"p", "target", "speed"},
}
"""The engine's settings that recipes of this plugin use."""

RECIPES: dict[str, dict[str, Any]] = {
    file.name.removesuffix(".toml"): tomllib.loads(file.read_text(encoding="utf-8"))
    for file in resources.files("gankit_image.recipes").iterdir()
    if file.name.endswith(".toml")
}


def own_settings(recipe: dict[str, Any]) -> ImageSettings:
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v
        for k, v in recipe.items()
        if not isinstance(v, dict)
    }
    found: ImageSettings = validate(ImageSettings, values)
    return found


def test_the_documented_recipes_exist() -> None:
    assert set(RECIPES) == {
        "digits",
        "textbook",
        "dcgan",
        "r3gan-cifar10",
        "r3gan-64",
        "r3gan-256",
        "stacked-mnist",
        "small-data",
        "cpu",
        "cpu-few",
        "mnist",
        "few",
        "vit",
    }


@pytest.mark.parametrize("name", RECIPES)
def test_describes_itself(name: str) -> None:
    about = RECIPES[name]["recipe"]
    assert set(about) >= ABOUT
    assert set(about) <= ABOUT | CHOICE
    assert all(isinstance(about[key], str) and about[key].strip() for key in ABOUT)
    # Results are published or measured, or there are none.
    assert any(word in about["expect"] for word in ("published", "measured"))


@pytest.mark.parametrize("name", RECIPES)
def test_settings_exist(name: str) -> None:
    recipe = RECIPES[name]
    own = {key for key, value in recipe.items() if not isinstance(value, dict)}
    assert own <= {f.name for f in dataclasses.fields(ImageSettings)}
    tables = {k: v for k, v in recipe.items() if isinstance(v, dict) and k != "recipe"}
    for section, values in tables.items():
        assert set(values) <= SECTIONS[section]
    moving = [
        value for values in tables.values() for value in values.values() if isinstance(value, list)
    ]
    assert all(len(value) == 2 for value in moving)
    assert bool(moving) == ("burn_in" in recipe["train"])
    assert recipe["train"].get("burn_in", 0) <= recipe["train"]["samples"]


@pytest.mark.parametrize("name", RECIPES)
def test_builds_its_networks(name: str) -> None:
    settings = own_settings(RECIPES[name])
    side = 8 if settings.resolution == "auto" else int(settings.resolution)
    channels = 3 if settings.mode == "RGB" else 1
    condition = None
    if settings.conditional is not False:
        condition = Condition((Categorical("label", tuple("0123456789")),))
    with torch.device("meta"):
        networks = build_networks(Layout((channels, side, side), condition), settings)
    assert networks.latent_dim == settings.latent
    assert (networks.augment_input is None) == (not settings.augmentations)


def test_published_sizes() -> None:
    """Generators of the paper's table, in millions."""
    sizes = {
        "stacked-mnist": 20.73,
        "r3gan-cifar10": 20.78,
        "r3gan-64": 22.43,
        "r3gan-256": 23.06,
    }
    for name, millions in sizes.items():
        settings = own_settings(RECIPES[name])
        side = int(settings.resolution)
        condition = Condition((Categorical("label", tuple("0123456789")),))
        layout = Layout((3, side, side), condition if settings.conditional is True else None)
        with torch.device("meta"):
            generator = build_networks(layout, settings).generator
        assert round(sum(p.numel() for p in generator.parameters()) / 1e6, 2) == millions
