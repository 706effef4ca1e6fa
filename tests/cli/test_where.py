"""Conditions as they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.cli._output import parse_where
from gankit.errors import GankitError


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("age=30..40", "age", "30..40"),
        ("a b=x", "a b", "x"),
        ('"a b"=x', "a b", "x"),
        ('"a=b"=x', "a=b", "x"),
        ('"a=b" = x=y', "a=b", "x=y"),
        ('"a..b|c"=1..2', "a..b|c", "1..2"),
        ('"say ""no"""=x', 'say "no"', "x"),
        ('" lead"=x', " lead", "x"),
        ("formula=a=b", "formula", "a=b"),
        ('place="a|b"|c', "place", '"a|b"|c'),
    ],
)
def test_names_may_stand_in_quotes(word, name, value):
    assert parse_where([word]) == {name: value}


@given(st.text(min_size=1, max_size=12), st.text(max_size=12))
def test_any_name_can_be_quoted(name, value):
    quoted = '"' + name.replace('"', '""') + '"'
    assert parse_where([f"{quoted}={value}"]) == {name: value.strip()}


@pytest.mark.parametrize("words", [["age"], ["=3"], [" =3"], ["a=1", "a=2"], ["a=1", '"a"=2']])
def test_what_is_no_condition(words):
    with pytest.raises(GankitError, match="--where"):
        parse_where(words)
