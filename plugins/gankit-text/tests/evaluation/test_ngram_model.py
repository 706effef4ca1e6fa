from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_text.evaluation.ngram_model import END, START, UNSEEN, NgramModel


def test_without_context_it_is_smoothed_frequencies():
    model = NgramModel(["aab"], order=0)
    base = 1 / (len({START, END, "a", "b"}) + UNSEEN)
    # a, a, b and the end: four characters of three kinds
    p = {"a": (2 + 3 * base) / 7, "b": (1 + 3 * base) / 7, "end": (1 + 3 * base) / 7}
    assert model.bits(["ab"])[0] == pytest.approx(-sum(map(math.log2, p.values())))


def test_context_interpolates_with_shorter_context():
    model = NgramModel(["ab", "ab"], order=1)
    base = 1 / (4 + UNSEEN)
    single = (2 + 3 * base) / (6 + 3)  # a, b and the end, twice each
    pair = (2 + 1 * single) / (2 + 1)  # after each there is one kind only
    assert model.bits(["ab"])[0] == pytest.approx(-3 * math.log2(pair))


@given(st.lists(st.text("abc", max_size=6), min_size=1, max_size=6), st.text("abc", max_size=4))
def test_probabilities_of_the_next_character_sum_to_one(texts, start):
    model = NgramModel(texts, order=2)
    size = model._size
    known = sorted(set("".join(texts)))
    before = model.bits([start])[0] - _end_bits(model, start)
    total = sum(2 ** -(model.bits([start + c])[0] - _end_bits(model, start + c) - before)
                for c in known)  # fmt: skip
    total += 2 ** -_end_bits(model, start)
    # what is left is for characters that it has not seen, and for what stands before a text
    unseen = 2 ** -(model.bits([start + "\x7f"])[0] - _end_bits(model, start + "\x7f") - before)
    total += unseen * (size + UNSEEN - len(known) - 1)
    assert total == pytest.approx(1)


def _end_bits(model, text):
    """Bits of the end alone after a text."""
    return model.bits_by_position(text)[-1]


def test_what_it_has_seen_costs_less():
    model = NgramModel(["the cat sat on the mat", "the dog sat on the log"])
    seen, shuffled, foreign = model.bits(["the cat sat", "tas tac eht", "кот сидел там"])
    assert seen < shuffled < foreign


def test_no_text_has_no_score():
    assert math.isnan(NgramModel(["a"]).bits_per_character([]))
