"""What a record of provenance states: software, versions, command, time."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gankit.errors import GankitError, without_password

RECORD = "provenance.json"
EPOCH = "SOURCE_DATE_EPOCH"


def now() -> str:
    """UTC, ISO 8601, to the second; the environment's ``SOURCE_DATE_EPOCH`` where that is set, by
    which builds are made reproducible (https://reproducible-builds.org/specs/source-date-epoch).

    Raises:
        GankitError: it is no number of seconds.
    """
    if not (given := os.environ.get(EPOCH)):
        return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    try:
        return datetime.datetime.fromtimestamp(int(given), datetime.UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        raise GankitError(
            f"{EPOCH}={given}: not a time", "Use seconds since 1970, or unset it"
        ) from None


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
