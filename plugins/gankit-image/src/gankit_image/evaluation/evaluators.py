"""The extractors and evaluators that the settings name."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from gankit.contract import Evaluator, Extractor
from gankit.errors import GankitError, did_you_mean
from gankit_image.data.images import Image
from gankit_image.evaluation.class_agreement import ClassAgreement
from gankit_image.evaluation.dino import dino
from gankit_image.evaluation.extractors import (
    EFFICIENTNET,
    EFFICIENTNET_PACKAGES,
    efficientnet_lite0,
    random_conv,
)
from gankit_image.evaluation.inception import inception_v3
from gankit_image.evaluation.label_features import LabelFeatures

if TYPE_CHECKING:
    from gankit_image.codec.image_codec import ImageCodec
    from gankit_image.settings import ImageSettings

EXTRACTORS = ("random-conv", EFFICIENTNET, "inception-v3", "dino", "labels")
"""What ``settings.extractors`` may name, besides ``auto``."""


def build_evaluators(
    settings: ImageSettings, codec: ImageCodec | None = None, backbones: Collection[str] = ()
) -> Sequence[Extractor[Image] | Evaluator[Image]]:
    """The extractors of ``settings.extractors``, then :class:`ClassAgreement` on the first of them,
    unless the labels are numbers. For bands ``auto`` is ``random-conv``, which sees them all.

    Args:
        backbones: pretrained networks that ``auto`` does without, since the discriminator is built
            on them. Class agreement then uses the features of labels, where there are any.

    Raises:
        GankitError: an unknown extractor, a missing package, or unusable weights.
    """
    auto = _auto(settings, codec, backbones)
    chosen = [n for name in settings.extractors for n in (auto if name == "auto" else (name,))]
    names = dict.fromkeys(chosen)
    extractors = [_extractor(name, settings, codec) for name in names] or [random_conv(codec)]
    if codec is not None and codec.numbers:
        return extractors
    by_label = next((e for e in extractors if isinstance(e, LabelFeatures)), extractors[0])
    return (*extractors, ClassAgreement(by_label, codec))


def _auto(
    settings: ImageSettings, codec: ImageCodec | None, backbones: Collection[str]
) -> Sequence[str]:
    banded = codec is not None and codec.format.banded
    found = all(map(importlib.util.find_spec, EFFICIENTNET_PACKAGES))
    if EFFICIENTNET not in backbones:
        return [EFFICIENTNET if found and not banded else "random-conv"]
    given = {"inception-v3": settings.inception_weights, "dino": settings.dino_weights}
    names = [name for name, path in given.items() if path and name not in backbones]
    labels = ["labels"] if codec is not None and codec.labels else []
    return [*names, "random-conv", *labels]


def _extractor(name: str, settings: ImageSettings, codec: ImageCodec | None) -> Extractor[Image]:
    match name:
        case "random-conv":
            return random_conv(codec)
        case "efficientnet-lite0":
            return efficientnet_lite0(codec)
        case "inception-v3":
            return inception_v3(settings.inception_weights, codec)
        case "dino":
            return dino(settings.dino_weights, codec)
        case "labels":
            return LabelFeatures(codec)
    raise GankitError(
        f"extractors={name}: no such extractor", did_you_mean(name, ("auto", *EXTRACTORS))
    )
