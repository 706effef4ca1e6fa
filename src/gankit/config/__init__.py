"""Configuration: defaults < recipe < ``--config`` file < ``key=value``, validated with names."""

from gankit.config.recipes import Recipe, load_recipe, recipes
from gankit.config.resolution import MAY_CHANGE, Config, adjust, from_run, resolve
from gankit.config.schema import Setting, check_keys, completed, describe, sections, validate
from gankit.config.values import Table, as_toml, flatten, merge, nest, parse_overrides, read_toml

__all__ = [
    "MAY_CHANGE",
    "Config",
    "Recipe",
    "Setting",
    "Table",
    "adjust",
    "as_toml",
    "check_keys",
    "completed",
    "describe",
    "flatten",
    "from_run",
    "load_recipe",
    "merge",
    "nest",
    "parse_overrides",
    "read_toml",
    "recipes",
    "resolve",
    "sections",
    "validate",
]
