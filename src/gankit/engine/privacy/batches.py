"""Real batches by Poisson sampling."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from gankit.contract import Codec
from gankit.engine.data import RealSamples
from gankit.engine.privacy.secret import Privacy


class PoissonSamples(RealSamples):
    """Real batches of varying size, the sampling that the accountant assumes.

    Nothing is padded and nothing can overflow: gradients are taken a few samples at a time.
    """

    def __init__(
        self, items: Sequence[Any], codec: Codec[Any], *, privacy: Privacy, **given: Any
    ) -> None:
        self.privacy = privacy
        super().__init__(items, codec, **given)

    def _indices(self) -> Iterator[list[int]]:
        for position in itertools.count(self.position, self.batch):
            yield self.privacy.sampled(position)
