"""Objectives as Python gives them: names, records, functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gankit.contract import Objective
from gankit.errors import GankitError

_GIVE = "Give a name, gankit.Objective(…), or functions (real, fake) -> loss of shape (N,)"


@dataclass(frozen=True)
class Named:
    """An objective of the core or a plugin."""

    name: str


def as_objective(
    given: str | Objective | Callable[..., Any] | Sequence[Callable[..., Any]],
) -> Objective | Named:
    """The objective that a caller means.

    Raises:
        GankitError: it is none.
    """
    if isinstance(given, str):
        return Named(given)
    if isinstance(given, Objective):
        return given
    if callable(given):
        loss = _of_two(given)
        return Objective(_name(loss), loss, lambda real, fake: loss(fake, real), True)
    parts = tuple(given) if hasattr(given, "__len__") else ()
    if len(parts) == 2 and all(map(callable, parts)):
        discriminator, generator = map(_of_two, parts)
        return Objective(_name(discriminator), discriminator, generator, True)
    raise GankitError(f"objective={given!r} is not an objective", _GIVE)


def _of_two(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, if it can be called with two logits.

    Raises:
        GankitError: it cannot.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # of an extension
        return function
    try:
        signature.bind(None, None)
    except TypeError:
        name = getattr(function, "__name__", repr(function))
        raise GankitError(f"objective {name}{signature} does not take two logits", _GIVE) from None
    return function


def _name(function: Callable[..., Any]) -> str:
    """A name that the run's record can state."""
    name = getattr(function, "__name__", "")
    return name if name.isidentifier() else "own"
