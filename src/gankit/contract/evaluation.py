"""What a plugin measures: features, scores, and the downstream model for augmentation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from gankit.contract.data import Item, Sample

if TYPE_CHECKING:
    import numpy as np


class Extractor(ABC, Generic[Item]):
    """Features in which distances between data sets are measured."""

    name: str
    """Part of the name of its scores: ``frechet/<name>``."""
    fingerprint: str
    """A hash of the weights, or of the recipe that draws them."""
    aliases: Mapping[str, str] = {}
    """Established names of scores with exactly this extractor, as ``{"frechet": "fid"}``."""
    backbone: str = ""
    """The pretrained network whose features these are, by the name that :attr:`Networks.backbones`
    has for it; empty for none. Scores are marked where the discriminator is built on it."""

    def fit(self, train: Sequence[Item]) -> None:
        """Called once before :meth:`features`, with the real training items."""

    @abstractmethod
    def features(self, items: Sequence[Item]) -> np.ndarray[Any, Any]:
        """Float64 features of shape ``(N, D)``."""

    def accepts(self, item: Item) -> bool:
        """Whether an item has features at all, which an invalid one may lack: distances are then
        computed over the others, and it never enters an augmented data set.
        """
        return True


@dataclass
class EvaluationData(Generic[Item]):
    """What an :class:`Evaluator` compares."""

    generated: Sequence[Sample[Item]]
    train: Sequence[Item]
    heldout: Sequence[Item]
    """Real items that were not used for training."""


class Evaluator(ABC, Generic[Item]):
    """Scores specific to a modality, beyond distances between features."""

    name: str
    fingerprint: str = ""
    """A hash of whatever the scores depend on besides the data, if anything."""
    backbone: str = ""
    """As for :class:`Extractor`, where the scores are computed on such features."""
    headline: Sequence[str] = ()
    """The scores that a summary shows first, and a verdict of a few hundred samples at the end of
    training; they take about a second. Its warnings are shown there, too."""
    lower_is_better: Mapping[str, bool] = {}
    """By the name of a score, where one of both holds; summaries compare these with real data."""
    meanings: Mapping[str, str] = {}
    """By the name of a score, what it is about, for summaries: ``{"tstr_auc": "usefulness"}``."""

    @abstractmethod
    def evaluate(self, data: EvaluationData[Item], rng: np.random.Generator) -> dict[str, float]:
        """Named scores, or an empty mapping where they do not apply."""

    def details(
        self, data: EvaluationData[Item], rng: np.random.Generator
    ) -> Sequence[Mapping[str, object]]:
        """A row per part of the data: per column, class or property. None by default.

        Stored with the scores and shown in the report, so that no single item may be recognised.

        Args:
            rng: as for :meth:`evaluate`, so that both can draw the same items.

        Returns:
            Mappings with the same keys, the first of which names the part, as
            ``{"column": "age", "kind": "number", "shape": 0.97, "shape_real": 0.98}``: ``x_real``
            is the real-data baseline of the similarity ``x``, which is 1 at best. Rows of a
            ``stage`` are read as a funnel: ``share`` is the share of all items that pass it and the
            stages before, ``share_real`` that of held-out items, ``meaning`` what passing means.
            Rows of a ``model`` compare scores that are traded against each other, by their names:
            the first two are drawn as points, and the report adds a row for each baseline.
        """
        return ()

    def warnings(self, data: EvaluationData[Item]) -> Sequence[str]:
        """Poor results that scores alone may hide, one sentence each with what to do: most items
        invalid, repeats, copies of training items. None by default."""
        return ()


class DownstreamModel(ABC, Generic[Item]):
    """The standard predictive model of a modality, for benchmarking augmentation."""

    mitigations: Sequence[str] = ()
    """The usual alternatives to synthetic data, by name: class weights, oversampling, flips."""

    @abstractmethod
    def scores(
        self, train: Sequence[Item], test: Sequence[Item], key: str, mitigation: str, seed: int
    ) -> dict[str, float]:
        """Trains on ``train`` and tests on ``test``.

        Args:
            key: what to predict, one of :meth:`Augmentable.attributes`.
            mitigation: one of ``mitigations``; empty for none.
            seed: of everything random.

        Returns:
            Scores where higher is better; none where the mitigation does not apply to the key.

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
