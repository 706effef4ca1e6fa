"""Checks of what a plugin states about itself."""

from __future__ import annotations

import dataclasses
import importlib
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from typing import Any

import tomli_w

from gankit import config as configuration
from gankit.contract import (
    ENTRY_POINT_GROUP,
    PLUGIN_API,
    Look,
    Modality,
    Recognised,
)
from gankit.errors import GankitError
from gankit.testing.checks.base import expect
from gankit.testing.subject import CheckFailed, Subject

HEAVY = ("torch", "numpy", "scipy", "pandas", "sklearn")
"""What a plugin's hook module must not import, since it is imported to list plugins."""

IMPORTED = """
import sys
path, heavy, *names = (argument.split("\\n") for argument in sys.argv[1:])
sys.path[:] = path
said, sys.stdout = sys.stdout, sys.stderr
for (name,) in names:
    __import__(name)
sys.stdout = said
print(*sorted({*heavy} & {*sys.modules}))
"""
"""Prints which of the modules in its second argument the import of the further ones brings."""


def light_import(s: Subject) -> None:
    """The module with the hooks imports nothing heavy."""
    points = entry_points(group=ENTRY_POINT_GROUP)
    own = [p.module for p in points if p.dist and p.dist.name == s.plugin.distribution]
    names = own or re.split("[.:]", s.info.target)[:1]
    words = [IMPORTED, "\n".join(sys.path), "\n".join(HEAVY), *names]
    done = subprocess.run([sys.executable, "-c", *words], capture_output=True, text=True)
    fix = "Let the hook module hold the hooks alone; gankit imports the modality on first use"
    last = done.stderr.strip().rpartition("\n")[2]
    expect(not done.returncode, f"the hook module cannot be imported: {last}", fix)
    expect(not done.stdout.split(), f"the hook module imports {done.stdout.strip()}", fix)


def info(s: Subject) -> None:
    """The plugin's record is valid."""
    info = s.info
    fits = re.fullmatch(r"[a-z][a-z0-9-]*", info.name)
    expect(fits, f"the name {info.name!r} is awkward to type", "Use a-z, 0-9 and hyphens")
    one_line = info.summary.strip() and "\n" not in info.summary
    expect(one_line, f"the summary is {info.summary!r}", "Describe the plugin in one line")
    fix = f"Port it to API {PLUGIN_API}, and state that"
    expect(info.api == PLUGIN_API, f"it was written for plugin API {info.api}", fix)
    odd = [x for x in info.suffixes if not re.fullmatch(r"\.[a-z0-9.]+", x)]
    expect(not odd, f"suffixes are {', '.join(odd)}", "Write them in lower case, with the dot")
    if info.recognises:
        _recognises(info.recognises)


def _recognises(where: str) -> None:
    module, _, name = where.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)(Look("a.b-c", "file", ["a.b-c"]))
    except Exception as error:
        fix = "Write package.module:function; it gets a Look"
        raise CheckFailed(f"recognises={where} fails on an unknown file: {error}", fix) from error
    fits = found is None or isinstance(found, Recognised)
    expect(fits, f"{where} gives {found!r}", "Give a Recognised, or None")


def target(s: Subject) -> None:
    """The record leads to the modality."""
    module, _, name = s.info.target.partition(":")
    fix = "Write package.module:Class"
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise CheckFailed(f"target={s.info.target} leads nowhere: {error}", fix) from None
    fits, fix = isinstance(found, type) and issubclass(found, Modality), "Derive it from Modality"
    expect(fits, f"{s.info.target} is not a gankit.contract.Modality", fix)


def recipes(s: Subject) -> None:
    """Every recipe loads, is described, and has valid settings; the default one exists."""
    known = {recipe.name: recipe for recipe in configuration.recipes(s.info)}
    default = s.info.default_recipe
    expect(default in known, f"there is no {default}.toml", "Add it, or set default_recipe")
    for name, recipe in known.items():
        described = recipe.about.get("summary")
        expect(described, f"recipe {name} has no summary", "Add one to its [recipe] table")
        try:
            configuration.resolve(s.info, s.modality.Settings, recipe=name)
        except GankitError as error:
            raise CheckFailed(f"recipe {name}: {error}", "Fix that line") from None


def settings(s: Subject) -> None:
    """Settings are frozen, have defaults and docstrings, and survive run.toml."""
    cls = s.modality.Settings
    frozen = dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    expect(frozen, f"{cls.__name__} can change", "Make it a @dataclass(frozen=True)")
    bare = [x.name for x in dataclasses.fields(cls) if _has_no_default(x)]
    expect(not bare, f"no default: {', '.join(bare)}", "Give every setting one")
    silent = [x.key for x in configuration.describe(cls) if not x.meaning]
    expect(not silent, f"undocumented: {', '.join(silent)}", "Put a docstring under each field")
    unknown = set(s.modality.sampling_settings) - {x.key for x in configuration.describe(cls)}
    expect(not unknown, f"adjustable, and no setting: {', '.join(unknown)}", "Name settings")
    table = tomllib.loads(tomli_w.dumps(s.config.as_table()))
    again = configuration.from_run(table, cls).differences(s.config)
    expect(not again, f"run.toml changes {', '.join(again)}", "Use types that TOML has, or None")


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING
