"""The base of the evaluators: samples of texts."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gankit.contract import EvaluationData, Evaluator
from gankit.contract.subsets import take
from gankit_text.data.items import Text
from gankit_text.evaluation.words import words_of

Scores = dict[str, float]

MAX_SCORED = 5_000
"""Generated texts that are scored, and as many held-out ones."""
MAX_TRAINING = 50_000
"""Training texts that they are compared with."""
BETWEEN = "\n"
"""Stands between the two texts of a pair where they are scored as one."""


def whole(item: Text) -> str:
    """A text; of a pair, both."""
    return item.text if item.pair is None else f"{item.text}{BETWEEN}{item.pair}"


@dataclass(frozen=True)
class TextSet:
    """Some items."""

    items: Sequence[Text]

    @cached_property
    def texts(self) -> list[str]:
        """Those of all items, empty ones as well."""
        return [whole(item) for item in self.items]

    @cached_property
    def words(self) -> list[list[str]]:
        """The words of each text."""
        return [words_of(text) for text in self.texts]

    def __len__(self) -> int:
        return len(self.items)


class TextEvaluator(Evaluator[Text]):
    """Scores of at least two texts of each kind; those that are not finite are dropped."""

    version = 1
    """Of how the scores are computed: part of the fingerprint."""

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        return f"{self.name}-{self.version}"

    def evaluate(self, data: EvaluationData[Text], rng: np.random.Generator) -> Scores:
        if min(len(data.train), len(data.generated), len(data.heldout)) < 2:
            return {}
        scores = self.scores(*sets(data, rng), data, rng)
        return {name: float(value) for name, value in scores.items() if math.isfinite(value)}

    @abstractmethod
    def scores(
        self,
        generated: TextSet,
        heldout: TextSet,
        data: EvaluationData[Text],
        rng: np.random.Generator,
    ) -> Scores:
        """The scores, some of which may be NaN.

        Args:
            generated: as many as of ``heldout``, so that values and baselines compare.
        """


def sets(data: EvaluationData[Text], rng: np.random.Generator) -> tuple[TextSet, TextSet]:
    """As many generated as held-out texts, drawn at random where one kind has more."""
    n = min(len(data.generated), len(data.heldout), MAX_SCORED)
    made = [data.generated[i].item for i in chosen(len(data.generated), n, rng)]
    return TextSet(made), TextSet(some(data.heldout, n, rng))


def some(items: Sequence[Text], count: int, rng: np.random.Generator) -> list[Text]:
    """A random subset in the items' order; all where there are no more."""
    return list(take(items, chosen(len(items), count, rng)))


def chosen(length: int, count: int, rng: np.random.Generator) -> list[int]:
    """Numbers of a random subset, ascending."""
    found: list[int] = sorted(rng.choice(length, min(count, length), replace=False).tolist())
    return found


def training_texts(data: EvaluationData[Text], rng: np.random.Generator) -> list[str]:
    """At most ``MAX_TRAINING`` of them."""
    return TextSet(some(data.train, MAX_TRAINING, rng)).texts
