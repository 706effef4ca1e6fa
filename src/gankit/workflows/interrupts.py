"""Ctrl-C, SIGTERM and a closed terminal: the first saves and stops, the second stops at once."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

SIGNALS = [s for name in ("SIGINT", "SIGTERM", "SIGHUP") if (s := getattr(signal, name, None))]
"""Windows has no SIGHUP."""


class StopRequest:
    """Whether the user has asked to stop."""

    def __init__(self) -> None:
        self.made = False

    def __call__(self) -> bool:
        return self.made

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Turns signals into requests; only the main thread can."""

        def stop(number: int, frame: object) -> None:
            if self.made:
                os._exit(130)
            self.made = True

        # A signal that is ignored stays so, as SIGHUP under nohup.
        heeded = [s for s in SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]
        try:
            before = {s: signal.signal(s, stop) for s in heeded}
        except ValueError:  # not the main thread: the caller's signals are its own
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
