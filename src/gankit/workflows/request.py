"""What to train: plugin, recipe and settings, as the user named them or chosen by the data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gankit import config as configuration
from gankit.config import Config, Table
from gankit.config.paths import from_text
from gankit.config.recipes import recipes
from gankit.errors import GankitError
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import installed
from gankit.runs.directory import CONFIG, Run
from gankit.workflows.choosing import choose_plugin, count_items
from gankit.workflows.choosing_recipes import DEFAULT, choose_recipe
from gankit.workflows.data import IN_MEMORY
from gankit.workflows.transfer import check_plugin, network_settings, refuse_itself

if TYPE_CHECKING:
    from gankit.engine.parallel import ParallelContext


@dataclass(frozen=True)
class Request:
    """What to train."""

    loaded: LoadedModality
    config: Config
    plugin: str
    """Its name, and why it was chosen where nobody named it."""
    recipe: str
    """Likewise."""
    choices: Sequence[tuple[str, str]]
    """What was chosen, and which for what reasons."""
    existing: Run | None
    """The run that is resumed."""


def request(
    plugin: str,
    recipe: str | None,
    data: str | None,
    words: Callable[[type], Sequence[str]],
    *,
    config: Table | None = None,
    table: Callable[[type], Table] = lambda known: {},
    out: Path | None = None,
    device: str = "auto",
    count: Callable[[], int | None] | None = None,
    start: Path | None = None,
) -> Request:
    """Resolves what was named, and chooses what was not.

    Args:
        plugin: a name, or ``name/recipe``; empty to choose one.
        data: a path or an address; ``IN_MEMORY`` for an object; None for built-in data.
        words: settings, given the type of the plugin's.
        config: a ``run.toml``, which may name plugin, recipe and data.
        table: more settings, likewise; they win over those of ``config``.
        out: the run directory; a run that is there is resumed, and has chosen before.
        count: the number of items of data in memory.
        start: the run whose weights training starts from. It also gives the plugin and the settings
            of its networks and, where it is no copied model, the recipe, as far as they are not
            named.

    Raises:
        GankitError: for whatever the user can fix.
    """
    name, _, inline = plugin.partition("/")
    if recipe and inline and recipe.removeprefix(f"{name}/") != inline:
        raise GankitError(
            f"plugin {plugin} and recipe {recipe} name two recipes", "Leave out one of them"
        )
    existing = Run(out) if out is not None and (out / CONFIG).is_file() else None
    if existing is not None and config is None and not (plugin or recipe):
        config = existing.table  # only the directory is given: resume with its own settings
    source, inherited, started = None, dict[str, object](), dict[str, object]()
    if start is not None:
        refuse_itself(start, out)
        source = Run(start)
        name = name or (config or {}).get("run", {}).get("plugin") or source.plugin.info.name
        check_plugin(start, source.plugin.info.name, installed().modality(name))
    before, path = (config or {}).get("run", {}), None
    if data is None:
        data, path = before.get("data"), from_text(before.get("data_path"))
    name = name or before.get("plugin", "") or (recipe or "").rpartition("/")[0]
    if existing is not None and data is None and not name:
        ours = existing.table["run"]
        name, data, path = ours["plugin"], ours.get("data"), from_text(ours.get("data_path"))
    said, choices = [name, ""], list[tuple[str, str]]()
    if not name:
        found = None if data is None or data == IN_MEMORY else choose_plugin(data)
        if found is None:
            raise _nothing(sorted(installed().infos()), data)
        name, said[0] = found.plugin, f"{found.plugin} ({found.reason})"
        choices.append(("plugin", said[0]))
    loaded = installed().modality(name)
    named = (recipe or inline or before.get("recipe", "")).removeprefix(f"{name}/")
    if not named and existing is not None and existing.table["run"]["plugin"] == name:
        named = existing.table["run"]["recipe"]  # it may fit another device: never chosen twice
    if source is not None and start is not None:
        place = os.path.abspath(start)
        if existing is not None and existing.table.get("transfer", {}).get("run") == place:
            keys = loaded.modality.network_settings
            inherited = {k: existing.table[k] for k in keys if k in existing.table}
        elif not named:
            inherited = network_settings(source, loaded)
        its = source.table.get("run", {}).get("recipe")
        its = its if source.plugin.info.name == name else None  # recipes of another plugin
        if not named and its in [known.name for known in recipes(loaded.info)]:
            named, said[1] = its, f"{name}/{its} (of {start})"
            choices.append(("recipe", said[1]))
        started = {"transfer.run": place}  # also where a configuration states another start
    if not named and data is not None:
        given = data
        count = count or (lambda: count_items(given, loaded.info))
        known = loaded.modality.Settings
        layers = (config or {}, table(known), configuration.parse_overrides(words(known)))
        settings = {k: v for layer in layers for k, v in configuration.flatten(layer).items()}
        of_data = choose_recipe(loaded.info, device, count, settings)
        named, said[1] = of_data.recipe, f"{name}/{of_data.recipe} ({of_data.reason})"
        choices += [("recipe", said[1])] if choices or of_data.reason != DEFAULT else []
    settings_type = loaded.modality.Settings
    resolved = configuration.resolve(
        loaded.info,
        settings_type,
        recipe=named or None,
        files=[inherited, config or {}, table(settings_type), started],
        overrides=words(settings_type),
        data=data,
        data_path=path,
    )
    recipe = said[1] or f"{name}/{resolved.recipe}"
    return Request(loaded, resolved, said[0], recipe, choices, existing)


def of_main(parallel: ParallelContext, requested: Callable[[], Request]) -> Request:
    """The main process's request, in all of them: data and devices may differ between machines,
    and the others need not see the run's directory.

    Raises:
        GankitError: as for :func:`request`.
    """
    what = None
    with parallel.together():
        if parallel.is_main:
            what = requested()
    if parallel.size == 1 and what is not None:
        return what
    its = what and what.config
    table, *data = parallel.from_main(its and [its.as_table(), its.data, its.data_path])
    with parallel.together():
        if what is None:
            loaded = installed().modality(table["run"]["plugin"])
            config = configuration.from_run(table, loaded.modality.Settings)
            # A table has no credentials, which an address needs.
            config = replace(config, data=data[0], data_path=data[1])
            what = Request(loaded, config, loaded.info.name, config.recipe, (), None)
    return what


def _nothing(known: Sequence[str], data: str | None) -> GankitError:
    if not known:
        return GankitError("no plugin is installed", "Install one, e.g. pip install gankit-image")
    if data is not None:
        return GankitError("no plugin given for data in memory", f"Name one: {', '.join(known)}")
    return GankitError(
        "no data and no plugin given",
        "Train on your own data with `gankit train DATA`, or on a plugin's built-in data with "
        f"--plugin NAME ({', '.join(known)})",
    )
