"""The training items that samples are nearest to."""

from __future__ import annotations

import numpy as np

from gankit.metrics.evaluate import Located
from gankit.metrics.near_items import CLOSEST, NEIGHBOURS, SHOWN, near_items


def located(rows, first=0):
    return Located(rows, range(first, first + len(rows)))


def test_copies_are_the_closest_and_name_their_items():
    rng = np.random.default_rng(0)
    train, heldout, made = (rng.normal(size=(n, 4)) for n in (50, 20, 30))
    made[17] = train[31]
    found = near_items("x", located(train, 100), located(made, 200), heldout)
    assert found is not None
    assert [near.sample for near in found.first] == list(range(200, 200 + SHOWN))
    assert len(found.closest) == CLOSEST
    assert (found.extractor, found.compared) == ("x", 30)
    copy = found.closest[0]
    assert (copy.sample, copy.items[0], copy.distances[0]) == (217, 131, 0)
    for near in (*found.first, *found.closest):
        assert len(near.items) == NEIGHBOURS
        assert list(near.distances) == sorted(near.distances)


def test_distances_are_in_units_of_those_of_held_out_items():
    train = np.array([[0.0], [10.0], [20.0], [30.0]])
    heldout, made = np.array([[2.0], [8.0], [22.0]]), np.array([[11.0], [34.0]])
    found = near_items("x", located(train), located(made), heldout)
    assert found is not None
    assert [near.distances[0] for near in found.first] == [0.5, 2.0]
    assert [near.items[0] for near in found.first] == [1, 3]


def test_without_a_measure_there_are_none():
    some = np.ones((5, 2))
    assert near_items("x", located(some), located(some), some) is None
    assert near_items("x", located(some), located(some[:0]), some) is None
