"""The item of this modality: one clip of sound, with what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

Samples: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

LABEL = "label"
"""The value that names a clip's class."""
PITCH = "pitch"
"""The value that is a clip's fundamental frequency, as a MIDI note number (69 is 440 Hz)."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip of the run's rate, channels and duration.

    Attributes:
        samples: float32 ``(channels, T)``, full scale is 1.
        rate: samples a second.
        values: what is known of it by name: ``label``, ``pitch``, columns of a manifest; a class
            is a text, a quantity a float.
        name: where it comes from: a path inside the data set, or a row.
        recording: float32 ``(channels, L)``, L at least T: what random windows are cut from,
            where ``slice=random`` asks for them; otherwise None.
    """

    samples: Samples = field(repr=False)
    rate: int
    values: Mapping[str, str | float] = field(default_factory=dict)
    name: str = ""
    recording: Samples | None = field(default=None, repr=False)

    @property
    def label(self) -> str | None:
        """The clip's class, where it has one."""
        found = self.values.get(LABEL)
        return None if found is None else str(found)
