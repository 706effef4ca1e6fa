"""Which extractors and evaluators score a model, and which of their scores flatter it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gankit.contract import AvoidsBackbones, Codec, Evaluator, Extractor, Modality
from gankit.metrics import Score

BACKBONES = "backbones"
"""Where ``model.json`` and the provenance record of generated files state what the discriminator
was built on."""


def evaluators_of(
    modality: Modality[Any], codec: Codec[Any] | None, settings: Any, backbones: Collection[str]
) -> Sequence[Extractor[Any] | Evaluator[Any]]:
    """A modality's evaluators, by default without those that share one of the backbones."""
    if backbones and isinstance(modality, AvoidsBackbones):
        return modality.evaluators_without(codec, settings, frozenset(backbones))
    return modality.evaluators(codec, settings)


def backbones_in(record: Mapping[str, Any]) -> frozenset[str]:
    """Those that a model or a record of generated files states."""
    return frozenset(record.get(BACKBONES, ()))


def flattery(scores: Iterable[Score]) -> list[str]:
    """A warning for each backbone that scores share with the discriminator."""
    found: dict[str, list[str]] = {}
    for score in scores:
        if score.shared_backbone:
            found.setdefault(score.shared_backbone, []).append(score.name)
    return [
        f"{len(names)} scores share {backbone} with the discriminator ({names[0]}, …), which "
        "flatters them: do not compare them with those of other models"
        if len(names) > 1
        else f"{names[0]} shares {backbone} with the discriminator, which flatters it: do not "
        "compare it with that of other models"
        for backbone, names in found.items()
    ]
