"""Channels: any number of loudspeakers to one or two."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

# How much of each loudspeaker goes to the left and to the right (ITU-R BS.775-3, table 2). What a
# subwoofer plays is left out.
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
# WAV's order of loudspeakers, which FLAC and others follow.
_USUAL = {
    2: "FL FR",
    3: "FL FR FC",
    4: "FL FR BL BR",
    5: "FL FR FC BL BR",
    6: "FL FR FC LFE BL BR",
    7: "FL FR FC LFE BC SL SR",
    8: "FL FR FC LFE BL BR SL SR",
}
# Vorbis I specification, section 4.3.9; libsndfile leaves that order as it is.
_VORBIS = {
    3: "FL FC FR",
    5: "FL FC FR BL BR",
    6: "FL FC FR BL BR LFE",
    7: "FL FC FR SL SR BC LFE",
    8: "FL FC FR SL SR BL BR LFE",
}


@lru_cache(64)
def mixdown(given: int, wanted: int, vorbis: bool = False) -> Samples:
    """The matrix ``(given, wanted)`` by which frames ``(n, given)`` are multiplied.

    Its columns sum to 1, so nothing goes beyond full scale. One channel is heard on both sides;
    more than eight, whose places nobody knows, are averaged.

    Args:
        given: channels of a recording.
        wanted: 1 or 2.
        vorbis: whether they come in the order of Ogg Vorbis.
    """
    names = (_VORBIS if vorbis else {}).get(given) or _USUAL.get(given)
    shares = np.array([_SHARES[name] for name in names.split()] if names else [[1, 1]] * given)
    shares = shares / shares.sum(0)
    return np.asarray(shares if wanted == 2 else shares.mean(1, keepdims=True), np.float32)
