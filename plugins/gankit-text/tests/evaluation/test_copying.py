from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_text.evaluation.grams import Grams, longest_spans, share_unseen
from gankit_text.evaluation.words import Vocabulary, words_of


def grams_of(texts):
    vocabulary = Vocabulary()
    rows = [vocabulary.ids(text.split()) for text in texts]
    return Grams(rows, 1000), vocabulary


def rows_in(vocabulary, texts):
    return [vocabulary.ids(text.split()) for text in texts]


def test_the_longest_copied_span_stands_in_one_text():
    grams, vocabulary = grams_of(["a b c d", "e f g"])
    asked = ["a b c d", "x b c y", "c d e f", "x y", ""]
    assert longest_spans(grams, rows_in(vocabulary, asked)).tolist() == [4, 2, 2, 0, 0]


def test_the_share_of_new_ngrams_counts_repeats():
    grams, vocabulary = grams_of(["a b c d"])
    assert share_unseen(grams, rows_in(vocabulary, ["a b x", "a b"]), 2) == pytest.approx(1 / 3)
    assert share_unseen(grams, rows_in(vocabulary, ["b a"]), 1) == 0
    assert math.isnan(share_unseen(grams, rows_in(vocabulary, ["a"]), 2))


SYMBOLS = st.lists(st.integers(0, 3), max_size=8)


@given(st.lists(SYMBOLS, min_size=1, max_size=5), SYMBOLS)
def test_copied_spans_are_those_of_a_search_by_hand(texts, asked):
    def copied(n):
        pieces = {tuple(t[i : i + n]) for t in texts for i in range(len(t) - n + 1)}
        return any(tuple(asked[i : i + n]) in pieces for i in range(len(asked) - n + 1))

    expected = max((n for n in range(1, len(asked) + 1) if copied(n)), default=0)
    assert longest_spans(Grams(texts, 4), [asked]).tolist() == [expected]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop.", ["Don", "'", "t", "stop", "."]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("我爱你。", ["我", "爱", "你", "。"]),
        ("سلام، دنیا", ["سلام", "،", "دنیا"]),
        ("", []),
    ],
)
def test_words_of_any_script(text, words):
    assert words_of(text) == words
