"""Ctrl-C, SIGTERM and a closed terminal: the first saves and stops, the second stops at once.

A second SIGHUP does not: a terminal that is closed sends it twice, by the shell and by the system.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

SIGNALS = [s for name in ("SIGINT", "SIGTERM", "SIGHUP") if (s := getattr(signal, name, None))]
"""Windows has no SIGHUP."""
HANGUP = getattr(signal, "SIGHUP", None)


class StopRequest:
    """Whether the user has asked to stop.

    Args:
        exits: whether asking again ends the process; otherwise it raises KeyboardInterrupt, which
            leaves a notebook's other work alone.
    """

    def __init__(self, exits: bool = True) -> None:
        self.made, self.exits = False, exits

    def __call__(self) -> bool:
        return self.made

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Turns signals into requests; only the main thread can."""

        def stop(number: int, frame: object) -> None:
            if self.made and number != HANGUP:
                if not self.exits:
                    raise KeyboardInterrupt
                os._exit(130)
            self.made = True

        with _handled_by(stop):
            yield


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Signals end the command by KeyboardInterrupt, so that temporary files are removed; a second
    one ends the process at once."""
    made = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal made
        if made:
            if number != HANGUP:
                os._exit(130)
            return
        made = True
        raise KeyboardInterrupt

    with _handled_by(interrupt):
        yield


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    # A signal that is ignored stays so, as SIGHUP under nohup.
    heeded = [s for s in SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]
    try:
        before = {s: signal.signal(s, handler) for s in heeded}
    except ValueError:  # not the main thread: the caller's signals are its own
        before = {}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
