"""A cache folder: files that later runs need not compute again, each written whole or not at all.

For plugins with a setting ``cache`` of ``auto`` (a folder of the system's cache), ``none`` or a
path. Whoever reads a file of the cache ignores a damaged one, and writes it again.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from gankit.errors import GankitError
from gankit.kit.files import ABANDONED


class Cache:
    """Files by kind and name below a folder.

    Args:
        folder: where they are; None caches nothing.
        strict: whether a folder that cannot be written is an error. It is where the user named the
            folder; the system's cache is optional.
    """

    def __init__(self, folder: Path | None, strict: bool = False) -> None:
        self.folder, self.strict = folder, strict

    def path(self, kind: str, name: str) -> Path | None:
        """The path of a file that may or may not exist; None where nothing is cached.

        Args:
            kind: of content, such as ``molecules``: a subfolder. Empty for none.
            name: a hash of everything that determines the content, and a suffix.
        """
        return None if self.folder is None else self.folder / kind / name

    @contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """A temporary path to write to; it becomes ``path`` when the block ends without an error.
        Nothing is stored if the block writes no file, or deletes it again.

        Raises:
            GankitError: the folder cannot be written, and ``strict`` is set.
        """
        part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
        try:
            with suppress(OSError):  # opening the file for writing raises the same
                path.parent.mkdir(parents=True, exist_ok=True)
                _delete_abandoned(path.parent)
            yield part
            if part.exists():
                with part.open("rb+") as file:
                    os.fsync(file.fileno())
                os.replace(part, path)
        except (OSError, SafetensorError) as error:
            if self.strict:
                raise _not_writable(self.folder, error) from None
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def append(self, path: Path, text: str) -> None:
        """Appends text to a file of lines, whose last one may be cut off.

        Raises:
            GankitError: the folder cannot be written, and ``strict`` is set.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab+") as file:
                if file.seek(0, os.SEEK_END):  # a last line that is cut off stays by itself
                    file.seek(-1, os.SEEK_END)
                    text = text if file.read(1) == b"\n" else f"\n{text}"
                file.write(text.encode(errors="surrogateescape"))
        except OSError as error:
            if self.strict:
                raise _not_writable(self.folder, error) from None


def open_cache(setting: str, auto: Path | None) -> Cache:
    """The cache for a setting: ``auto``, ``none`` (or empty), or a path.

    Args:
        auto: the folder for ``auto``, see :func:`gankit.kit.files.cache_folder`; None for none.

    Raises:
        GankitError: the folder that the user named cannot be created.
    """
    named = setting not in ("auto", "none", "")
    folder = Path(setting).expanduser() if named else auto if setting == "auto" else None
    if folder is None:
        return Cache(None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if named:
            raise _not_writable(folder, error) from None
        return Cache(None)
    return Cache(folder, strict=named)


def _delete_abandoned(folder: Path) -> None:
    for part in folder.glob("*.part"):
        if time.time() - part.stat().st_mtime > ABANDONED:
            part.unlink(missing_ok=True)


def _not_writable(folder: Path | None, error: Exception) -> GankitError:
    return GankitError(
        f"cache={folder}: cannot be written ({getattr(error, 'strerror', None) or error})",
        "Name another folder, or set cache to none",
    )
