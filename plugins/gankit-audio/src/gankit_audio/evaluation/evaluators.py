"""Builds the extractors and evaluators of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gankit.contract import Evaluator, Extractor
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.artefact_rates import Artefacts
from gankit_audio.evaluation.class_scores import SoundClassifier
from gankit_audio.evaluation.distribution import Distribution
from gankit_audio.evaluation.extractors import build_extractors
from gankit_audio.evaluation.pitch_agreement import PitchAgreement

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings


def build_evaluators(settings: AudioSettings) -> Sequence[Extractor[Clip] | Evaluator[Clip]]:
    """The requested extractors, a :class:`Distribution` for each, then :class:`SoundClassifier`,
    :class:`PitchAgreement` and :class:`Artefacts`.

    Raises:
        GankitError: an unknown extractor, a missing package, weights that cannot be used.
    """
    extractors = build_extractors(settings)
    return (
        *extractors,
        *map(Distribution, extractors),
        SoundClassifier(),
        PitchAgreement(),
        Artefacts(settings),
    )
