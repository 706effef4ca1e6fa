from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gankit.contract import EvaluationData, Extractor, Sample
from gankit.metrics.evaluate import evaluate
from gankit_text.data.items import Text
from gankit_text.evaluation.evaluators import (
    Copying,
    Variety,
    evaluators,
    ks_distance,
    total_variation,
)
from gankit_text.evaluation.quality import FORWARD, REVERSE, dominated
from gankit_text.evaluation.wordllama import WordLlama
from gankit_text.settings import TextSettings

ADJECTIVES = ["big", "small", "green", "old", "quick", "lazy", "brave", "quiet", "striped", "wild"]
ANIMALS = ["cat", "dog", "horse", "owl", "mouse", "fox"]
TOOLS = ["hammer", "saw", "needle", "lamp", "wheel", "rope"]
VERBS = [
    "that sleeps",
    "that runs in the night",
    "used by sailors",
    "of old houses",
    "of the north",
]


def written(n, seed):
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        label = ["animal", "tool"][rng.integers(2)]
        noun = rng.choice(ANIMALS if label == "animal" else TOOLS)
        adjectives = " ".join(rng.choice(ADJECTIVES, 2))
        made.append(Text(f"a {adjectives} {noun} {rng.choice(VERBS)}", label))
    return made


TRAIN, HELDOUT, FRESH = written(400, 0), written(80, 1), written(80, 2)


def shuffled(item):
    words = item.text.split()
    np.random.default_rng(0).shuffle(words)
    return replace(item, text=" ".join(words))


SETS = {
    "fresh": FRESH,
    "shuffled": [shuffled(item) for item in FRESH],
    "collapsed": [FRESH[i % 3] for i in range(80)],
    "copies": TRAIN[:80],
    "mislabelled": [
        replace(item, label={"animal": "tool", "tool": "animal"}[item.label]) for item in FRESH
    ],
}


def data_of(items):
    return EvaluationData([Sample(item, i, {}) for i, item in enumerate(items)], TRAIN, HELDOUT)


@pytest.fixture(scope="module")
def scores():
    """Of every set, by name; ``real`` are the baselines."""
    samples = {name: data_of(items).generated for name, items in SETS.items()}
    sources = evaluators(None, TextSettings(language_model=False))
    found = evaluate(sources, data_of(FRESH), baselines=samples)
    by_set = {name: {s.name: s.baselines[name] for s in found} for name in SETS}
    return by_set | {"real": {s.name: s.real_baseline for s in found}}


def test_every_score_has_a_real_baseline(scores):
    # the kernel distance's spread and such are of the core
    assert all(value is not None for value in scores["real"].values())
    assert {FORWARD, REVERSE, "self_bleu", "copied_span"} <= set(scores["real"])


def test_a_language_model_tells_shuffled_words_where_embeddings_hardly_do(scores):
    fresh, mixed = scores["fresh"], scores["shuffled"]
    assert mixed[FORWARD] > fresh[FORWARD] + 0.5
    assert mixed[REVERSE] > fresh[REVERSE] + 0.1
    assert mixed["new_4grams"] > fresh["new_4grams"] + 0.2
    assert mixed["frechet/wordllama"] < 2 * fresh["frechet/wordllama"]


def test_a_collapsed_set_is_told_by_its_variety(scores):
    fresh, few = scores["fresh"], scores["collapsed"]
    assert few["self_bleu"] > 0.99 > fresh["self_bleu"]
    assert few["unique"] == 3 / 80
    assert few[REVERSE] > fresh[REVERSE] + 0.5


def test_copies_are_told_by_their_spans(scores):
    fresh, copied = scores["fresh"], scores["copies"]
    assert copied["copied_texts"] == copied["copied_span"] == 1
    assert copied["new_4grams"] == 0
    assert fresh["copied_span"] < 0.95


def test_wrong_labels_are_told_by_the_classifier(scores):
    assert scores["fresh"]["label_agreement"] > 0.95
    assert scores["mislabelled"]["label_agreement"] < 0.05


def test_texts_without_labels_have_no_agreement():
    bare = [replace(item, label=None) for item in FRESH]
    found = evaluate(evaluators(None, TextSettings(language_model=False)), data_of(bare))
    assert "label_agreement" not in {score.name for score in found}


def test_warnings_name_repeats_copies_and_empty_texts():
    assert not Variety().warnings(data_of(FRESH))
    assert "repeat" in Variety().warnings(data_of(SETS["collapsed"]))[0]
    assert (
        "1 of 2 generated texts are empty"
        in (Variety().warnings(data_of([Text("a b"), Text("")]))[0])
    )
    assert not Copying().warnings(data_of(HELDOUT))
    assert (
        "100% of generated texts are training texts"
        in (Copying().warnings(data_of(SETS["copies"]))[0])
    )


def test_likelihood_wins_only_where_it_is_better_in_both():
    def row(name, forward, reverse):
        return {"model": name, FORWARD: forward, REVERSE: reverse}

    real = row("real", 2.0, 2.0)
    better, repetitive = (
        row("language model t=0.9", 2.1, 2.4),
        row("language model t=0.6", 1.5, 3.5),
    )
    ours = row("generated", 2.5, 3.0)
    (said,) = dominated([ours, real, repetitive, better])
    assert said.startswith("likelihood wins: a language model t=0.9")
    assert not dominated([ours, real, repetitive])
    assert not dominated([row("generated", 2.1, 2.4), real, better])
    assert not dominated([])


def test_embeddings_are_read_from_files_and_are_blind_to_order():
    extractor = WordLlama()
    features = extractor.features([Text("a quick fox"), Text("fox a quick"), Text("sea"), Text("")])
    assert features.shape == (4, 256)
    assert np.linalg.norm(features[0] - features[1]) < np.linalg.norm(features[0] - features[2]) / 2
    assert not features[3].any()
    assert len(extractor.fingerprint) == 16
    assert not extractor.accepts(Text(" "))


def test_a_missing_embedder_is_named(monkeypatch):
    monkeypatch.setattr("gankit_text.evaluation.wordllama.find_spec", lambda name: None)
    from gankit.errors import GankitError

    with pytest.raises(GankitError, match="wordllama"):
        WordLlama().features([Text("a")])


def test_only_the_embedder_is_an_extractor_and_comes_first():
    sources = evaluators(None, TextSettings())
    assert [isinstance(source, Extractor) for source in sources][:2] == [True, False]


def test_distances_by_hand():
    from collections import Counter

    assert ks_distance(np.array([1, 2, 3, 4]), np.array([3, 4, 5, 6])) == 0.5
    assert total_variation(Counter("aab"), Counter("abb")) == pytest.approx(1 / 3)
    assert total_variation(Counter("a"), Counter()) == 1
