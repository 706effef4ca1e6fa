"""The item of this modality: a clip of sound with its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

Samples: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

LABEL = "label"
"""The name of the value that is a clip's class."""
PITCH = "pitch"
"""The name of the value that is a clip's fundamental frequency, as a MIDI note number (69 is
440 Hz)."""


@dataclass(frozen=True)
class Original:
    """Where a clip of the user's data comes from, so that it can leave as it was.

    Attributes:
        content: gives the recording: its path, bytes or samples.
        row: its row in a table, without the audio.
        columns: of the rows of all clips.
        start, seconds: the part of the recording that is the clip; None where it is the
            recording's only clip, which then stands for all of it.
        made: whether gankit generated it: the data is an augmented data set.
    """

    content: Callable[[], Any]
    row: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence[str] = ()
    start: float = 0.0
    seconds: float | None = None
    made: bool = False


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip; all clips of a run have the same rate, channels and duration.

    Attributes:
        samples: float32 ``(channels, T)``, full scale is 1.
        rate: samples per second.
        values: ``label``, ``pitch`` and columns of a manifest, by name; text for classes, floats
            for numbers.
        name: its path inside the data set, or its row.
        recording: float32 ``(channels, L)``, L at least T, from which random windows are cut;
            None unless ``slice=random``.
        original: None for a generated clip.
    """

    samples: Samples = field(repr=False)
    rate: int
    values: Mapping[str, str | float] = field(default_factory=dict)
    name: str = ""
    recording: Samples | None = field(default=None, repr=False)
    original: Original | None = field(default=None, repr=False)

    @property
    def label(self) -> str | None:
        """The class; None for a clip without one."""
        found = self.values.get(LABEL)
        return None if found is None else str(found)
