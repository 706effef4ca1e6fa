"""The extractors and evaluators that the settings name."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gankit.contract import Evaluator, Extractor
from gankit.errors import GankitError, did_you_mean
from gankit_image.data.images import Image
from gankit_image.evaluation.class_agreement import ClassAgreement
from gankit_image.evaluation.extractors import (
    EFFICIENTNET_PACKAGES,
    efficientnet_lite0,
    random_conv,
)
from gankit_image.evaluation.inception import inception_v3

if TYPE_CHECKING:
    from gankit_image.codec.image_codec import ImageCodec
    from gankit_image.settings import ImageSettings

EXTRACTORS = ("random-conv", "efficientnet-lite0", "inception-v3")
"""What ``settings.extractors`` may name, besides ``auto``."""


def build_evaluators(
    settings: ImageSettings, codec: ImageCodec | None = None
) -> Sequence[Extractor[Image] | Evaluator[Image]]:
    """The extractors of ``settings.extractors``, then :class:`ClassAgreement` on the first of them,
    unless the labels are numbers. For bands ``auto`` is ``random-conv``, which sees them all.

    Raises:
        GankitError: an unknown extractor, a missing package, or unusable weights.
    """
    auto = _auto(codec)
    names = dict.fromkeys(auto if name == "auto" else name for name in settings.extractors)
    extractors = [_extractor(name, settings, codec) for name in names] or [random_conv(codec)]
    if codec is not None and codec.numbers:
        return extractors
    return (*extractors, ClassAgreement(extractors[0], codec))


def _auto(codec: ImageCodec | None) -> str:
    if codec is not None and codec.format.banded:
        return "random-conv"
    found = all(map(importlib.util.find_spec, EFFICIENTNET_PACKAGES))
    return "efficientnet-lite0" if found else "random-conv"


def _extractor(name: str, settings: ImageSettings, codec: ImageCodec | None) -> Extractor[Image]:
    match name:
        case "random-conv":
            return random_conv(codec)
        case "efficientnet-lite0":
            return efficientnet_lite0(codec)
        case "inception-v3":
            return inception_v3(settings.inception_weights, codec)
    raise GankitError(
        f"extractors={name}: no such extractor", did_you_mean(name, ("auto", *EXTRACTORS))
    )
