from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.contract import EvaluationData, Sample, quiet
from gankit.kit.cache import Cache
from gankit_text.data.items import Text
from gankit_text.evaluation import baselines as module
from gankit_text.evaluation.baselines import TEMPERATURES, baselines, epochs_of, writer_of
from gankit_text.evaluation.language_model import Corpus, LanguageModel, train
from gankit_text.evaluation.quality import FORWARD, REVERSE, Quality
from gankit_text.settings import TextSettings

SETTINGS = TextSettings(width=32, epochs=60, cache="none", vocabulary=40)


def written(n, seed):
    rng = np.random.default_rng(seed)
    words = {"day": ["sun", "noon"], "night": ["moon", "star"]}
    found = []
    for _ in range(n):
        label = ["day", "night", "night"][rng.integers(3)]
        found.append(Text(f"the {rng.choice(words[label])} is {rng.choice(['up', 'down'])}", label))
    return found


TRAIN = written(300, 0)


@pytest.fixture(scope="module")
def writer():
    return writer_of(TRAIN, SETTINGS, cache=Cache(None))


def test_it_writes_texts_of_their_labels(writer):
    made = writer.sample(200, 0, 1.0)
    known = {(item.text, item.label) for item in TRAIN}
    assert np.mean([(item.text, item.label) in known for item in made]) > 0.9
    assert 0.55 < np.mean([item.label == "night" for item in made]) < 0.78
    assert len({item.text for item in made} & {item.text for item in TRAIN}) == 8


def test_a_text_depends_on_its_seed_only(writer):
    assert writer.sample(3, 5, 1.0) == writer.sample(8, 0, 1.0)[5:]


def test_colder_texts_vary_less(writer):
    def varied(temperature):
        return len({item.text for item in writer.sample(200, 0, temperature)})

    assert varied(0.05) < varied(1.0) < varied(4.0)


def test_weights_are_cached_and_damaged_ones_trained_again(tmp_path, monkeypatch):
    monkeypatch.setattr("gankit_text.evaluation.language_model.LEAST_STEPS", 1)
    settings, cache, trained = TextSettings(width=8, epochs=1), Cache(tmp_path), []
    real = module.train
    monkeypatch.setattr(module, "train", lambda *a: trained.append(1) or real(*a))
    monkeypatch.setattr(module, "_last", {})
    first = writer_of(TRAIN[:50], settings, cache=cache).sample(5, 0, 1.0)
    module._last.clear()
    assert writer_of(TRAIN[:50], settings, cache=cache).sample(5, 0, 1.0) == first
    assert len(trained) == 1
    (file,) = (tmp_path / "language-models").iterdir()
    file.write_bytes(b"torn")
    module._last.clear()
    assert writer_of(TRAIN[:50], settings, cache=cache).sample(5, 0, 1.0) == first
    assert len(trained) == 2


def test_its_budget_is_that_of_the_autoencoder():
    rows = [[0] * 9] * 100
    assert epochs_of(TextSettings(epochs=7), rows) == 7
    assert epochs_of(TextSettings(), rows) == module.MOST_EPOCHS
    assert epochs_of(TextSettings(), [[0] * 999] * 1000) == module.TOKENS / 1e6


def test_training_ends_when_texts_set_aside_gain_no_more():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    noise = Corpus([rng.integers(0, 50, 5).tolist() for _ in range(200)], [-1] * 200)
    assert train(LanguageModel(50, 0, 64), noise, 200, 0) < 150


def test_texts_are_as_long_as_those_it_learned_from():
    """Batches are of texts of similar length: each token has to count alike in all of them."""
    rng = np.random.default_rng(0)
    texts = [Text("a " * (1 if rng.random() < 0.5 else 30) + "b") for _ in range(600)]
    settings = TextSettings(width=32, epochs=20, vocabulary=20, cache="none")
    made = writer_of(texts, settings, cache=Cache(None)).sample(400, 0, 1.0)
    assert 0.4 < np.mean([len(item.text) < 20 for item in made]) < 0.6


def test_pairs_are_written_as_pairs():
    pairs = [Text("yes", pair="ja"), Text("no", pair="nein")] * 30
    made = writer_of(pairs, SETTINGS, cache=Cache(None)).sample(20, 0, 1.0)
    assert {(item.text, item.pair) for item in made} & {("yes", "ja"), ("no", "nein")}
    assert all(item.pair is not None for item in made)


def test_the_baseline_can_be_switched_off():
    off = TextSettings(language_model=False)
    assert baselines(TRAIN, off, 5, 0, quiet) == {}
    (name,), (items,) = zip(*baselines(TRAIN, SETTINGS, 5, 0, quiet).items(), strict=True)
    assert name == "language model t=1"
    assert len(items) == 5


def test_the_sweep_stands_beside_the_generator(writer):
    garbage = [Text("up up the the the is moon sun", "day")] * 40
    samples = [Sample(item, i, {}) for i, item in enumerate(garbage)]
    quality = Quality(SETTINGS)
    data = EvaluationData(samples, TRAIN, written(60, 1))
    assert quality.warnings(data) == []  # it trains no model itself
    rows = quality.details(data, np.random.default_rng(0))
    names = [row["model"] for row in rows]
    assert names == ["generated", "real", *(f"language model t={t:g}" for t in TEMPERATURES)]
    forward = [row[FORWARD] for row in rows[2:]]
    assert forward[0] < forward[-1]
    assert rows[2 + TEMPERATURES.index(1.0)][REVERSE] < rows[0][REVERSE]
    assert quality.warnings(data)[0].startswith("likelihood wins")
    assert Quality(TextSettings(language_model=False)).details(data, np.random.default_rng(0)) == ()
