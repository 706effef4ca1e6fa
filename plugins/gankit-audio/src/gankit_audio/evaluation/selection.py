"""The clips that an evaluator compares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gankit.contract import EvaluationData
from gankit.contract.subsets import take
from gankit_audio.data.clips import LABEL, Clip

Values = np.ndarray[Any, Any]

Scores = dict[str, float]

TRAIN, COMPARED = 3000, 2000
"""Most training clips, and most generated and held-out clips, that are compared."""

BLOCK = 128
"""Clips in memory at once."""


def sample_indices(count: int, of: int, rng: np.random.Generator) -> list[int]:
    """At most ``count`` of ``of`` numbers, drawn without replacement, sorted."""
    return sorted(rng.choice(of, min(count, of), replace=False).tolist())


def blocks(items: Sequence[Any], indices: Sequence[int]) -> Iterator[Sequence[Any]]:
    """Items by number, ``BLOCK`` at a time."""
    for start in range(0, len(indices), BLOCK):
        yield take(items, indices[start : start + BLOCK])


def classes_of(items: Sequence[Clip], indices: Sequence[int], key: str) -> list[str | None]:
    """The class of each clip under a key; None where there is none."""
    found = (clip.values.get(key) for block in blocks(items, indices) for clip in block)
    return [value if isinstance(value, str) else None for value in found]


class Selection:
    """Random clips of each part, by number."""

    def __init__(self, data: EvaluationData[Clip], rng: np.random.Generator) -> None:
        self.data = data
        self.train = sample_indices(TRAIN, len(data.train), rng)
        self.generated = sample_indices(COMPARED, len(data.generated), rng)
        self.heldout = sample_indices(COMPARED, len(data.heldout), rng)

    def of(self, function: Callable[[Sequence[Clip]], Values]) -> tuple[Values, Values, Values]:
        """A function, ``(N, …)``, of the training, generated and held-out clips, in blocks."""
        return (
            np.concatenate([function(b) for b in blocks(self.data.train, self.train)]),
            np.concatenate(
                [
                    function([sample.item for sample in block])
                    for block in blocks(self.data.generated, self.generated)
                ]
            ),
            np.concatenate([function(b) for b in blocks(self.data.heldout, self.heldout)]),
        )

    def requested(self, key: str) -> list[str | float | None]:
        """The condition that each generated clip was generated for."""
        return [
            sample.condition.get(key)
            for block in blocks(self.data.generated, self.generated)
            for sample in block
        ]


def enough(data: EvaluationData[Clip]) -> bool:
    """Whether every part has at least two clips."""
    return min(len(data.train), len(data.generated), len(data.heldout)) >= 2


def class_key(data: EvaluationData[Clip]) -> str:
    """The first condition whose values are classes; the label if there is none."""
    condition = data.generated[0].condition
    return next((key for key, value in condition.items() if isinstance(value, str)), LABEL)
