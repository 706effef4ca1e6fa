"""What all checks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gankit.testing.subject import CheckFailed

FEW = 128
"""Items on each side of a distance; fewer where the data has fewer."""


def expect(held: object, what: str, fix: str) -> None:
    """Raises:
    CheckFailed: it does not hold.
    """
    if not held:
        raise CheckFailed(what, fix)


def expect_float(what: str, x: Tensor, shape: tuple[int, ...], fix: str) -> None:
    fits = tuple(x.shape) == shape and x.dtype == torch.float32
    expect(fits, f"{what}: {x.dtype} of shape {tuple(x.shape)}, not float32 {shape}", fix)
    expect(x.isfinite().all(), f"{what}: not finite", "Guard divisions, roots and logs")


@dataclass(frozen=True)
class Check:
    """One requirement of the contract."""

    name: str
    summary: str
    run: Callable[[Any], None]
    """Raises :class:`CheckFailed`, or :class:`NotApplicable`."""

    @classmethod
    def of(cls, function: Callable[[Any], None]) -> Check:
        summary = (function.__doc__ or "").partition("\n")[0]
        return cls(function.__name__.replace("_", "-"), summary, function)
