"""What a plugin measures: features, scores, and the model that tells what augmentation is worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from gankit.contract.data import Item, Sample

if TYPE_CHECKING:
    import numpy as np


class Extractor(ABC, Generic[Item]):
    """Features under which distances between data sets are measured."""

    name: str
    """Scores carry it: ``frechet/<name>``."""
    fingerprint: str
    """A hash of the weights or of the recipe that draws them."""
    aliases: Mapping[str, str] = {}
    """Established names of a score with this very extractor, as ``{"frechet": "fid"}``."""

    @abstractmethod
    def features(self, items: Sequence[Item]) -> np.ndarray[Any, Any]:
        """Float64 features of shape ``(N, D)``."""

    def accepts(self, item: Item) -> bool:
        """Whether an item has features at all, which what is no valid item may lack: distances
        are then over the others, and no such item enters an augmented data set.
        """
        return True


@dataclass
class EvaluationData(Generic[Item]):
    """What an :class:`Evaluator` compares."""

    generated: Sequence[Sample[Item]]
    train: Sequence[Item]
    heldout: Sequence[Item]
    """Real items that training never saw."""


class Evaluator(ABC, Generic[Item]):
    """Scores of a modality's own, beyond distances between features."""

    name: str
    fingerprint: str = ""
    """A hash of whatever the scores depend on besides the data, if there is such a thing."""

    @abstractmethod
    def evaluate(self, data: EvaluationData[Item], rng: np.random.Generator) -> dict[str, float]:
        """Named scores, or an empty mapping where they do not apply."""


class DownstreamModel(ABC, Generic[Item]):
    """The standard model of a modality, to measure what augmentation is worth."""

    mitigations: Sequence[str] = ()
    """The usual alternatives to generated items, by name: class weights, oversampling, flips."""

    @abstractmethod
    def scores(
        self, train: Sequence[Item], test: Sequence[Item], key: str, remedy: str, seed: int
    ) -> dict[str, float]:
        """Trains on ``train`` and tests on ``test``.

        Args:
            key: what to predict, one of :meth:`Modality.values`.
            remedy: one of ``mitigations``; empty for none.
            seed: of whatever is drawn.

        Returns:
            Scores of which higher ones are better; none where the remedy does not apply to the key.

        Raises:
            GankitError: the key cannot be predicted.
        """


@dataclass(frozen=True)
class Metric:
    """A score of feature sets: ``(real (N, D), generated (M, D), rng) -> {name: value}``."""

    name: str
    function: Callable[
        [np.ndarray[Any, Any], np.ndarray[Any, Any], np.random.Generator], dict[str, float]
    ]
