"""Whether a plugin fits this gankit: its requirements and its API."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, metadata, version

from gankit.contract import (
    OLDEST_PLUGIN_API,
    PLUGIN_API,
)

CHANGED = {
    2: "API 2 passes the codec to every method of a modality and renames the contract's types; the "
    "changelog lists them"
}
"""What a version of the API changed."""
BUNDLED = "gankit-bundled"
"""The keyword in the metadata of this project's own modalities."""
REMOVED = ("gankit.hookspecs", "gankit.items")
"""Modules of API 1: whoever imports them was written for it."""


@dataclass(frozen=True)
class Origin:
    """The distribution that an entry point comes from."""

    name: str
    version: str
    needs: tuple[str, ...] = ()
    """Its requirements, as in its metadata."""
    bundled: bool = False
    """Whether its metadata states that it is part of this project: it is loaded first, so that
    nobody takes its names, and ``GANKIT_PLUGINS`` does not disable it."""


def is_bundled(about: PackageMetadata) -> bool:
    """Whether a distribution's metadata names gankit's own author and carries the keyword: a
    statement, not a proof, and what it grants is small.
    """
    own, author, words = metadata("gankit")["Author"], None, ""
    # The importlib_metadata package, where something imports it, raises for an absent field.
    if "Author" in about and "Keywords" in about:
        author, words = about["Author"], about["Keywords"]
    return BUNDLED in re.split(r"[,\s]+", words) and bool(own) and author == own


def unfit(origin: Origin) -> str:
    """Why the distribution's requirements exclude this gankit; empty if they do not."""
    for line in origin.needs:
        if not re.match(r"gankit(?![\w.-])", line):
            continue
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            needed = Requirement(line)
        except InvalidRequirement:
            continue
        if needed.marker and not needed.marker.evaluate({"extra": ""}):
            continue
        if not needed.specifier.contains(version("gankit"), prereleases=True):
            return (
                f"{origin.name} {origin.version} needs gankit {needed.specifier}; "
                f"this is gankit {version('gankit')}"
            )
    return ""


def other_api(api: object, origin: Origin) -> tuple[str, str] | None:
    """Why a plugin of that API cannot be used, and which versions can; None when it can."""
    if isinstance(api, int) and OLDEST_PLUGIN_API <= api <= PLUGIN_API:
        return None
    ours = " or ".join(str(n) for n in range(OLDEST_PLUGIN_API, PLUGIN_API + 1))
    why = (
        f"{origin.name} {origin.version} was written for plugin API {api}; "
        f"gankit {version('gankit')} accepts API {ours}"
    )
    if not isinstance(api, int):
        return why, f"The API is an integer: its authors should state {PLUGIN_API}"
    if api > PLUGIN_API:
        return why, (
            f"Install a newer gankit, or an older version of {origin.name}, written for API {ours}"
        )
    changed = f"{CHANGED[api + 1]}. " if api + 1 in CHANGED else ""
    return why, f"{changed}Install a newer version of {origin.name}, written for API {ours}"


class ImportTimeout(BaseException):
    """Not an Exception, so that a plugin's own ``except Exception`` does not swallow it."""

    def __str__(self) -> str:
        return "it was not imported in time; a hook module should import nothing and do nothing"


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupts code that runs too long, in a main thread and not on Windows."""
    if not hasattr(signal, "setitimer") or (
        threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def ring(number: int, frame: object) -> None:
        raise ImportTimeout

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
