"""Errors of plugins when they were last used, stored so that ``plugins list`` can show them.

A plugin can load and still violate the contract later. The log is a small JSON file in the user's
application folder; where that cannot be written, nothing is stored and nothing breaks.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path


def remember(distribution: str, version: str, what: str) -> None:
    """Keeps the latest fault of a distribution."""
    _write({**load(), distribution: (version, what)})


def forget(distribution: str) -> None:
    """After it was checked, replaced or removed."""
    known = load()
    if known.pop(distribution, None) is not None:
        _write(known)


def load() -> dict[str, tuple[str, str]]:
    """Version and fault by distribution."""
    try:
        known = json.loads(_file().read_text(encoding="utf-8"))
        return {str(name): (str(version), str(what)) for name, (version, what) in known.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _file() -> Path:
    if home := os.environ.get("GANKIT_HOME"):
        return Path(home) / "faults.json"
    from typer import get_app_dir

    return Path(get_app_dir("gankit")) / "faults.json"


def _write(known: dict[str, tuple[str, str]]) -> None:
    file = _file()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f".{file.name}.{os.getpid()}")
        aside.write_text(json.dumps(known, indent=1), encoding="utf-8")
        os.replace(aside, file)
