"""Configuration: defaults < recipe < ``--config`` file < ``key=value``, validated with names.

In a file and on the command line, the engine's settings stand in their sections (``optim.lr``)
and the plugin's at the top (``resolution``). The table ``[run]`` holds plugin, recipe and data.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gankit.config import gammas, paths
from gankit.config.consent import cleaned
from gankit.config.recipes import load_recipe
from gankit.config.schema import (
    check_keys,
    completed,
    sections,
    validate,
)
from gankit.config.values import (
    Table,
    flatten,
    merge,
    nest,
    parse_overrides,
    plain,
    without_none,
)
from gankit.contract import PluginInfo
from gankit.engine.settings import EngineSettings
from gankit.errors import GankitError, without_password

MAY_CHANGE = (
    *("train.samples", "train.time", "train.epochs"),
    *("data.workers", "data.cache", "data.people", "data.consent", "checkpoint", "log"),
    "guard",
)
"""What may differ when a run is resumed: none of it alters what a given sample count gives, but for
what is done about a failure."""


@dataclass(frozen=True)
class Config:
    """The resolved configuration of a run."""

    plugin: str
    recipe: str
    data: str | None
    engine: EngineSettings
    settings: Any
    """The plugin's own settings."""
    data_path: str | None = None
    """The absolute path of ``data`` as it was typed, where that is a file or folder."""

    def source(self) -> str | None:
        """Where the data is now.

        Raises:
            GankitError: it has been moved.
        """
        return paths.located(self.data, self.data_path)

    def as_table(self) -> Table:
        """What ``run.toml`` holds. Absent values (None) are left out: TOML has none."""
        data = None if self.data is None else paths.printable(without_password(self.data))
        run = {"plugin": self.plugin, "recipe": self.recipe, "data": data}
        run["data_path"] = paths.as_text(self.data_path)
        table = {"run": run, **plain(self.settings), **plain(self.engine)}
        return typing.cast(Table, without_none(table))

    def differences(self, other: Config) -> list[str]:
        """Dotted names of settings that differ and may not when a run is resumed."""
        mine, theirs = (flatten(config._compared()) for config in (self, other))
        return [
            key
            for key in sorted(mine.keys() | theirs.keys())
            if mine.get(key) != theirs.get(key)
            and not any(key == free or key.startswith(free + ".") for free in MAY_CHANGE)
            and key
            not in ("run.recipe", "run.data", "run.data_path")  # the data's fingerprint decides
        ]

    def _compared(self) -> Table:
        """The table, with one weight of R1 and R2 where they have the same, however given."""
        r1, r2 = map(plain, self.engine.gammas)
        table = self.as_table()
        table["loss"] = {k: v for k, v in table["loss"].items() if k not in ("r1", "r2")}
        table["penalty"] = {"gamma": r1}
        if r1 != r2:
            table["loss"] |= {"r1": r1, "r2": r2}
            del table["penalty"]
        return table


def resolve(
    info: PluginInfo,
    settings_type: type,
    *,
    recipe: str | None = None,
    files: Sequence[Table] = (),
    overrides: Sequence[str] = (),
    data: str | None = None,
    data_path: str | None = None,
) -> Config:
    """Merges the layers and checks every value.

    Args:
        data: the data as it was typed.
        data_path: its absolute path, where a run states it; by default, what ``data`` means in the
            current folder.

    Raises:
        GankitError: an unknown recipe or key, or a value of the wrong type.
    """
    clash = {f.name for f in dataclasses.fields(settings_type)} & sections()
    if clash:
        raise GankitError(
            f"plugin {info.name}: its setting {min(clash)} has the name of one of "
            "the engine's sections",
            "Rename it in the plugin",
        )
    chosen = recipe or (info.data_recipe if data else "") or info.default_recipe
    merged: Table = {}
    for layer in (load_recipe(info, chosen).values, *files, parse_overrides(overrides)):
        known = {k: v for k, v in nest(layer).items() if k not in ("run", "recipe")}
        check_keys(known, settings_type)
        merged = gammas.layered(merged, known)
    engines = sections()
    engine = validate(EngineSettings, {k: v for k, v in merged.items() if k in engines})
    own = validate(settings_type, {k: v for k, v in merged.items() if k not in engines})
    _check_engine(engine)
    place = data_path or paths.absolute(data)
    return Config(info.name, chosen, data, engine, own, place)


def from_run(table: Table, settings_type: type) -> Config:
    """The configuration that a ``run.toml`` states."""
    run, engines = table["run"], sections()
    known = gammas.settled({k: v for k, v in table.items() if k != "run"})
    check_keys(known, settings_type)
    return Config(
        run["plugin"],
        run["recipe"],
        run.get("data"),
        validate(EngineSettings, {k: v for k, v in known.items() if k in engines}),
        validate(
            settings_type,
            completed(settings_type, {k: v for k, v in known.items() if k not in engines}),
        ),
        paths.from_text(run.get("data_path")),
    )


def adjust(
    settings_type: type,
    trained: Table,
    changes: Table,
    sampling_settings: Sequence[str],
    plugin: str,
) -> Any:
    """A plugin's settings as a run was trained with them, some of them given again.

    Args:
        adjustable: the keys that may be given again.

    Raises:
        GankitError: another key, or a value of the wrong type.
    """
    check_keys(changes, settings_type)
    for key in flatten(changes):
        if key not in sampling_settings:
            section = key.partition(".")[0] in sections()
            known = (
                f"takes {', '.join(sampling_settings)}"
                if sampling_settings
                else "has none that can be given"
            )
            raise GankitError(
                f"{key} affects training, which is finished"
                if section
                else f"{key} cannot be changed when generating",
                f"Plugin {plugin} {known} now",
            )
    return validate(settings_type, merge(trained, changes))


def _check_engine(engine: EngineSettings) -> None:
    """Checks combinations of settings, which bounds cannot express.

    Raises:
        GankitError: names the key.
    """
    if engine.train.burn_in <= 0:
        for key, value in flatten(dataclasses.asdict(engine)).items():
            pair = isinstance(value, tuple) and len(value) == 2
            if pair or (key.endswith(".over") and value is None):
                raise GankitError(
                    f"{key.removesuffix('.over')}: it changes over train.burn_in samples, "
                    "and that is 0",
                    "Set train.burn_in",
                )
    if engine.data.consent:
        cleaned(engine.data.consent)
    if engine.train.samples < engine.train.batch:
        raise GankitError(
            f"train.samples={engine.train.samples} is less than one batch, "
            f"train.batch={engine.train.batch}",
            f"Use at least {engine.train.batch}, or a smaller train.batch",
        )
    if engine.transfer.freeze_d and not engine.transfer.run:
        raise GankitError(
            f"transfer.freeze_d={engine.transfer.freeze_d}: there are no weights to freeze",
            "Name the run that training starts from: --from RUN",
        )
    if engine.train.batch % engine.train.accumulate:
        raise GankitError(
            f"train.batch={engine.train.batch} cannot be split into "
            f"train.accumulate={engine.train.accumulate} equal pieces",
            "Use a divisor of the batch",
        )
