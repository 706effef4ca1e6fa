"""Scores: the numbers themselves as features, and how well each is distributed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gankit.contract import EvaluationData, Evaluator, Extractor
from gankit_tensor.item import Array, Item, flat

MOST = 256
"""Features; of items with more numbers, random projections."""


class Values(Extractor[Item]):
    """The numbers of an item in standard deviations of the training data; of more than ``MOST``,
    so many random projections."""

    name = "values"
    fingerprint = f"identity, or {MOST} Gaussian projections of seed 0"

    def fit(self, train: Sequence[Item]) -> None:
        x = flat([train[i] for i in range(len(train))])
        self._mean, deviation = x.mean(0), x.std(0)
        self._scale = np.where(deviation > 0, deviation, 1.0)

    def features(self, items: Sequence[Item]) -> Array:
        x: Array = (flat(items) - self._mean) / self._scale
        if x.shape[1] <= MOST:
            return x
        directions = np.random.default_rng(0).standard_normal((x.shape[1], MOST))
        return np.asarray(x @ (directions / np.sqrt(x.shape[1])))


class Marginals(Evaluator[Item]):
    """How far single numbers and pairs of them are from the real ones.

    - ``wasserstein``: the mean over numbers of the Wasserstein-1 distance, in standard deviations.
    - ``correlation``: the mean absolute difference of correlations; for at most ``MOST`` numbers.

    ``<name>_real`` is the score of as many held-out items.
    """

    name = "marginals"

    def evaluate(self, data: EvaluationData[Item], rng: np.random.Generator) -> dict[str, float]:
        n = min(len(data.generated), len(data.heldout))
        if n < 2:
            return {}
        train = flat([data.train[i] for i in range(len(data.train))])
        made = flat([sample.item for sample in data.generated[:n]])
        heldout = flat([data.heldout[i] for i in range(n)])
        real = {f"{name}_real": value for name, value in _scores(heldout, train).items()}
        return _scores(made, train) | real


def _scores(x: Array, train: Array) -> dict[str, float]:
    deviation = train.std(0)
    varies = deviation > 0
    if not varies.any():
        return {}
    x, train = x[:, varies], train[:, varies]
    levels = (np.arange(len(x)) + 0.5) / len(x)
    gap = np.abs(np.sort(x, 0) - np.quantile(train, levels, axis=0)).mean(0)
    found = {"wasserstein": float((gap / deviation[varies]).mean())}
    if 2 <= x.shape[1] <= MOST:
        with np.errstate(invalid="ignore", divide="ignore"):
            difference = np.corrcoef(x.T) - np.corrcoef(train.T)
        above = np.abs(np.nan_to_num(difference)[np.triu_indices(x.shape[1], 1)])
        found["correlation"] = float(above.mean())
    return found
