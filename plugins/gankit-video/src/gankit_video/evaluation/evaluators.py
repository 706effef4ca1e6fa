"""The extractors and evaluators that the settings name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gankit.contract import Evaluator, Extractor
from gankit.errors import GankitError, did_you_mean
from gankit_video.data.items import Clip
from gankit_video.evaluation.class_agreement import ClassAgreement
from gankit_video.evaluation.extractors import frames, motion
from gankit_video.evaluation.i3d import i3d
from gankit_video.evaluation.movement import Movement

if TYPE_CHECKING:
    from gankit_video.settings import VideoSettings

EXTRACTORS = ("frames", "motion", "i3d")


def build_evaluators(
    settings: VideoSettings,
) -> Sequence[Extractor[Clip] | Evaluator[Clip]]:
    """The extractors of ``settings.extractors``, then movement and class agreement.

    Raises:
        GankitError: an unknown extractor, or unusable weights.
    """
    names = list(dict.fromkeys(settings.extractors or ("frames", "motion")))
    if settings.i3d_weights and "i3d" not in names:
        names.append("i3d")
    return [*(_extractor(name, settings) for name in names), Movement(), ClassAgreement()]


def _extractor(name: str, settings: VideoSettings) -> Extractor[Clip]:
    match name:
        case "frames":
            return frames()
        case "motion":
            return motion()
        case "i3d":
            return i3d(settings.i3d_weights)
    raise GankitError(f"extractors={name}: no such extractor", did_you_mean(name, EXTRACTORS))
