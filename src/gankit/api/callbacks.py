"""Callbacks as Python gives them: objects with some of the methods, or functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gankit.contract import Callback
from gankit.errors import GankitError

METHODS = ("started", "tick", "preview", "warning", "finished")


class Function(Callback):
    """A function of the values of a tick."""

    def __init__(self, function: Callable[[dict[str, Any]], None]) -> None:
        self.function = function

    def tick(self, values: dict[str, Any]) -> None:
        self.function(dict(values))


class Partial(Callback):
    """An object that has some of the methods."""

    def __init__(self, given: Any) -> None:
        for method in METHODS:
            if (function := getattr(given, method, None)) is not None:
                setattr(self, method, function)


def as_callback(given: Any) -> Callback:
    """The callback that a caller means.

    Raises:
        GankitError: it is none.
    """
    if isinstance(given, Callback):
        return given
    if not isinstance(given, type):
        if any(hasattr(given, method) for method in METHODS):
            return Partial(given)
        if callable(given):
            return Function(given)
    raise GankitError(
        f"a callback is {given!r}",
        f"Give a function of a tick's values, or an object with {', '.join(METHODS)}",
    )
