"""The question, before training, what covers the people in the data."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from gankit.config.consent import cleaned
from gankit.errors import GankitError
from gankit.screen.console import err, warn

if TYPE_CHECKING:
    from gankit.screen.meter import Meter


def prompt_for_consent(meter: Meter) -> Callable[[str], str] | None:
    """Asks on a terminal; None where nobody is there to answer: a job must not wait for one.

    Args:
        meter: closed before anything is asked.
    """
    if not (sys.stdin.isatty() and err.is_terminal):
        return None

    def ask(people: str) -> str:
        meter.close()
        err.print(f"The data may be of people: {people}.")
        err.print("What consent or other legal basis covers them? It is stored with the model.")
        while True:
            err.print("(Enter to leave it open) ", end="")
            answer = sys.stdin.readline().strip()
            try:
                return cleaned(answer) if answer else ""
            except GankitError as error:
                warn(str(error))

    return ask
