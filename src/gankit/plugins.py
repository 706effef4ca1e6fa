"""Finding plugins, one at a time: a broken one is reported and harms nobody.

Entry points are metadata, so listing them imports only each plugin's own light module; the
modality behind it is imported when it is used.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

import pluggy

from gankit import hookspecs
from gankit.contract import PLUGIN_API, Modality, PluginInfo
from gankit.errors import GankitError, did_you_mean
from gankit.hookspecs import ENTRY_POINT_GROUP

BUILT_IN = frozenset(
    f"gankit-{name}"
    for name in ("toy", "image", "audio", "tabular", "molecule", "text", "video", "material")
)
"""Distributions that come from this project; ``GANKIT_PLUGINS`` does not switch them off."""


@dataclass(frozen=True)
class PluginRecord:
    """What became of one entry point."""

    name: str
    distribution: str
    version: str
    modalities: tuple[PluginInfo, ...] = ()
    status: str = "ok"
    """``ok``, ``failed``, ``refused`` (another API) or ``disabled``."""
    why: str = ""
    what_to_do: str = ""

    @property
    def summary(self) -> str:
        return "; ".join(info.summary for info in self.modalities)


@dataclass(frozen=True)
class LoadedModality:
    """A modality ready for use, and where it comes from."""

    info: PluginInfo
    modality: Modality[Any]
    distribution: str
    version: str


class Plugins:
    """The plugins of this environment.

    Args:
        points: entry points to load; those of the group ``gankit`` when not given.
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self.manager = pluggy.PluginManager("gankit")
        self.manager.add_hookspecs(hookspecs.Hooks)
        self.records: list[PluginRecord] = []
        if points is None:
            points = entry_points(group=ENTRY_POINT_GROUP)
        for point in sorted(points, key=lambda p: (_distribution(p) not in BUILT_IN, p.name)):
            self.records.append(self._load(point))

    def infos(self) -> dict[str, PluginInfo]:
        """Usable modalities by name."""
        return {
            info.name: info
            for record in self.records
            for info in record.modalities
            if record.status == "ok"
        }

    def modality(self, name: str) -> LoadedModality:
        """Imports a modality.

        Raises:
            GankitError: there is none of that name, or it cannot be imported.
        """
        for record in self.records:
            for info in record.modalities:
                if info.name == name and record.status == "ok":
                    return LoadedModality(
                        info, _instance(info), record.distribution, record.version
                    )
        for record in self.records:
            if record.status != "ok" and name in (
                record.name,
                *(i.name for i in record.modalities),
            ):
                raise GankitError(f"plugin {name} cannot be used: {record.why}", record.what_to_do)
        raise GankitError(
            f"no plugin named {name!r}",
            did_you_mean(name, sorted(self.infos()))
            + ". `gankit plugins list` shows what is installed",
        )

    def call(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Calls a hook's implementations one by one: pairs of plugin name and result.

        An implementation that raises is reported on standard error and skipped.
        """
        results = []
        for impl in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            given = [arguments[name] for name in impl.argnames]
            try:
                value = impl.function(*given)
                # records come as generators, whose code runs here
                results.append((impl.plugin_name, list(value) if value is not None else []))
            except Exception as error:  # noqa: BLE001 - isolation is the point
                _strict(error)
                import sys

                print(
                    f"gankit: plugin {impl.plugin_name} failed in {hook}: "
                    f"{type(error).__name__}: {error}",
                    file=sys.stderr,
                )
        return results

    def _load(self, point: EntryPoint) -> PluginRecord:
        distribution, version = _distribution(point), point.dist.version if point.dist else "?"
        record = functools.partial(PluginRecord, point.name, distribution, version)
        if not _enabled(point.name, distribution):
            return record(
                status="disabled",
                why="GANKIT_PLUGINS does not name it",
                what_to_do="Unset GANKIT_PLUGINS, or add it to the list",
            )
        infos: tuple[PluginInfo, ...] = ()
        try:
            module = importlib.import_module(point.module)
            self.manager.register(module, name=point.name)
            for impl in self.manager.hook.gankit_modalities.get_hookimpls():
                if impl.plugin_name == point.name:
                    infos = tuple(cast(Iterable[PluginInfo], impl.function()))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            _strict(error)
            self._unregister(point.name)
            return record(
                status="failed",
                why=f"{type(error).__name__}: {error}",
                what_to_do=f"Upgrade it, or remove it: pip uninstall {distribution}",
            )
        for info in infos:
            if info.api != PLUGIN_API:
                self._unregister(point.name)
                newer = info.api > PLUGIN_API
                return record(
                    infos,
                    status="refused",
                    why=f"it was written for plugin API {info.api}; this gankit speaks "
                    f"{PLUGIN_API}",
                    what_to_do=f"Upgrade {'gankit' if newer else distribution}",
                )
            if info.name in self.infos():
                self._unregister(point.name)
                return record(
                    infos,
                    status="refused",
                    why=f"another plugin is already named {info.name}",
                    what_to_do=f"Remove one of them: pip uninstall {distribution}",
                )
        return record(infos)

    def _unregister(self, name: str) -> None:
        if self.manager.has_plugin(name):
            self.manager.unregister(name=name)


@functools.cache
def installed() -> Plugins:
    """The plugins of this environment, looked up once."""
    return Plugins()


def _instance(info: PluginInfo) -> Modality[Any]:
    module_name, _, class_name = info.target.partition(":")
    try:
        modality = getattr(importlib.import_module(module_name), class_name)()
    except Exception as error:
        _strict(error)
        raise GankitError(
            f"plugin {info.name} cannot be loaded from {info.target}: "
            f"{type(error).__name__}: {error}",
            "Upgrade or reinstall it",
        ) from error
    if not isinstance(modality, Modality):
        raise GankitError(
            f"plugin {info.name}: {info.target} is not a gankit.contract.Modality",
            "Upgrade or reinstall it",
        )
    return modality


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.module.partition(".")[0]


def _enabled(name: str, distribution: str) -> bool:
    chosen = os.environ.get("GANKIT_PLUGINS")
    if chosen is None or distribution in BUILT_IN:
        return True
    return bool({name, distribution} & {part.strip() for part in chosen.split(",")})


def _strict(error: BaseException) -> None:
    """``GANKIT_STRICT_PLUGINS=1`` re-raises, for those who write plugins."""
    if os.environ.get("GANKIT_STRICT_PLUGINS") == "1":
        raise error
