"""The item of this modality: one clip of a fixed number of frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LABEL = "label"
"""The name of the condition."""
Frames = np.ndarray[Any, np.dtype[np.uint8]]
Values = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip with its class.

    Attributes:
        frames: ``(T, H, W, C)``, uint8; C is 1 (grey) or 3 (RGB).
        fps: frames per second at which it plays.
        label: the class, or None.
        values: numbers by name, such as a table's.
        name: the path inside the data set, with the frame at which the clip begins; or the row.
    """

    frames: Frames = field(repr=False)
    fps: float = 12.0
    label: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
