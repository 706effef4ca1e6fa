"""Callbacks of plugins, each isolated from training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gankit.contract import Callback
from gankit.plugins.registry import (
    Plugins,
    in_one_line,
    raise_if_strict,
)


class Isolated(Callback):
    """A plugin's callback. When it raises it is reported and disabled; training continues."""

    def __init__(self, plugin: str, callback: Callback, plugins: Plugins) -> None:
        self._plugin, self._callback, self._plugins = plugin, callback, plugins
        self._works = True

    def started(self, run: Path, config: dict[str, Any]) -> None:
        self._try("started", run, config)

    def tick(self, values: dict[str, Any]) -> None:
        self._try("tick", dict(values))

    def preview(self, file: Path) -> None:
        self._try("preview", file)

    def warning(self, message: str) -> None:
        self._try("warning", message)

    def finished(self, status: str) -> None:
        self._try("finished", status)

    def _try(self, method: str, *arguments: Any) -> None:
        if not self._works:
            return
        try:
            getattr(self._callback, method)(*arguments)
        except Exception as error:  # noqa: BLE001 - isolation is the point
            raise_if_strict(error)
            self._works = False
            what = f"failed in {method} and is disabled: {in_one_line(error)}"
            self._plugins.report(self._plugin, what)


def plugin_callbacks(plugins: Plugins) -> list[Callback]:
    return [
        Isolated(plugin, callback, plugins)
        for plugin, callback in plugins.collect("gankit_callbacks")
    ]
