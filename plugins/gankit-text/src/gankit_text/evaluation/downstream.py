"""The downstream model: a text classifier, for benchmarking augmentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gankit.contract import DownstreamModel
from gankit.errors import GankitError
from gankit_text.data.items import Text
from gankit_text.evaluation.base import whole
from gankit_text.evaluation.labels import classifier
from gankit_text.evaluation.words import words_of

MAX_TRAINING = 20_000
"""Texts that are trained on."""
MOST_CLASSES = 50
LABEL = "label"
EDA, CLASS_WEIGHTS = "EDA", "class-weights"
CHANGED, COPIES = 0.1, 4
"""EDA: the share of a text's words that a copy changes, and the copies of each text."""


def downstream_model(settings: object) -> DownstreamModel[Text]:
    """The classifier; it has no settings."""
    return TextClassifier()


class TextClassifier(DownstreamModel[Text]):
    """Logistic regression on TF-IDF weights of character n-grams, which predicts the label.

    Mitigations: class weights, and easy data augmentation (Wei and Zou 2019, arXiv 1901.11196): for
    each text four copies in which words are swapped, deleted or repeated elsewhere. Replacing words
    by synonyms would need a thesaurus of the language, and is left out.

    Scores: accuracy, balanced accuracy and F1 (macro).
    """

    mitigations = (EDA, CLASS_WEIGHTS)

    def scores(
        self, train: Sequence[Text], test: Sequence[Text], key: str, mitigation: str, seed: int
    ) -> dict[str, float]:
        from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

        if key != LABEL:
            raise GankitError(
                f"{key} cannot be predicted: the downstream model of texts predicts their label",
                "Use --target label",
            )
        rng = np.random.default_rng(seed)
        known = [item for item in train if item.label is not None]
        # Nine tenths, other ones for each seed, so that intervals mean something; the same for all
        # mitigations.
        count = min(max(round(0.9 * len(known)), 2), MAX_TRAINING)
        fit = [known[i] for i in np.sort(rng.permutation(len(known))[:count]).tolist()]
        classes = Counter(item.label for item in fit)
        held = [item for item in test if item.label in classes]
        if not 2 <= len(classes) <= MOST_CLASSES or len(held) < 2:
            raise GankitError(
                f"label cannot be predicted: {len(classes)} classes and {len(held)} test texts",
                f"Use data with 2 to {MOST_CLASSES} labels that training and test share",
            )
        if mitigation == EDA:
            fit = [*fit, *(changed(item, rng) for item in fit for _ in range(COPIES))]
        weights = "balanced" if mitigation == CLASS_WEIGHTS else None
        model = classifier(weights, seed)
        model.fit([whole(item) for item in fit], [item.label for item in fit])
        guess, truth = model.predict([whole(i) for i in held]), [item.label for item in held]
        return {
            "accuracy": float(accuracy_score(truth, guess)),
            "balanced_accuracy": float(balanced_accuracy_score(truth, guess)),
            "f1": float(f1_score(truth, guess, average="macro", zero_division=0)),
        }


def changed(item: Text, rng: np.random.Generator) -> Text:
    """A copy of a text in which about a tenth of its words, and at least one, are swapped, deleted
    or repeated elsewhere, one of the three."""
    words = words_of(item.text) if " " not in item.text else item.text.split()
    count = max(round(CHANGED * len(words)), 1)
    operation = int(rng.integers(3))
    for _ in range(count if len(words) > 1 else 0):
        i, j = rng.integers(len(words), size=2).tolist()
        if operation == 0:
            words[i], words[j] = words[j], words[i]
        elif operation == 1 and len(words) > 2:
            del words[i]
        else:
            words.insert(j, words[i])
    between = " " if " " in item.text else ""
    return replace(item, text=between.join(words), read=None)
