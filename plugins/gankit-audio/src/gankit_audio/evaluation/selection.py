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
"""Training clips, and generated or held-out ones, that are looked at, at the most."""

BLOCK = 128
"""Clips that are held in memory at once."""


def sample_indices(count: int, of: int, rng: np.random.Generator) -> list[int]:
    return sorted(rng.choice(of, min(count, of), replace=False).tolist())


def blocks(items: Sequence[Any], indices: Sequence[int]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(indices), BLOCK):
        yield take(items, indices[start : start + BLOCK])


def classes_of(items: Sequence[Clip], indices: Sequence[int], key: str) -> list[str | None]:
    found = (clip.values.get(key) for block in blocks(items, indices) for clip in block)
    return [value if isinstance(value, str) else None for value in found]


class Selection:
    """The numbers of the clips that an evaluator looks at."""

    def __init__(self, data: EvaluationData[Clip], rng: np.random.Generator) -> None:
        self.data = data
        self.train = sample_indices(TRAIN, len(data.train), rng)
        self.generated = sample_indices(COMPARED, len(data.generated), rng)
        self.heldout = sample_indices(COMPARED, len(data.heldout), rng)

    def of(self, function: Callable[[Sequence[Clip]], Values]) -> tuple[Values, Values, Values]:
        """``(N, …)`` for training, generated and held-out clips, some at a time."""
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

    def asked(self, key: str) -> list[str | float | None]:
        """What each generated clip was asked to be."""
        return [
            sample.condition.get(key)
            for block in blocks(self.data.generated, self.generated)
            for sample in block
        ]


def enough(data: EvaluationData[Clip]) -> bool:
    return min(len(data.train), len(data.generated), len(data.heldout)) >= 2


def class_key(data: EvaluationData[Clip]) -> str:
    """The first condition whose values are classes; the label, where there is none."""
    asked = data.generated[0].condition
    return next((key for key, value in asked.items() if isinstance(value, str)), LABEL)
