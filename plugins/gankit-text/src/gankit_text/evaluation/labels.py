"""Whether texts belong to their labels, by a classifier of real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gankit.contract import EvaluationData
from gankit_text.data.items import Text
from gankit_text.evaluation.base import Scores, TextEvaluator, TextSet, some, whole

MAX_FITTED = 20_000
"""Training texts that the classifier is fitted to."""
FEWEST = 5
"""Texts of a class below which it is left out."""
GRAMS = (2, 4)
"""Characters of the n-grams that are weighted: they need no words, so any script will do."""


def classifier(weights: str | None = None, seed: int = 0) -> Any:
    """Logistic regression on TF-IDF weights of character n-grams inside words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(
            analyzer="char_wb", ngram_range=GRAMS, sublinear_tf=True, max_features=50_000
        ),
        LogisticRegression(C=10.0, max_iter=500, class_weight=weights, random_state=seed),
    )


class Labels(TextEvaluator):
    """``label_agreement``: the share of labelled texts that a classifier of real training texts
    assigns to their label; none where there are no labels."""

    name = "labels"
    lower_is_better: Mapping[str, bool] = {"label_agreement": False}
    meanings: Mapping[str, str] = {
        "label_agreement": "share of texts that a classifier trained on real ones assigns to the "
        "label they were generated for"
    }

    def __init__(self) -> None:
        self._fitted: tuple[object, Any] | None = None

    def scores(
        self,
        generated: TextSet,
        heldout: TextSet,
        data: EvaluationData[Text],
        rng: np.random.Generator,
    ) -> Scores:
        if not any(item.label for item in generated.items):
            return {}
        model = self._model(data, rng)
        if model is None:
            return {}
        known, found = set(model.classes_), Scores()
        for part, ending in ((generated, ""), (heldout, "_real")):
            labelled = [i for i in part.items if i.label in known and whole(i).strip()]
            if labelled:
                guessed = model.predict([whole(item) for item in labelled])
                agree = [guess == i.label for guess, i in zip(guessed, labelled, strict=True)]
                found[f"label_agreement{ending}"] = float(np.mean(agree))
        return found

    def _model(self, data: EvaluationData[Text], rng: np.random.Generator) -> Any:
        """Fitted once to the training texts, whichever texts are scored."""
        if self._fitted is None or self._fitted[0] is not data.train:
            self._fitted = data.train, fitted(some(data.train, MAX_FITTED, rng))
        return self._fitted[1]


def fitted(items: Sequence[Text]) -> Any:
    """The classifier of the classes with enough texts; None where there are fewer than two."""
    counts = Counter(item.label for item in items if item.label)
    used = {label for label, count in counts.items() if count >= FEWEST}
    if len(used) < 2:
        return None
    labelled = [item for item in items if item.label in used]
    return classifier().fit([whole(i) for i in labelled], [i.label for i in labelled])
