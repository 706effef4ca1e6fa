"""Requests for numbers that the generator never saw."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gankit.contract import Categorical, Condition, Continuous, Layout
from gankit.workflows.generate import far_from_data

FIELDS = (Categorical("kind", ("a", "b")), Continuous("age", 50.0, 10.0))
CODEC = SimpleNamespace(layout=Layout((1,), Condition(FIELDS)))


@pytest.mark.parametrize(
    "where", [{}, {"kind": "a"}, {"age": 85}, {"age": "15"}, {"age": "..40"}, {"age": "1..2 years"}]
)
def test_usual_requests(where):
    assert far_from_data(CODEC, where) == []
    assert far_from_data(SimpleNamespace(layout=Layout((1,))), where) == []


def test_a_number_far_from_the_data_is_doubted():
    (doubt,) = far_from_data(CODEC, {"age": "300"})
    assert doubt.startswith("age=300 is 25 standard deviations from the mean of the training data")


@pytest.mark.parametrize(("asked", "distance"), [("300..400", 25), ("300..", 25), ("..-200", 25)])
def test_so_is_a_range(asked, distance):
    (doubt,) = far_from_data(CODEC, {"age": asked})
    assert doubt.startswith(f"age={asked} is {distance} standard deviations from")
