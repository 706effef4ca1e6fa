"""The plugin API is frozen: a change to it is a decision, not an accident.

``tests/plugin_api_2.txt`` lists every public name that a plugin may import, with its signature,
fields and defaults. When a change is intended, read
``docs/adr/0009-how-the-plugin-api-evolves.md``, then write the list again:
``python tests/test_public_api.py``.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gankit.contract import PLUGIN_API

FROZEN = Path(__file__).with_name(f"plugin_api_{PLUGIN_API}.txt")
PACKAGES = ("gankit.contract", "gankit.kit")
"""Whose modules are public too."""
MODULES = ("gankit.errors", "gankit.metrics", "gankit.seeds", "gankit.testing")


def surface() -> str:
    """The public names of all modules, a line each."""
    names = [*MODULES, *PACKAGES]
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        names += [f"{package}.{m.name}" for m in pkgutil.iter_modules(path) if m.name[0] != "_"]
    return "".join(f"{line}\n" for name in sorted(names) for line in _module(name))


def _module(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    package = importlib.import_module(name.rpartition(".")[0])
    listed = getattr(module, "__all__", None) or [
        public
        for public, value in vars(module).items()
        if not public.startswith("_")
        and public != "TYPE_CHECKING"
        and public not in getattr(package, "__all__", ())  # it is listed there
        and (getattr(value, "__module__", None) == name or _is_constant(public, value))
    ]
    for public in sorted(listed):
        yield from _described(f"{name}.{public}", getattr(module, public))


def _is_constant(name: str, value: Any) -> bool:
    return (name.isupper() and isinstance(value, int | str)) or (
        typing.get_origin(value) is not None and not isinstance(value, type) and name[0].isupper()
    )


def _described(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, type):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"{name}: class({bases}){_signature(value)}"
        declared = {n: t for n, t in inspect.get_annotations(value).items() if n not in vars(value)}
        for inner, hint in sorted(declared.items()):
            if inner not in _fields(value):
                yield f"{name}.{inner}: {_plain(hint)}"
        for inner, member in sorted(vars(value).items()):
            if inner.startswith("_") or inner in _fields(value):
                continue
            if isinstance(member, classmethod | staticmethod):
                member = member.__func__
            if isinstance(member, property):
                yield f"{name}.{inner}: property"
            elif callable(member):
                yield f"{name}.{inner}{_signature(member)}"
            else:
                yield f"{name}.{inner} = {_plain(member)}"
    elif callable(value) and typing.get_origin(value) is None and not _is_marker(value):
        yield f"{name}{_signature(value)}"
    elif isinstance(value, tuple):
        yield f"{name}: {' '.join(check.name for check in value)}"
    elif isinstance(value, int | str):
        yield f"{name} = {value!r}"
    else:
        yield f"{name}: {type(value).__name__}"


def _fields(value: type) -> set[str]:
    if not dataclasses.is_dataclass(value):
        return set()
    return {field.name for field in dataclasses.fields(value)}


def _is_marker(value: Any) -> bool:
    return type(value).__name__ in ("HookspecMarker", "HookimplMarker")


def _signature(value: Any) -> str:
    try:
        return _plain(inspect.signature(value))
    except (TypeError, ValueError):
        return "(...)"


def _plain(value: Any) -> str:
    """Without addresses, and without the modules of types: these differ by version."""
    return re.sub(r" at 0x[0-9a-f]+|typing\.|collections\.abc\.|'", "", str(value))


def test_the_plugin_api_is_frozen() -> None:
    assert surface() == FROZEN.read_text(encoding="utf-8"), (
        "The public surface changed. See docs/adr/0009-how-the-plugin-api-evolves.md"
    )


if __name__ == "__main__":
    FROZEN.write_text(surface(), encoding="utf-8")
