"""Builds the extractors of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gankit.contract import Extractor
from gankit.errors import GankitError, did_you_mean
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.clap import clap
from gankit_audio.evaluation.pann import pann
from gankit_audio.evaluation.random_mel import random_mel
from gankit_audio.evaluation.vggish import vggish

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings


EXTRACTORS = ("random-mel", "vggish", "pann", "clap")
"""Names in ``settings.extractors``, besides ``auto``."""


def build_extractors(settings: AudioSettings) -> list[Extractor[Clip]]:
    """The requested extractors; ``random-mel`` by default.

    Raises:
        GankitError: an unknown extractor, a missing package, weights that cannot be used.
    """
    names = dict.fromkeys("random-mel" if n == "auto" else n for n in settings.extractors)
    return [_extractor(name, settings) for name in names] or [random_mel()]


def _extractor(name: str, settings: AudioSettings) -> Extractor[Clip]:
    match name:
        case "random-mel":
            return random_mel()
        case "vggish":
            return vggish(settings.vggish_weights)
        case "pann":
            return pann(settings.pann_weights)
        case "clap":
            return clap(settings.clap_path)
    raise GankitError(
        f"extractors={name}: no such extractor", did_you_mean(name, ("auto", *EXTRACTORS))
    )
