"""Mixes any number of channels down to one or two."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

# The share of each loudspeaker in the left and the right channel (ITU-R BS.775-3, table 2); the
# subwoofer is dropped.
_SIDE = math.sqrt(0.5)
_SHARES = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": (_SIDE, _SIDE),
    "BL": (_SIDE, 0.0),
    "BR": (0.0, _SIDE),
    "SL": (_SIDE, 0.0),
    "SR": (0.0, _SIDE),
    "BC": (0.5, 0.5),
    "LFE": (0.0, 0.0),
}
# The order of loudspeakers in WAV, FLAC and others.
_USUAL = {
    2: "FL FR",
    3: "FL FR FC",
    4: "FL FR BL BR",
    5: "FL FR FC BL BR",
    6: "FL FR FC LFE BL BR",
    7: "FL FR FC LFE BC SL SR",
    8: "FL FR FC LFE BL BR SL SR",
}
# Vorbis I specification, section 4.3.9; libsndfile keeps that order.
_VORBIS = {
    3: "FL FC FR",
    5: "FL FC FR BL BR",
    6: "FL FC FR BL BR LFE",
    7: "FL FC FR SL SR BC LFE",
    8: "FL FC FR SL SR BL BR LFE",
}


@lru_cache(64)
def mixdown(inputs: int, outputs: int, vorbis: bool = False) -> Samples:
    """The matrix ``(inputs, outputs)`` that multiplies frames ``(n, inputs)``.

    Its columns sum to 1, so that nothing exceeds full scale. A single channel goes to both sides;
    more than eight channels, whose order is unknown, are averaged.

    Args:
        inputs: channels of a recording.
        outputs: 1 or 2.
        vorbis: whether the channels are in the order of Ogg Vorbis.
    """
    names = (_VORBIS if vorbis else {}).get(inputs) or _USUAL.get(inputs)
    shares = np.array([_SHARES[name] for name in names.split()] if names else [[1, 1]] * inputs)
    shares = shares / shares.sum(0)
    return np.asarray(shares if outputs == 2 else shares.mean(1, keepdims=True), np.float32)
