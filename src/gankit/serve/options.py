"""Sampling-time options of a plugin, for a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gankit import config as configuration
from gankit.contract import Modality


@dataclass(frozen=True)
class Option:
    """A setting that can be changed when sampling."""

    key: str
    meaning: str
    value: str
    """As the run was trained."""
    choices: tuple[str, ...] = ()
    """All values, where they are few; any text otherwise."""


def options_of(modality: Modality[Any], trained: Mapping[str, Any]) -> list[Option]:
    """The modality's ``sampling_settings``, with the values of a run."""
    described = {one.key: one for one in configuration.describe(modality.Settings)}
    found = []
    for key in modality.sampling_settings:
        about = described[key]
        choices = tuple(part.strip() for part in about.type.split("|"))
        value = trained.get(key, about.default)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        found.append(Option(key, about.meaning, text, choices if len(choices) > 1 else ()))
    return found
