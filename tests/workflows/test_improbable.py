"""Warnings of conditions that hardly any item has together."""

from __future__ import annotations

from types import SimpleNamespace

from gankit.workflows.improbable import improbable

SHARES = {("relationship", "sex"): 1e-5, ("sex",): 0.67, ("relationship",): 0.047}


def sampler(shares):
    requests = SimpleNamespace(probability=lambda where: shares[tuple(sorted(where))])
    return SimpleNamespace(requests=lambda: requests)


WHERE = {"sex": "Male", "relationship": "Wife"}


def test_an_improbable_combination_is_named_with_the_nearest():
    (warning,) = improbable(sampler(SHARES), WHERE, 10_000)
    assert warning == (
        "hardly any item of the training data is likely to have sex=Male and relationship=Wife; "
        "without relationship=Wife, about 67 % do"
    )


def test_one_condition_and_probable_ones_are_not_doubted():
    assert improbable(sampler(SHARES), WHERE, 100_000) == []
    assert improbable(sampler({}), {"sex": "Male"}) == []
    assert improbable(SimpleNamespace(requests=lambda: None), WHERE) == []


def test_nothing_is_suggested_where_nothing_helps():
    shares = {**SHARES, ("sex",): 1e-6, ("relationship",): 1e-6}
    (warning,) = improbable(sampler(shares), WHERE, 1_000)
    assert "without" not in warning
