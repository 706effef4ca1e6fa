"""The downstream model: a random forest on features of compositions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gankit.contract import DownstreamModel
from gankit.errors import GankitError
from gankit_material.data.items import Material
from gankit_material.evaluation.features import Floats, regression_features

Labels = np.ndarray[Any, np.dtype[np.str_]]
TREES, MAX_TRAINING, MAX_CLASSES = 100, 10_000, 50


class CompositionModel(DownstreamModel[Material]):
    """Predicts a property or the label from the composition.

    Scores of numbers: R² and Spearman's correlation, without mitigations; of the label: accuracy,
    balanced accuracy, and F1, macro.
    """

    mitigations = ("class-weights", "oversampling")

    def scores(
        self,
        train: Sequence[Material],
        test: Sequence[Material],
        key: str,
        mitigation: str,
        seed: int,
    ) -> dict[str, float]:
        fit, known = _with_values(train, key)
        held, truth = _with_values(test, key)
        if len(set(known)) < 2 or len(held) < 2:
            raise GankitError(
                f"{key} cannot be predicted: there are not two values, or two test materials",
                "Choose another key",
            )
        rng = np.random.default_rng(seed)
        # A random nine tenths for each seed, so that the intervals are meaningful.
        chosen = np.sort(rng.permutation(len(fit))[: min(int(0.9 * len(fit)) + 1, MAX_TRAINING)])
        x, held_x = regression_features([fit[i] for i in chosen]), regression_features(held)
        values = [known[i] for i in chosen]
        if all(isinstance(value, float) for value in known):
            if mitigation:
                return {}
            return _of_numbers(x, np.array(values, float), held_x, np.array(truth, float), seed)
        labels = np.array([str(value) for value in values])
        return _of_classes(x, labels, held_x, np.array(list(map(str, truth))), mitigation, rng)


def _with_values(
    materials: Sequence[Material], key: str
) -> tuple[list[Material], list[float | str]]:
    found = [(m, m.label if key == "label" else m.values.get(key)) for m in materials]
    known = [(m, value) for m, value in found if value is not None]
    return [m for m, _ in known], [value for _, value in known]


def _of_numbers(x: Floats, y: Floats, held: Floats, truth: Floats, seed: int) -> dict[str, float]:
    from scipy.stats import spearmanr
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.metrics import r2_score

    model = RandomForestRegressor(TREES, max_features=0.33, random_state=seed)
    predicted = model.fit(x, y).predict(held)
    scores = {"r2": float(r2_score(truth, predicted))}
    if np.ptp(predicted) > 0 and np.ptp(truth) > 0:
        scores["spearman"] = float(spearmanr(truth, predicted).statistic)
    return scores


def _of_classes(
    x: Floats,
    labels: Labels,
    held: Floats,
    truth: Labels,
    mitigation: str,
    rng: np.random.Generator,
) -> dict[str, float]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

    classes, numbers = np.unique(labels, return_inverse=True)
    seen = np.isin(truth, classes)
    if not 2 <= len(classes) <= MAX_CLASSES or not seen.any():
        raise GankitError(
            f"the label cannot be predicted: it has {len(classes)} classes",
            f"Choose a key with 2 to {MAX_CLASSES} classes that training and test share",
        )
    if mitigation == "oversampling":
        most = np.bincount(numbers).max()
        rows = np.concatenate([
            rng.choice(np.flatnonzero(numbers == i), most, replace=True)
            for i in range(len(classes))
        ])  # fmt: skip
        x, labels = x[rows], labels[rows]
    weights = "balanced" if mitigation == "class-weights" else None
    seed = int(rng.integers(2**31))
    model = RandomForestClassifier(TREES, class_weight=weights, random_state=seed).fit(x, labels)
    predicted, truth = model.predict(held[seen]), truth[seen]
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "balanced_accuracy": float(balanced_accuracy_score(truth, predicted)),
        "f1": float(f1_score(truth, predicted, average="macro")),
    }
