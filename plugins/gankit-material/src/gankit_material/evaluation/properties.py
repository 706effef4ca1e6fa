"""Whether requested properties are met, as a model of the property predicts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gankit.contract import EvaluationData, Evaluator, Sample
from gankit_material.data.items import Material
from gankit_material.data.summary import conditions_of
from gankit_material.evaluation.features import Floats, regression_features
from gankit_material.settings import MaterialSettings

LEAST, MOST = 40, 4000
"""Held-out materials that a model is fitted to."""
TREES = 100


class PropertyAgreement(Evaluator[Material]):
    """How generated materials meet the properties that they were generated for.

    A random forest on features of compositions is fitted to held-out materials, which the generator
    has not seen, and predicts the property of generated ones:

    - ``requested/P/r2``, ``requested/P/mae``: coefficient of determination and mean absolute error
      of predicted against requested values;
    - ``wasserstein/P``: distance of predicted values from those predicted for real materials.

    The baselines of the first two are the model's own, on held-out materials that it was not fitted
    to: no generator can show more. Relaxed energies are no part of this.
    """

    name = "properties"

    def __init__(self, settings: MaterialSettings) -> None:
        from importlib.metadata import version

        self._settings = settings
        self.fingerprint = f"1 {TREES} sklearn-{version('scikit-learn')}"

    meanings: Mapping[str, str] = {}

    def evaluate(
        self, data: EvaluationData[Material], rng: np.random.Generator
    ) -> dict[str, float]:
        chosen = rng.choice(len(data.heldout), min(len(data.heldout), MOST), replace=False)
        heldout = [data.heldout[int(i)] for i in np.sort(chosen)]  # a file may be sorted
        names = conditions_of(heldout, self._settings) if heldout else []
        scores: dict[str, float] = {}
        for name in names:
            known = [item for item in heldout if name in item.values]
            asked = [s for s in data.generated if isinstance(s.condition.get(name), float)]
            if len(known) >= LEAST and len(asked) >= 2:
                scores |= self._of(name, known, asked, rng)
        return scores

    def _of(
        self,
        name: str,
        known: Sequence[Material],
        asked: Sequence[Sample[Material]],
        rng: np.random.Generator,
    ) -> dict[str, float]:
        from scipy.stats import wasserstein_distance

        order = rng.permutation(len(known))
        x, y = regression_features(known), np.array([item.values[name] for item in known])
        half = len(known) // 2
        first, second = order[:half], order[half:]
        seed = int(rng.integers(2**31))
        models = [_forest(x[part], y[part], seed) for part in (first, second)]
        wanted = np.array([s.condition[name] for s in asked])
        made = regression_features([s.item for s in asked])
        predicted = np.mean([model.predict(made) for model in models], 0)
        real = np.empty(len(known))
        real[second], real[first] = models[0].predict(x[second]), models[1].predict(x[first])
        scores = {
            f"requested/{name}/r2": _r2(wanted, predicted),
            f"requested/{name}/mae": float(np.abs(wanted - predicted).mean()),
            f"requested/{name}/r2_real": _r2(y, real),
            f"requested/{name}/mae_real": float(np.abs(y - real).mean()),
            f"wasserstein/{name}": float(wasserstein_distance(predicted, real)),
            f"wasserstein/{name}_real": float(wasserstein_distance(real[first], real[second])),
        }
        return {key: value for key, value in scores.items() if np.isfinite(value)}


def _forest(x: Floats, y: Floats, seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(TREES, max_features=0.33, random_state=seed).fit(x, y)


def _r2(truth: Floats, predicted: Floats) -> float:
    spread = ((truth - truth.mean()) ** 2).sum()
    return float(1 - ((truth - predicted) ** 2).sum() / spread) if spread > 0 else float("nan")
