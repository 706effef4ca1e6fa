from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import GankitError
from gankit_text.data.items import Text
from gankit_text.evaluation.downstream import EDA, changed, downstream_model
from gankit_text.settings import TextSettings

RNG = np.random.default_rng(0)
TRAIN = [Text(f"{w} {i} and so on", label) for i in range(20)
         for w, label in (("apple pear", "fruit"), ("lion wolf", "animal"))]  # fmt: skip
TEST = [Text("a ripe pear", "fruit"), Text("the wolf", "animal"), Text("x", None)]


@pytest.fixture(scope="module")
def model():
    return downstream_model(TextSettings())


@pytest.mark.parametrize("mitigation", ["", "EDA", "class-weights"])
def test_it_predicts_labels(model, mitigation):
    scores = model.scores(TRAIN, TEST, "label", mitigation, 0)
    assert scores == {"accuracy": 1, "balanced_accuracy": 1, "f1": 1}


def test_what_it_cannot_predict_is_refused(model):
    with pytest.raises(GankitError, match="stars cannot be predicted"):
        model.scores(TRAIN, TEST, "stars", "", 0)
    with pytest.raises(GankitError, match="1 classes"):
        model.scores(TRAIN[::2], TEST, "label", "", 0)


def test_eda_keeps_the_label_and_most_words():
    assert EDA in downstream_model(TextSettings()).mitigations
    item = Text("one two three four five six seven eight nine ten", "numbers")
    kinds = {changed(item, RNG).text for _ in range(60)}
    assert len(kinds) > 20
    words = set(item.text.split())
    assert all(set(text.split()) <= words and len(text.split()) in (9, 10, 11) for text in kinds)
    assert changed(item, RNG).label == "numbers"


@pytest.mark.parametrize("text", ["", "one", "我爱你们"])
def test_eda_of_short_texts_and_texts_without_spaces(text):
    made = changed(Text(text, "x"), RNG)
    assert " " not in made.text
    assert set(made.text) <= set(text)
