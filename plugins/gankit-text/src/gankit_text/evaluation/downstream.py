"""The model that measures what augmentation is worth."""

from __future__ import annotations

from gankit.contract import DownstreamModel
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings


def downstream_model(settings: TextSettings) -> DownstreamModel[Text] | None:
    """The downstream model; None where there is none."""
    return None
