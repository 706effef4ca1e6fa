"""The result of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.contract import Codec, Sample
from gankit.metrics import Score
from gankit.metrics.near_items import Near as Near
from gankit.metrics.near_items import Neighbours
from gankit.plugins.records import LoadedModality

CODEC_BASELINES = ("gaussian", "reconstruction")
"""Baselines of a learned codec without the generator."""
WARM_BASELINE = "after warm-up"
"""The generator as it was before the adversarial game."""


@dataclass
class Evaluation:
    """What was compared, and the scores."""

    subject: Path
    """The run, model or folder that was scored."""
    plugin: LoadedModality
    codec: Codec[Any] | None
    """The run's; None for a folder of files."""
    scores: list[Score]
    generated: Sequence[Sample[Any]]
    train: Sequence[Any]
    record: dict[str, Any]
    """The content of ``scores.json``."""
    shown: int
    """Samples to show in a report."""
    neighbours: Neighbours | None = None
    """Training items near samples; None where no extractor was used, or the modality's items are
    not shown singly."""

    @property
    def baselines(self) -> list[str]:
        """Names of the baselines that have scores."""
        return list(dict.fromkeys(name for score in self.scores for name in score.baselines))
