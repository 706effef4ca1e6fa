"""Parts of a sequence know their items by number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract.subsets import Complement, Subset, take


@given(st.integers(1, 60), st.data())
def test_the_rest_is_what_the_subset_is_not(n, data):
    without = data.draw(st.sets(st.integers(0, n - 1), max_size=n))
    out = np.array(sorted(without), np.int64)
    items = [f"item {i}" for i in range(n)]
    rest, subset = Complement(items, out), Subset(items, out)
    assert list(rest) == [item for i, item in enumerate(items) if i not in without]
    assert list(subset) == [item for i, item in enumerate(items) if i in without]
    assert list(rest[::2]) == list(rest)[::2]
    assert list(rest[1:-1]) == list(rest)[1:-1]
    some = data.draw(st.lists(st.integers(0, len(rest) - 1), max_size=5)) if len(rest) else []
    assert list(take(rest, some)) == [rest[i] for i in some]


def test_ends_are_ends():
    rest = Complement(list(range(5)), np.array([1]))
    assert rest[-1] == 4
    for wrong in (4, -5):
        with pytest.raises(IndexError):
            rest[wrong]
