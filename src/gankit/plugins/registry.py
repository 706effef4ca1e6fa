"""Finding plugins, one at a time: a broken one is reported and affects no other.

Entry points are metadata, so listing them imports only each plugin's own light module; the
modality behind it is imported when it is used.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

import pluggy

from gankit.contract import (
    ENTRY_POINT_GROUP,
    PLUGIN_API,
    Callback,
    Metric,
    Modality,
    Objective,
    Penalty,
    PluginInfo,
)
from gankit.contract import hooks as hookspecs
from gankit.errors import GankitError, did_you_mean
from gankit.plugins import error_log
from gankit.plugins.compatibility import (
    REMOVED,
    Origin,
    is_bundled,
    other_api,
    time_limit,
    unfit,
)
from gankit.plugins.records import LoadedModality, PluginRecord

TIME_TO_IMPORT = 10.0
"""Seconds for the import of a hook module, unless ``GANKIT_PLUGIN_TIMEOUT`` overrides it."""


RECORDS: dict[str, type] = {
    "gankit_objectives": Objective,
    "gankit_penalties": Penalty,
    "gankit_metrics": Metric,
    "gankit_callbacks": Callback,
}
"""What each hook yields."""


class Plugins:
    """The plugins of this environment.

    Args:
        points: entry points to load; those of the group ``gankit`` when not given.
        origin: where they come from, for entry points without a distribution. They were requested
            by name, so ``GANKIT_PLUGINS`` does not disable them.
    """

    def __init__(
        self, points: Iterable[EntryPoint] | None = None, origin: Origin | None = None
    ) -> None:
        self.manager = pluggy.PluginManager("gankit")
        self.manager.add_hookspecs(hookspecs.Hooks)
        self.records: list[PluginRecord] = []
        self._faults = error_log.load()
        if points is None:
            points = entry_points(group=ENTRY_POINT_GROUP)
        found = [(point, origin or origin_of(point)) for point in points]
        # Bundled plugins are loaded first: nobody takes their names.
        for point, its in sorted(found, key=lambda f: (not f[1].bundled, f[0].name)):
            wanted = origin is not None or _enabled(point.name, its)
            self.records.append(self._load(point, its, wanted))

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
            if record.status != "ok" and name in record.names:
                raise GankitError(f"plugin {name} cannot be used: {record.why}", record.what_to_do)
        for record in self.records:
            if name == record.name and not record.modalities:
                raise GankitError(
                    f"plugin {name} has no modality ({record.summary})",
                    "Use a plugin that has one",
                )
        near = did_you_mean(name, sorted(self.infos()))
        stop = "" if near.endswith(("?", ".")) else "."
        raise GankitError(
            f"no plugin named {name!r}",
            f"{near}{stop} `gankit plugins list` shows the installed ones",
        )

    def record(self, name: str) -> PluginRecord | None:
        """The record of a plugin, by any name that it goes by; a usable one first."""
        fitting = [record for record in self.records if name in record.names]
        return min(fitting, key=lambda r: (r.status != "ok", r.name != name), default=None)

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
            except (Exception, SystemExit) as error:  # noqa: BLE001 - isolation is the point
                raise_if_strict(error)
                self.report(impl.plugin_name, f"failed in {hook}: {in_one_line(error)}")
        return results

    def collect(self, hook: str, taken: Collection[str] = ()) -> list[tuple[str, Any]]:
        """The records that a hook's implementations yield, with the names of their plugins.

        A record of another type, or under a name that is ``taken``, is reported and left out.
        """
        wanted, names = RECORDS[hook], set(taken)
        kept = []
        for plugin, given in self.call(hook):
            for record in given:
                name = getattr(record, "name", None)
                if not isinstance(record, wanted):
                    self.report(plugin, f"{hook} gave {record!r}, which is not a {wanted.__name__}")
                elif name in names:
                    self.report(plugin, f"{hook} gave {name!r}, a name that is taken; skipped")
                else:
                    names |= {name} if isinstance(name, str) else set()
                    kept.append((plugin, record))
        return kept

    def commands(self) -> Iterator[tuple[str, Any]]:
        """Each plugin's commands, in a Typer application of its own."""
        import typer

        for impl in reversed(self.manager.hook.gankit_commands.get_hookimpls()):
            app = typer.Typer()
            try:
                impl.function(*[app for _ in impl.argnames])
            except (Exception, SystemExit) as error:  # noqa: BLE001 - isolation is the point
                raise_if_strict(error)
                self.report(impl.plugin_name, f"failed in gankit_commands: {in_one_line(error)}")
            else:
                yield impl.plugin_name, app

    def report(self, plugin: str, what: str) -> None:
        """Reports a plugin's error on standard error, and stores it."""
        print(f"gankit: plugin {plugin} {what}", file=sys.stderr)
        self.remember(plugin, what)

    def remember(self, plugin: str, what: str) -> None:
        """Stores an error for ``plugins list``."""
        if record := self.record(plugin):
            error_log.remember(record.distribution, record.version, what)

    def attribute_error(self, error: BaseException) -> PluginRecord | None:
        """The third-party plugin whose code raised an exception."""
        packages = {
            re.split("[.:]", target)[0]: record
            for record in self.records
            for target in (record.package, *(info.target for info in record.modalities))
            if not record.bundled
        }
        for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
            package = frame.f_globals.get("__name__", "").partition(".")[0]
            if package in packages:
                return packages[package]
        return None

    # --- Loading one ----------------------------------------------------------------------------

    def _load(self, point: EntryPoint, origin: Origin, wanted: bool) -> PluginRecord:
        known, fault = self._faults.get(origin.name, ("", ""))
        record = PluginRecord(
            point.name,
            origin.name,
            origin.version,
            point.module.partition(".")[0],
            origin.bundled,
            fault=fault if known == origin.version else "",
        )
        refused = functools.partial(dataclasses.replace, record, status="refused")
        remove = f"gankit plugins uninstall {origin.name}"
        if not wanted:
            return dataclasses.replace(
                record,
                status="disabled",
                why="GANKIT_PLUGINS does not name it",
                what_to_do="Unset GANKIT_PLUGINS, or add it to the list",
            )
        if misfit := unfit(origin):
            return refused(
                why=misfit, what_to_do=f"Install versions that fit, or remove it: {remove}"
            )
        if self.manager.has_plugin(point.name):
            other = next(r.distribution for r in self.records if r.name == point.name)
            return refused(
                why=f"{other} has a plugin named {point.name} already",
                what_to_do=f"Remove one of them: {remove}",
            )
        try:
            limit = float(os.environ.get("GANKIT_PLUGIN_TIMEOUT", TIME_TO_IMPORT))
            # A plugin's prints are not part of a command's output.
            with time_limit(limit), contextlib.redirect_stdout(sys.stderr):
                module = point.load()
                api = getattr(module, "GANKIT_API", PLUGIN_API)
                if apart := other_api(api, origin):
                    return refused(why=apart[0], what_to_do=apart[1])
                hooks, infos = self._register(module, point.name)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                print(f"gankit: stopped while loading plugin {point.name}", file=sys.stderr)
                raise
            if isinstance(error, ModuleNotFoundError) and error.name in REMOVED:
                why, what_to_do = other_api(1, origin) or ("", "")
                return refused(why=why, what_to_do=what_to_do)
            raise_if_strict(error)
            self._unregister(point.name)
            return dataclasses.replace(
                record,
                status="failed",
                why=in_one_line(error),
                what_to_do=_fix(error, f"upgrade it, or remove it: {remove}"),
            )
        record = dataclasses.replace(record, modalities=infos, hooks=hooks)
        refused = functools.partial(dataclasses.replace, record, status="refused")
        usable = [other for other in self.records if other.status == "ok"]
        owners = {info.name: other.distribution for other in usable for info in other.modalities}
        for info in infos:
            if apart := other_api(info.api, origin):
                self._unregister(point.name)
                return refused(why=apart[0], what_to_do=apart[1])
            if owner := owners.get(info.name):
                self._unregister(point.name)
                return refused(
                    why=f"its modality {info.name!r} has the name of one from {owner}",
                    what_to_do=f"Remove one of them: {remove}",
                )
        return record

    def _register(self, module: Any, name: str) -> tuple[tuple[str, ...], tuple[PluginInfo, ...]]:
        """The hooks that a module implements, and the modalities that it brings."""
        self.manager.register(module, name=name)
        self.manager.check_pending()  # a hook that we do not have: misspelt, or from another API
        hooks = tuple(sorted(h.name for h in self.manager.get_hookcallers(module) or ()))
        if not hooks:
            raise ValueError(f"{module.__name__} implements no hook")
        infos: list[PluginInfo] = []
        for impl in self.manager.hook.gankit_modalities.get_hookimpls():
            if impl.plugin_name == name:
                infos = list(cast(Iterable[PluginInfo], impl.function()))
        for info in infos:
            if not isinstance(info, PluginInfo):
                raise TypeError(f"gankit_modalities gave {info!r}, which is not a PluginInfo")
        for modality, times in Counter(info.name for info in infos).items():
            if times > 1:
                raise ValueError(f"it provides the modality {modality!r} {times} times")
        return hooks, tuple(infos)

    def _unregister(self, name: str) -> None:
        if self.manager.has_plugin(name):
            self.manager.unregister(name=name)


@functools.cache
def installed() -> Plugins:
    """The plugins of this environment, looked up once."""
    return Plugins()


def origin_of(point: EntryPoint) -> Origin:
    """The distribution of an entry point, as far as its metadata can be read."""
    package = point.module.partition(".")[0]
    try:
        dist = point.dist
        assert dist is not None
        needs = tuple(dist.requires or ())
        bundled = is_bundled(dist.metadata)
        return Origin(dist.name or package, dist.version or "?", needs, bundled)
    except Exception:  # noqa: BLE001 - even with broken metadata it needs a name to be removed by
        return Origin(package, "?")


def _instance(info: PluginInfo) -> Modality[Any]:
    module_name, _, class_name = info.target.partition(":")
    try:
        modality = getattr(importlib.import_module(module_name), class_name)()
    except Exception as error:
        raise_if_strict(error)
        raise GankitError(
            f"plugin {info.name} cannot be loaded from {info.target}: {in_one_line(error)}",
            "Upgrade or reinstall it",
        ) from error
    if not isinstance(modality, Modality):
        raise GankitError(
            f"plugin {info.name}: {info.target} is not a gankit.contract.Modality",
            "Upgrade or reinstall it",
        )
    return modality


def _fix(error: BaseException, otherwise: str) -> str:
    """What to do about a plugin that does not load."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"Install what it needs ({error.name}), {otherwise}"
    return f"See where with GANKIT_STRICT_PLUGINS=1, {otherwise}"


def in_one_line(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")


def _enabled(name: str, origin: Origin) -> bool:
    chosen = os.environ.get("GANKIT_PLUGINS")
    if chosen is None or origin.bundled:
        return True
    return bool({name, origin.name} & {part.strip() for part in chosen.split(",")})


def raise_if_strict(error: BaseException) -> None:
    """``GANKIT_STRICT_PLUGINS=1`` re-raises, for those who write plugins."""
    if os.environ.get("GANKIT_STRICT_PLUGINS") == "1":
        if isinstance(error, SystemExit):
            raise RuntimeError(f"a plugin exits: {error.code!r}") from error
        raise error
