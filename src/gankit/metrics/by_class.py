"""Shares of a class, for the details of evaluators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Values = np.ndarray[Any, Any]


def shares_by_class(
    found: Mapping[str, tuple[Values, Values]], name: str
) -> list[dict[str, object]]:
    """A row for each class that was requested.

    Args:
        found: by the end of a score's name (``""`` for generated items, ``"_real"`` for held-out
            ones): their classes, and whether each was recognised, both ``(N,)``.
        name: of the share.

    Returns:
        ``{"class": "cat", "NAME": 0.9, "NAME_real": 0.95}``; None for a class without items.
    """
    return [
        {
            "class": str(label),
            **{
                f"{name}{end}": float(right[labels == label].mean())
                if (labels == label).any()
                else None
                for end, (labels, right) in found.items()
            },
        }
        for label in np.unique(found[""][0])
    ]
