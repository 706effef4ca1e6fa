"""The item of this modality: an array with the values that it is conditioned on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Item:
    """One array.

    Attributes:
        x: of the data's shape and type.
        c: ``label`` as text, or numbers ``c0``, ``c1`` …, by name; empty without conditions.
    """

    x: Array
    c: Mapping[str, str | float] = field(default_factory=dict)


def stacked(items: Sequence[Item]) -> Array:
    """The arrays as one, ``(N, *shape)``."""
    return np.stack([item.x for item in items])


def flat(items: Sequence[Item]) -> Array:
    """The arrays as rows of float64, ``(N, numbers)``."""
    return stacked(items).reshape(len(items), -1).astype(np.float64)
