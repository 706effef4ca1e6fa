"""One command trains in a run directory at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from gankit.errors import GankitError
from gankit.runs.directory import CONFIG


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes the folder and holds its lock; an empty folder is removed again.

    Raises:
        GankitError: another command holds it, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise GankitError(
            f"another process is training in {folder}", "Wait for it, or choose another --out"
        ) from None
    except OSError as error:
        raise GankitError(
            f"cannot write {error.filename or folder}: {error.strerror}", "Choose another --out"
        ) from error
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):  # nothing was trained: leave no empty folder behind
            if not (folder / CONFIG).is_file():
                (folder / ".lock").unlink(missing_ok=True)
                for place in made:
                    place.rmdir()
