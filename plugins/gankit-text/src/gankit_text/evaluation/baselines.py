"""Simpler models beside the generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gankit.contract import Progress
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings


def baselines(
    train: Sequence[Text], settings: TextSettings, n: int, seed: int, progress: Progress
) -> Mapping[str, Sequence[Text]]:
    """Texts by simpler models, by their names."""
    return {}
