"""Data at addresses: copied once for readers of local files, or streamed as it is needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from gankit.contract import Dataset, Doubt, Progress, ReadsRemote, quiet
from gankit.errors import GankitError
from gankit.kit import copies
from gankit.kit.remote import Remote
from gankit.plugins.records import LoadedModality

T = TypeVar("T")


def read_remote(
    plugin: LoadedModality, address: str, settings: Any, progress: Progress, how: str
) -> Dataset[Any]:
    """The data set at an address.

    Args:
        how: ``copy``, ``stream``, or ``auto``: copied up to 8 GiB, streamed beyond.

    Raises:
        GankitError: it cannot be read, or is too large for a plugin that cannot stream it.
    """
    remote = Remote(address)
    reader = plugin.modality if isinstance(plugin.modality, ReadsRemote) else None
    if how == "copy" or (how == "auto" and copies.fits(remote)):
        found = with_copy(remote, lambda path: plugin.modality.read(path, settings, progress),
                          progress)  # fmt: skip
        fact = f"copied from {remote.shown} ({_size(remote)})"
    elif reader is not None:
        found = reader.read_remote(remote, settings, progress)
        fact = f"streamed from {remote.shown} ({_size(remote)})"
        if not remote.dated:
            found.warnings = [*found.warnings, (
                f"{remote.shown}: the server gives no versions of files, so that a change is "
                "noticed only where it alters names or sizes"
            )]  # fmt: skip
    else:
        why = f"{_size(remote)}, and at most {copies.MOST / 2**30:g} GiB are copied by default"
        what = f"plugin {plugin.info.name} cannot stream data"
        raise GankitError(
            f"{remote.shown}: " + (what if how == "stream" else f"{why}; {what}"),
            "Copy it all the same with data.remote=copy (GANKIT_CACHE names the disk), or give a "
            "part of it",
        )
    found.facts = {**found.facts, "remote": fact}
    return found


def with_copy(remote: Remote, read: Callable[[str], T], progress: Progress = quiet) -> T:
    """What ``read`` makes of a local copy; its errors and warnings name the address.

    Raises:
        GankitError: the files cannot be copied or read.
    """
    path = copies.local_copy(remote, progress)

    def named(text: str) -> str:
        return text.replace(str(path), remote.shown)

    try:
        found = read(str(path))
    except GankitError as error:
        error.message, error.hint = named(error.message), named(error.hint)
        error.args = (error.message,)
        raise
    if isinstance(found, Dataset):
        warned = found.warnings
        found.warnings = [w if isinstance(w, Doubt) else named(w) for w in warned]
        found.facts = {key: named(text) for key, text in found.facts.items()}
    return found


def _size(remote: Remote) -> str:
    total, count = remote.total, len(remote.files)
    size = "of unknown size"
    if total is not None:
        power = min(int(math.log(max(total, 1), 1024)), 4)
        unit = ("bytes", "KiB", "MiB", "GiB", "TiB")[power]
        size = f"{total / 1024**power:,.{int(power > 0)}f} {unit}"
    return size if count == 1 else f"{count:,} files, {size}"
