"""What an evaluation found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.contract import Sample
from gankit.metrics import Score
from gankit.plugins.registry import (
    LoadedModality,
)

CODEC_ALONE = ("gaussian", "reconstruction")
"""Columns of what a learnt codec makes without the generator."""


@dataclass
class Evaluation:
    """What was compared, and the scores."""

    subject: Path
    plugin: LoadedModality
    scores: list[Score]
    generated: Sequence[Sample[Any]]
    train: Sequence[Any]
    record: dict[str, Any]
    """What ``scores.json`` says."""
    shown: int
    """Samples to show."""

    @property
    def baselines(self) -> list[str]:
        """Whom else than the generator some score names."""
        return list(dict.fromkeys(name for score in self.scores for name in score.baselines))
