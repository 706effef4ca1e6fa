"""What a record of provenance states: software, versions, command, time."""

from __future__ import annotations

import datetime
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gankit.errors import without_password

RECORD = "provenance.json"


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def software() -> str:
    return f"gankit {version('gankit')}"


def versions(*distributions: str) -> dict[str, str]:
    """Versions of what a result depends on."""
    found = {"python": platform.python_version()}
    for name in ("gankit", "torch", "numpy", *distributions):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a plugin that is checked without being installed
            found[name] = "not installed"
    return found


def command_line() -> list[str]:
    """The words of this process's command, without the path of the program."""
    return [Path(sys.argv[0]).name, *map(without_password, sys.argv[1:])]
