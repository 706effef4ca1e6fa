"""Copies of files at addresses in the user's cache, for readers of local files.

A copy is made once for each version of the files, and continued where it was interrupted. The
folder ``remote`` of the cache may be deleted whenever no run reads it.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from gankit.contract import Progress, quiet
from gankit.errors import GankitError
from gankit.kit.files import cache_folder
from gankit.kit.remote import Remote

MOST = 8 * 2**30
"""Bytes that are copied unless the user wants more."""


def fits(remote: Remote) -> bool:
    """Whether the files are small enough to be copied unasked."""
    return (remote.total or 0) <= MOST


def local_copy(remote: Remote, progress: Progress = quiet) -> Path:
    """A local copy of the files: a file where the address is one, a folder otherwise.

    Raises:
        GankitError: they cannot be read or written, or the disk is too small.
    """
    if remote.scheme == "file" and remote.single:
        return Path(remote.files[0].path)
    folder = _root() / _name(remote)
    target = folder / remote.files[0].name if remote.single else folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):  # other processes of the same run
            _copy(remote, folder, progress)
    except OSError as error:
        raise GankitError(
            f"{remote.shown}: cannot be copied to {folder} ({error.strerror or error})",
            "Free some space, or name another cache folder: GANKIT_CACHE=/large/disk",
        ) from None
    return target


def _copy(remote: Remote, folder: Path, progress: Progress) -> None:
    marker = folder / ".complete"
    if marker.exists() and remote.dated:
        return
    total, done = remote.total or 0, 0
    if total > _free(folder):
        raise GankitError(
            f"{remote.shown}: {total / 2**30:,.1f} GiB do not fit on the disk of {folder}",
            "Stream it with data.remote=stream, or name another cache folder: "
            "GANKIT_CACHE=/large/disk",
        )

    def moved(count: int) -> None:
        nonlocal done
        done += count
        progress("copying to the cache", done, total)

    for file in remote.files:
        path = folder / file.name
        if path.exists() and remote.dated:
            moved(file.size or 0)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        if not remote.dated:
            part.unlink(missing_ok=True)
        remote.download(file, str(part), moved)
        os.replace(part, path)
    marker.touch()


def _name(remote: Remote) -> str:
    """A folder's name for an address and the version of its files."""
    plain = re.sub(r"[^\w.-]+", "-", remote.shown.partition("://")[2])[-40:].strip("-.")
    address = hashlib.sha256(remote.shown.encode()).hexdigest()[:12]
    return f"{plain}-{address}-{remote.fingerprint[:12] if remote.dated else 'undated'}"


def _root() -> Path:
    """The folder of all copies; a temporary one where the user wants no cache."""
    global _temporary
    if (folder := cache_folder("remote")) is not None:
        return folder
    if _temporary is None:
        _temporary = Path(tempfile.mkdtemp(prefix="gankit-remote-"))
        atexit.register(shutil.rmtree, _temporary, ignore_errors=True)
    return _temporary


_temporary: Path | None = None


def _free(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
