from __future__ import annotations

import math

import numpy as np
import pytest

from gankit_text.evaluation.self_bleu import bleu_of_each, self_bleu


def words(*texts):
    return [text.split() for text in texts]


def rng():
    return np.random.default_rng(0)


def test_a_text_is_not_its_own_reference():
    texts = words("a b c d e", "f g h i j", "k l m n o")
    assert self_bleu(texts, 3, rng()) == 0


def test_a_collapsed_set_has_one():
    assert self_bleu(words(*["a b c d e"] * 5), 5, rng()) == pytest.approx(1)


def test_repeats_are_references_of_each_other():
    scores = bleu_of_each(words("a b c d e", "a b c d e", "v w x y z"))
    assert scores[:2] == pytest.approx([1, 1])
    assert scores[2] == 0


def test_equals_bleu_by_hand():
    # one-word matches 3 of 4, two-word (1+1)/(3+1), three-word 1/3, four-word 1/2, no brevity
    scores = bleu_of_each(words("a b c d", "b c x d"))
    expected = math.exp((math.log(3 / 4) + math.log(2 / 4) + math.log(1 / 3) + math.log(1 / 2)) / 4)
    assert scores[0] == pytest.approx(expected)


def test_matches_are_clipped_to_what_one_reference_has():
    # "a a a": one reference has two of three; the shorter one sets no penalty
    scores = bleu_of_each(words("a a a", "a a", "a b"))
    expected = math.exp((math.log(2 / 3) + math.log(2 / 3) + math.log(1 / 2)) / 3)
    assert scores[0] == pytest.approx(expected)


def test_more_references_raise_it():
    texts = words(*[f"{a} {b} {c} d" for a in "abc" for b in "efg" for c in "hij"])
    assert self_bleu(texts, 3, rng()) < self_bleu(texts, 27, rng())


def test_equals_sacrebleu():
    sacrebleu = pytest.importorskip("sacrebleu")
    bleu = sacrebleu.BLEU(
        effective_order=True, smooth_method="add-k", smooth_value=1, tokenize="none"
    )
    texts = ["a b c d e", "a b c x y z", "b c d q"]
    ours = bleu_of_each(words(*texts))
    for i, text in enumerate(texts):
        others = [t for j, t in enumerate(texts) if j != i]
        assert ours[i] == pytest.approx(bleu.sentence_score(text, others).score / 100)


def test_fewer_than_two_texts_have_none():
    assert math.isnan(self_bleu(words("a"), 5, rng()))
    assert math.isnan(self_bleu([[], ["a"]], 5, rng()))
