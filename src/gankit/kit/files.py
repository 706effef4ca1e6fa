"""Files on disk: atomic writes, JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gankit.errors import GankitError


def write_atomic(path: Path, content: bytes) -> None:
    """Writes a file so that it is the old or the new one, never half of it."""
    aside = path.with_name(f".{path.name}.partial")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_atomic(path, json.dumps(value, indent=1, ensure_ascii=False).encode())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        GankitError: the file is damaged.
    """
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GankitError(f"{path} cannot be read: {error}", "Restore it from a copy") from None
    return value
