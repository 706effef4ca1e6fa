"""What a plugin states about itself, without importing anything heavy."""

from __future__ import annotations

from dataclasses import dataclass

PLUGIN_API = 2
"""The version of this contract. A plugin states the one it was written for."""
OLDEST_PLUGIN_API = 2
"""The oldest version that this gankit accepts."""


@dataclass(frozen=True)
class PluginInfo:
    """The record that a plugin yields from the hook ``gankit_modalities``."""

    name: str
    """The name after ``--plugin``."""
    summary: str
    """One line for ``gankit plugins list``."""
    target: str
    """Where the :class:`Modality` is defined, as ``"package.module:Class"``; imported on first
    use."""
    api: int = 1
    """The contract's version the plugin was written for; one that states none means the first."""
    suffixes: tuple[str, ...] = ()
    """File extensions that the modality reads, with the dot."""
    recipes: str = ""
    """The package that holds ``*.toml`` recipes, as ``"package.recipes"``."""
    default_recipe: str = "default"
    """The recipe used when the user names none."""
    data_recipe: str = ""
    """The recipe used when the user names none but passes data that none of the automatic recipes
    fits; ``default_recipe`` when empty."""
    recognises: str = ""
    """A :data:`Recognise` function, as ``"package.module:function"``, by which data finds its
    plugin; without one, the suffixes decide."""
