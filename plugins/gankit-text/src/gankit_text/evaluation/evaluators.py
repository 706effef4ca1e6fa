"""What is measured of generated texts."""

from __future__ import annotations

from collections.abc import Sequence

from gankit.contract import Codec, Evaluator, Extractor
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings


def evaluators(
    codec: Codec[Text] | None, settings: TextSettings
) -> Sequence[Extractor[Text] | Evaluator[Text]]:
    """Extractors and evaluators, the default ones first."""
    return ()
