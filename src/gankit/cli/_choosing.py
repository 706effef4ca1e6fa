"""What a command line asks to train: plugin, recipe and settings, named or chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gankit.errors import GankitError

if TYPE_CHECKING:
    from gankit.config import Config
    from gankit.plugins.records import LoadedModality
    from gankit.runs.directory import Run


@dataclass(frozen=True)
class Asked:
    """What to train."""

    loaded: LoadedModality
    config: Config
    plugin: str
    """Its name, and why it was chosen where nobody named it."""
    recipe: str
    """Likewise."""
    choices: Sequence[str]
    """What was chosen for reasons, a line each."""


def asked(
    plugin: str,
    recipe: str | None,
    data: str | None,
    config: Path | None,
    words: Callable[[type], Sequence[str]],
    existing: Run | None,
    device: str,
) -> Asked:
    """Resolves what was asked, and chooses what was not.

    Args:
        plugin: as after ``--plugin``: a name, or ``name/recipe``.
        words: settings, given the type of the plugin's.
        existing: the run to resume, which has chosen before.

    Raises:
        GankitError: for whatever the user can fix.
    """
    from gankit import config as configuration
    from gankit.config.paths import from_text
    from gankit.plugins.registry import installed
    from gankit.workflows.choosing import choose_plugin, count_items
    from gankit.workflows.choosing_recipes import DEFAULT, choose_recipe

    name, _, inline = plugin.partition("/")
    if recipe and inline and recipe.removeprefix(f"{name}/") != inline:
        raise GankitError(
            f"--plugin {plugin} and --recipe {recipe} name two recipes", "Leave out one of them"
        )
    files = [configuration.read_toml(config)] if config else []
    before = files[0].get("run", {}) if files else {}
    if existing is not None and not (plugin or recipe or config):
        # Only the directory is given: resume with the run's own settings.
        files, before = [existing.table], existing.table["run"]
    path = None
    if data is None:
        data, path = before.get("data"), from_text(before.get("data_path"))
    name = name or before.get("plugin", "") or (recipe or "").rpartition("/")[0]
    if existing is not None and data is None and not name:
        name, data = existing.table["run"]["plugin"], existing.table["run"].get("data")
        path = from_text(existing.table["run"].get("data_path"))
    said, choices = [name, ""], []
    if not name:
        found = choose_plugin(data) if data is not None else None
        if found is None:
            raise _nothing(sorted(installed().infos()))
        name, said[0] = found.plugin, f"{found.plugin} ({found.reason})"
        choices.append(str(found))
    loaded = installed().modality(name)
    named = (recipe or inline or before.get("recipe", "")).removeprefix(f"{name}/")
    if not named and existing is not None and existing.table["run"]["plugin"] == name:
        named = existing.table["run"]["recipe"]  # it may fit another device: never chosen twice
    if not named and data is not None:
        source = data
        of_data = choose_recipe(loaded.info, device, lambda: count_items(source, loaded.info))
        named, said[1] = of_data.recipe, f"{name}/{of_data.recipe} ({of_data.reason})"
        choices += [str(of_data)] if choices or of_data.reason != DEFAULT else []
    settings_type = loaded.modality.Settings
    resolved = configuration.resolve(
        loaded.info,
        settings_type,
        recipe=named or None,
        files=files,
        overrides=words(settings_type),
        data=data,
        data_path=path,
    )
    return Asked(loaded, resolved, said[0], said[1] or f"{name}/{resolved.recipe}", choices)


def _nothing(known: Sequence[str]) -> GankitError:
    if not known:
        return GankitError("no plugin is installed", "Install one, e.g. pip install gankit-image")
    return GankitError(
        "no data and no plugin given",
        "Train on your own data with `gankit train DATA`, or on a plugin's built-in data with "
        f"--plugin NAME ({', '.join(known)})",
    )
