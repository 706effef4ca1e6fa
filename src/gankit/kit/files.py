"""Files on disk: atomic writes, JSON."""

from __future__ import annotations

import hashlib
import json
import os
import sys
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
    # Bytes of file names that are not UTF-8 are lone surrogates, which JSON can only escape.
    text = json.dumps(value, indent=1, ensure_ascii=False)
    write_atomic(path, text.encode("utf-8", "backslashreplace"))


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


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder(name: str) -> Path | None:
    """gankit's folder for ``name`` in the user's cache; None on a system without one.

    ``GANKIT_CACHE`` names another place, and an empty one switches caching off.
    """
    chosen = os.environ.get("GANKIT_CACHE")
    if chosen is not None:
        return Path(chosen).expanduser() / name if chosen else None
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "gankit" / name
    if os.name == "nt":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) / "gankit" / "cache" / name if local else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    caches = home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
    return caches / "gankit" / name
