"""How much clips move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import EvaluationData, Evaluator
from gankit_video.data.items import Clip, Values

STILL = 0.1
"""A clip counts as still that moves less than this share of what real ones do, in the median."""
WARN = 0.2
"""The share of still clips, beyond that of real ones, from which on there is a warning."""


class Movement(Evaluator[Clip]):
    """The mean absolute difference of neighbouring frames, in units of real clips' median.

    Scores: ``movement``, the median of generated clips (1 for as much as real ones), and ``still``,
    the share of clips with less than a tenth of that; ``still_real`` for held-out clips.
    """

    name = "movement"
    fingerprint = "mean absolute difference of frames"
    headline: Sequence[str] = ("still",)
    lower_is_better: Mapping[str, bool] = {"still": True}
    meanings: Mapping[str, str] = {"still": "clips that hardly move"}

    def evaluate(self, data: EvaluationData[Clip], rng: np.random.Generator) -> dict[str, float]:
        """Empty where real clips do not move."""
        real, made = _moved(data.heldout), _moved([sample.item for sample in data.generated])
        usual = float(np.median(real)) if len(real) else 0.0
        if not usual or not len(made):
            return {}
        return {
            "movement": float(np.median(made)) / usual,
            "movement_real": 1.0,
            "still": float((made < STILL * usual).mean()),
            "still_real": float((real < STILL * usual).mean()),
        }

    def warnings(self, data: EvaluationData[Clip]) -> Sequence[str]:
        found = self.evaluate(data, np.random.default_rng(0))
        if not found or found["still"] < found["still_real"] + WARN:
            return ()
        return [
            f"{found['still']:.0%} of the generated clips hardly move: train longer, or look "
            "at the scores of motion first"
        ]


def _moved(clips: Sequence[Clip]) -> Values:
    """The mean absolute difference of neighbouring frames of each clip."""
    found = [np.abs(np.diff(clip.frames.astype(np.int16), axis=0)).mean() for clip in clips]
    return np.array(found)
