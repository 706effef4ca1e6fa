"""Which plugin trains on some data: by what the data looks like, where nobody says it."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gankit.config.paths import expanded
from gankit.contract import Look, PluginInfo, Recognised
from gankit.errors import GankitError, without_password
from gankit.kit.copies import fits
from gankit.kit.discovery import count_endings, ending_of
from gankit.kit.folders import no_such_path
from gankit.kit.looking import look, share
from gankit.kit.remote import Remote, is_remote
from gankit.plugins.bundled import would_read
from gankit.plugins.registry import Plugins, in_one_line, installed, raise_if_strict
from gankit.workflows.own_data import refuse_own
from gankit.workflows.remote import with_copy

STREAM = "-"
CLOSE = 0.1
"""Of two plugins whose confidences are closer than this, none is chosen."""
SHOWN = 8
"""Endings that are shown of each plugin."""

_ADDRESS = re.compile(r"(\w[\w+.-]*)://")


@dataclass(frozen=True)
class Chosen:
    """A plugin for some data."""

    plugin: str
    reason: str
    """Why, and what else it may be."""
    items: int | None
    """About how many items there are, where that is seen at a glance."""


def is_address(word: str) -> bool:
    """Whether a word is an address, as of a database."""
    return _ADDRESS.match(word) is not None and not os.path.lexists(word)


def choose_plugin(data: str) -> Chosen:
    """The plugin whose kind of data this is.

    Args:
        data: a path, the address of a database, or ``-``.

    Raises:
        GankitError: nothing is there, no plugin reads it, or several do.
    """
    if is_remote(data) and fits(remote := Remote(data)):
        return with_copy(remote, choose_plugin)
    seen = look_at(data)
    if seen.kind in ("folder", "archive") and not seen.names:
        raise GankitError(f"{data}: the {seen.kind} is empty", "Give one with your data")
    plugins = installed()
    refuse_own(seen)
    found = sorted(_recognised(seen, plugins), key=lambda pair: -pair[1].confidence)
    if not found:
        raise _unknown(seen, plugins)
    (name, best), others = found[0], found[1:]
    near = [(n, r) for n, r in others if best.confidence - r.confidence < CLOSE]
    if near:
        several = " or ".join(f"{r.kind} ({r.reason})" for _, r in [found[0], *near])
        which = " or ".join(f"--plugin {n}" for n, _ in [found[0], *near])
        raise GankitError(f"{data} may be {several}", f"Choose with {which}")
    other = [f"--plugin {n} treats it as {r.kind}" for n, r in others if r.confidence >= 0.3]
    return Chosen(name, "; ".join([best.reason, *other[:1]]), best.items)


def count_items(data: str, info: PluginInfo) -> int | None:
    """About how many items a plugin finds in some data, at a glance; None where that takes
    reading."""
    try:
        found = _of_one(look_at(data), info, installed())
    except GankitError:  # reading says so
        return None
    return None if found is None else found.items


def look_at(data: str) -> Look:
    """What is seen of a source of data.

    Raises:
        GankitError: nothing is there, or it is neither a file nor a folder.
    """
    if data == STREAM:
        return Look(data, "stream")
    if is_address(data):
        return _look_remote(data) if is_remote(data) else Look(data, "address")
    path = Path(expanded(data))
    if not path.exists():
        raise no_such_path(path)
    if not (path.is_file() or path.is_dir()):
        raise GankitError(
            f"{data} is a pipe or a device; data are read from files and folders",
            "Save what it gives to a file first",
        )
    return look(path)


def _look_remote(address: str) -> Look:
    """What is seen of files at an address: of a copy, or of their names where they are many."""
    remote = Remote(address)
    if fits(remote):
        return with_copy(remote, lambda path: look(Path(path)))
    names = [file.name for file in remote.files]
    return Look(remote.shown, "file" if remote.single else "folder", names)


def _recognised(seen: Look, plugins: Plugins) -> Iterable[tuple[str, Recognised]]:
    for name, info in plugins.infos().items():
        found = _of_one(seen, info, plugins)
        if found is not None and found.confidence > 0:
            yield name, found


def _of_one(seen: Look, info: PluginInfo, plugins: Plugins) -> Recognised | None:
    """What one plugin takes the data for; one that fails is reported and has no say."""
    if not info.recognises:
        return _by_suffix(seen, info)
    module, _, function = info.recognises.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)(seen)
        if found is not None and not isinstance(found, Recognised):
            raise TypeError(f"{info.recognises} gave {found!r}, which is not a Recognised")
    except GankitError:
        raise
    except Exception as error:  # noqa: BLE001 - isolation is the point
        raise_if_strict(error)
        plugins.report(info.name, f"failed in recognises: {in_one_line(error)}")
        return None
    return found


def _by_suffix(seen: Look, info: PluginInfo) -> Recognised | None:
    own, part = share(seen, *info.suffixes)
    if not own or not info.suffixes:
        return None
    if seen.kind == "file":
        reason = f"{seen.name} has an ending that it reads"
        return Recognised(0.5, f"data for {info.name}", reason)
    return Recognised(0.5 * part, f"data for {info.name}", f"{own:,} files that it reads", own)


def _unknown(seen: Look, plugins: Plugins) -> GankitError:
    """The error for data that no plugin reads."""
    infos = plugins.infos()
    place = without_password(seen.source)
    able = [name for name, info in infos.items() if seen.ending(*info.suffixes)]
    if able:
        which = " or ".join(f"--plugin {name}" for name in able)
        return GankitError(f"{place}: its content is not clear", f"Say what it is with {which}")
    what = "databases at such an address" if seen.kind == "address" else kinds(seen.names)
    if missing := would_read(seen.names, infos):
        hint = f"Install the plugin that does: pip install {missing}"
    elif infos:
        hint = "; ".join(f"{name} reads {_endings(info)}" for name, info in infos.items())
    else:
        hint = "Install one, e.g. pip install gankit-image"
    return GankitError(f"{place}: no installed plugin reads {what}", hint)


def kinds(names: Sequence[str]) -> str:
    """``.docx files``, or the most frequent endings of several."""
    if len({ending_of(name) for name in names}) > 1:
        return f"its files ({count_endings(sorted(names))})"
    ending = ending_of(names[0]) if names else ""
    return f"files {ending}" if ending.startswith("without") else f"{ending} files"


def _endings(info: PluginInfo) -> str:
    more = " …" if len(info.suffixes) > SHOWN else ""
    return " ".join(info.suffixes[:SHOWN]) + more
