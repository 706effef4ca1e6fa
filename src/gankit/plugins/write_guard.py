"""Restricts a plugin's writing to the folder that it was given.

It catches mistakes: a fixed file name, a path built from the wrong folder. It is no sandbox: a
plugin is code that runs as you, and native libraries open files without asking Python.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gankit.errors import PluginError

WRITES: dict[str, dict[int, int | None]] = {
    "os.mkdir": {0: 2},
    "os.remove": {0: 1},
    "os.rmdir": {0: 1},
    "os.rename": {0: 2, 1: 3},
    "os.link": {1: 3},
    "os.symlink": {1: 2},
    "os.truncate": {0: None},
    "os.chmod": {0: 2},
    "shutil.rmtree": {0: None},
}
"""Audit events that change the disk: the places of their paths, each with that of the open folder
it is relative to. Such a path is ignored: opening the folder was checked."""

_confined = threading.local()


@contextlib.contextmanager
def confined(plugin: str, *folders: Path) -> Iterator[None]:
    """Refuses to open for writing, make, move or remove anything outside ``folders``.

    Folders for temporary files and caches stay open. Holds in this thread.

    Raises:
        PluginFault: the plugin tried; also when it swallowed the refusal.
    """
    _install()
    allowed = [os.path.realpath(place) for place in (*map(str, folders), *_always())]
    before = getattr(_confined, "guard", None)
    _confined.guard = guard = _Guard(plugin, folders, allowed)
    try:
        yield
    finally:
        _confined.guard = before
    if guard.fault is not None:
        raise guard.fault


class _Guard:
    def __init__(self, plugin: str, folders: tuple[Path, ...], allowed: list[str]) -> None:
        self.plugin, self.folders, self.allowed = plugin, folders, allowed
        self.fault: PluginError | None = None

    def check(self, path: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a file descriptor: it was opened before
        real = os.path.realpath(os.fsdecode(path))
        if any(real == place or real.startswith(place + os.sep) for place in self.allowed):
            return
        if "__pycache__" in Path(real).parts:
            return
        where = " or ".join(str(folder) for folder in self.folders)
        self.fault = PluginError(self.plugin, f"it tried to write {real}, outside {where}")
        raise self.fault


def _always() -> list[str]:
    """Where a library may keep what it needs, whoever calls it."""
    caches = [os.environ.get("XDG_CACHE_HOME"), os.environ.get("LOCALAPPDATA")]
    home = [os.path.expanduser(place) for place in ("~/.cache", "~/Library/Caches")]
    return [tempfile.gettempdir(), *filter(None, caches), *home, "/dev", "/proc"]


@functools.cache
def _install() -> None:
    """Once for good: an audit hook cannot be taken away."""
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    guard: _Guard | None = getattr(_confined, "guard", None)
    if guard is None:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = set(mode or "") & set("wax+") or (
            isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        if writes:
            guard.check(path)
    elif event in WRITES:
        for path, folder in WRITES[event].items():
            if folder is None or arguments[folder] in (-1, None):
                guard.check(arguments[path])
