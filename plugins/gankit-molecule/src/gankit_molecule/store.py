"""What later runs need not compute again: files in a folder, each written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from gankit.errors import GankitError

ABANDONED = 24 * 3600
"""Seconds after which an unfinished file is taken for what a killed run left."""


class Store:
    """Files by kind and key, below a folder; or none, where nothing is to be kept.

    Args:
        folder: where they lie; None keeps nothing.
        asked: the user named the folder, and wants to know when it cannot be written.
    """

    def __init__(self, folder: Path | None, asked: bool = False) -> None:
        self.folder, self._asked = folder, asked

    def path(self, kind: str, key: str) -> Path | None:
        """Where the file of a key lies, or would lie; None where nothing is kept.

        Args:
            kind: of content, such as ``molecules``: a folder of its own.
            key: the file's name: a hash of all that decides its content, and an ending.
        """
        return None if self.folder is None else self.folder / kind / key

    @contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """A temporary file's path to write to, which takes its name when all went well.

        A full or forbidden disk is passed over in the system's cache, where nobody asked for it.

        Raises:
            GankitError: the folder that the user named cannot be written.
        """
        part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
        try:
            with suppress(OSError):  # what is written to it will say so
                path.parent.mkdir(parents=True, exist_ok=True)
                _sweep(path.parent)
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(part, path)
        except (OSError, SafetensorError) as error:
            if self._asked:
                raise _unwritable(str(self.folder), error) from None
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def append(self, path: Path, text: str) -> None:
        """Puts text at the end of a file that grows, and need not be whole to be read.

        Raises:
            GankitError: the folder that the user named cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            if self._asked:
                raise _unwritable(str(self.folder), error) from None


def open_store(setting: str) -> Store:
    """The store that ``cache=`` asks for: ``auto``, ``none``, or a folder.

    Raises:
        GankitError: the folder that the user named cannot be made.
    """
    if setting in ("none", ""):
        return Store(None)
    asked = setting != "auto"
    folder = Path(setting).expanduser() if asked else _system_cache() / "gankit" / "molecule"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if asked:
            raise _unwritable(setting, error) from None
        return Store(None)  # a system without a cache does without one
    return Store(folder, asked)


def key_of(decides: object, smiles: Iterable[str], more: bytes = b"") -> str:
    """A key of these molecules in this order and of all else that decides what is kept of them.

    Args:
        decides: settings and versions, as their text says them.
    """
    digest = hashlib.sha256(f"{decides}\n".encode())
    for text in smiles:
        digest.update(text.encode() + b"\n")
    digest.update(more)
    return digest.hexdigest()[:32]


def _system_cache() -> Path:
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named)
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local)
    home = Path(os.path.expanduser("~"))
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"


def _sweep(folder: Path) -> None:
    for part in folder.glob("*.part"):
        if time.time() - part.stat().st_mtime > ABANDONED:
            part.unlink(missing_ok=True)


def _unwritable(setting: str, error: Exception) -> GankitError:
    return GankitError(
        f"cache={setting}: cannot be written ({getattr(error, 'strerror', None) or error})",
        "Name another folder, or set cache to none",
    )
