"""Tokens: any text comes back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_text.codec.sequences import rows_of, text_of
from gankit_text.codec.tokens import BYTES, END, SEPARATOR, SPECIAL, Tokenizer
from gankit_text.data.items import Text

TEXTS = [f"the {a} of the {b}" for a in ("begin", "end", "middle") for b in ("sea", "Straße", "夜")]
FITTED = {kind: Tokenizer.fit(TEXTS, kind, 30) for kind in ("bpe", "chars")}


@pytest.mark.parametrize("kind", FITTED)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(kind, text):
    tokens = FITTED[kind]
    numbers = tokens.encode(text)
    assert tokens.decode(numbers) == text
    assert all(SPECIAL <= n < tokens.size for n in numbers)
    assert tokens.encode_all([text, text]) == [numbers, numbers]


@pytest.mark.parametrize("kind", FITTED)
def test_the_state_is_json_and_the_same_texts_give_the_same_tokens(kind):
    tokens = FITTED[kind]
    again = Tokenizer.load(json.loads(json.dumps(tokens.state())))
    assert again.encode(TEXTS[0]) == tokens.encode(TEXTS[0])
    assert Tokenizer.fit(TEXTS, kind, 30).state() == tokens.state()


@pytest.mark.parametrize("kind", FITTED)
def test_texts_that_look_like_special_tokens_are_plain(kind):
    assert min(FITTED[kind].encode("<pad><end>")) >= SPECIAL


def test_frequent_pairs_become_tokens():
    assert len(FITTED["bpe"].encode(" of the")) < len(" of the")
    assert FITTED["bpe"].size <= SPECIAL + BYTES + 30


@pytest.mark.parametrize("kind", FITTED)
def test_each_token_has_a_name(kind):
    tokens = FITTED[kind]
    pieces = tokens.pieces()
    assert len(pieces) == tokens.size
    spelled = "".join(pieces[n] for n in tokens.encode(TEXTS[0]))
    assert spelled == TEXTS[0]


def test_numbers_that_are_no_text_are_replaced_or_ignored():
    for tokens in FITTED.values():
        lone = tokens.encode("é")[:1]
        assert "\ufffd" in tokens.decode(lone) or tokens.decode(lone) == "é"
        assert tokens.decode([END, SEPARATOR]) == ""


def test_pairs_are_one_row():
    tokens = FITTED["bpe"]
    row = rows_of([Text("the sea", pair="das Meer"), Text("x")], tokens)[0]
    assert row.count(SEPARATOR) == 1
    assert row[-1] == END
    assert text_of([*row, 99], tokens) == ("the sea", "das Meer")
