"""Whether a plugin fits this gankit: its requirements and its API."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from gankit.contract import (
    OLDEST_PLUGIN_API,
    PLUGIN_API,
)

GANKIT_OF_API = {0: "<0.1", 1: ">=0.1"}
"""Which versions of gankit take plugins of an API."""


@dataclass(frozen=True)
class Origin:
    """The distribution that an entry point comes from."""

    name: str
    version: str
    needs: tuple[str, ...] = ()
    """Its requirements, as its metadata has them."""


def unfit(origin: Origin) -> str:
    """Why the distribution does not fit this gankit, going by its requirements; or nothing."""
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
    """What is wrong with a plugin of that API, and which versions fit; None when it is ours."""
    if isinstance(api, int) and OLDEST_PLUGIN_API <= api <= PLUGIN_API:
        return None
    ours = " or ".join(str(n) for n in range(OLDEST_PLUGIN_API, PLUGIN_API + 1))
    why = (
        f"{origin.name} {origin.version} was written for plugin API {api}; "
        f"gankit {version('gankit')} takes API {ours}"
    )
    if not isinstance(api, int):
        return why, f"An API is a number: its authors should write {PLUGIN_API}"
    if api > PLUGIN_API:
        return why, (
            f"Install a newer gankit, or an older version of {origin.name}, written for API {ours}"
        )
    return why, (
        f"Install a newer version of {origin.name}, written for API {ours}, "
        f"or gankit {GANKIT_OF_API.get(api, 'of that time')}"
    )


class ImportTimeout(BaseException):
    """No Exception, so that a plugin's own ``except Exception`` does not swallow it."""

    def __str__(self) -> str:
        return "it was not imported in time; a hook module should import nothing and do nothing"


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupts what takes too long, where there are alarms: a main thread, and not Windows."""
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
