"""Files on disk: atomic writes, JSON."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import importlib.util
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gankit.errors import GankitError
from gankit.plain_files import LARGEST_JSON, json_object

ABANDONED = 24 * 3600
"""Seconds after which a file that was being written is taken for one of a killed process."""
LARGEST_RECORD = 2**28
"""Bytes of a record of output that are read, which names all its files."""


def write_atomic(path: Path, content: bytes) -> None:
    """Writes a file so that it is the old or the new one, never half of it, whoever else writes it
    at the same time."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _delete_abandoned(path, os.stat(aside).st_mtime)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _delete_abandoned(path: Path, now: float) -> None:
    """Deletes what processes left that were killed while they wrote this file.

    Args:
        now: by the clock of the file system, as are the files' dates.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with contextlib.suppress(OSError):
            if now - left.stat().st_mtime > ABANDONED:
                left.unlink()


def json_bytes(value: object) -> bytes:
    """JSON in UTF-8. Bytes of a file name that are not UTF-8 are escaped, and so read back."""
    try:
        return json.dumps(value, indent=1, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=1).encode()


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_atomic(path, json_bytes(value))


def read_json(path: Path, largest: int = LARGEST_JSON) -> dict[str, Any]:
    """A JSON object.

    Args:
        largest: bytes that are read.

    Raises:
        GankitError: the file is damaged, no object, has a key twice, or is too large.
    """
    try:
        return json_object(path, largest)
    except OSError as error:
        why, hint = error.strerror or error, "Check its permissions, or restore it from a copy"
        raise GankitError(f"{path} cannot be read: {why}", hint) from None
    except RecursionError:
        why = "it is nested too deeply"
        raise GankitError(f"{path} cannot be read: {why}", "Restore it from a copy") from None
    except ValueError as error:
        raise GankitError(f"{path} cannot be read: {error}", "Restore it from a copy") from None


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def package_file(package: str, *parts: str) -> Path:
    """A file inside an installed package, which is not imported: scikit-learn takes seconds."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return Path(found.origin).parent.joinpath(*parts)


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


@contextlib.contextmanager
def set_aside(file: Path) -> Iterator[Path | None]:
    """The old file while a new one is written in its place; None if there is none."""
    if not file.exists():
        yield None
        return
    before = file.with_name(f".{file.name}.before")
    file.replace(before)
    try:
        yield before
    finally:
        before.unlink()
