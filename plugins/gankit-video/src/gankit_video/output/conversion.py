"""Clips as what other libraries take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gankit.errors import GankitError
from gankit_video.data.items import Clip


def convert(items: Sequence[Clip], to: str) -> Any:
    """``numpy``: (N, T, H, W, C), uint8; ``torch``: the same as a tensor (N, T, C, H, W).

    Raises:
        GankitError: clips of several shapes.
    """
    shapes = {clip.frames.shape for clip in items}
    if len(shapes) > 1:
        raise GankitError("the clips have several shapes", "Convert them one by one")
    stack = np.stack([clip.frames for clip in items]) if items else np.empty((0,), np.uint8)
    if to == "numpy":
        return stack
    import torch

    return torch.from_numpy(stack).permute(0, 1, 4, 2, 3) if items else torch.from_numpy(stack)
