"""Clips as arrays."""

from __future__ import annotations

import numpy as np

from gankit_audio.data.clips import Clip
from gankit_audio.output.conversion import convert


def test_clips_are_stacked():
    samples = np.random.default_rng(0).normal(size=(3, 2, 50)).astype(np.float32)
    assert np.array_equal(convert([Clip(one, 8000) for one in samples]), samples)
    assert convert([]).shape == (0, 1, 0)
