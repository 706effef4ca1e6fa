"""Clips as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gankit_audio.data.clips import Clip


def convert(items: Sequence[Clip]) -> np.ndarray[Any, Any]:
    """Clips as float32 ``(N, channels, T)``, full scale 1; their rate is that of each clip."""
    return np.stack([item.samples for item in items]) if items else np.zeros((0, 1, 0), np.float32)
