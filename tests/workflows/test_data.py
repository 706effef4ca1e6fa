"""The held-out part: a function of sizes and classes, in proportion."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gankit import config as configuration
from gankit.workflows.data import MIN_HELDOUT, held_out, read_data

SHARES = st.floats(0.01, 0.9)
CLASSES = st.lists(st.sampled_from(["a", "b", "c", None, 7]), min_size=1, max_size=400)


def wanted(n, share):
    return max(int(share * n), min(MIN_HELDOUT, n // 5))


@given(st.integers(0, 5000), SHARES, st.integers(0, 9))
def test_without_classes(n, share, seed):
    found = held_out(n, share, seed)
    assert len(found) == wanted(n, share)
    assert len(np.unique(found)) == len(found)
    assert (np.diff(found) > 0).all()
    assert len(found) == 0 or (found[0] >= 0 and found[-1] < n)


@given(CLASSES, SHARES, st.integers(0, 9))
def test_each_class_gives_its_share_and_keeps_one_item(strata, share, seed):
    n = len(strata)
    found = held_out(n, share, seed, strata)
    assert (np.diff(found) > 0).all()
    counts, taken = Counter(strata), Counter(strata[i] for i in found.tolist())
    aside = wanted(n, share)
    for label, count in counts.items():
        assert taken[label] <= count - 1  # the last item of a class is never held out
        assert taken[label] <= np.ceil(count * aside / n)
        assert taken[label] >= min(np.floor(count * aside / n), count - 1)
    assert len(found) <= aside
    if all(count * aside / n <= count - 1 for count in counts.values()):
        assert len(found) >= aside - len(counts)


@given(CLASSES, SHARES, st.integers(0, 9))
def test_the_same_seed_gives_the_same_split(strata, share, seed):
    first, again = (held_out(len(strata), share, seed, strata).tolist() for _ in range(2))
    assert first == again
    renamed = [f"class {label}" for label in strata]
    assert held_out(len(strata), share, seed, renamed).tolist() == first


def test_another_seed_gives_another_split():
    strata = ["a", "b"] * 500
    assert held_out(1000, 0.2, 0, strata).tolist() != held_out(1000, 0.2, 1, strata).tolist()


def test_classes_of_one_item_are_all_trained_on():
    assert len(held_out(20, 0.2, 0, range(20))) == 0


def test_nothing_is_held_out_where_nothing_is_wanted():
    assert len(held_out(100, 0.0, 0)) == len(held_out(100, 0.0, 0, ["a"] * 100)) == 0


def test_a_shadow_part_is_neither_trained_on_nor_held_out(vectors):
    def read(*words):
        given = configuration.resolve(vectors.info, vectors.modality.Settings, overrides=words)
        return read_data(vectors, given)

    plain = read("train.warm_up=0.5")
    assert len(plain.shadow) == 0
    watched = read("train.warm_up=0.5", "warm_up.membership_limit=0.6")
    parts = [
        {*p.numbers(np.arange(len(p)))} for p in (watched.train, watched.heldout, watched.shadow)
    ]
    assert [len(part) for part in parts] == [216, 60, 24]
    assert set.union(*parts) == {*range(300)}
    assert [*watched.heldout] == [*plain.heldout]
    doubled = watched.over([2 * v for v, _ in watched.dataset.items])
    assert [*doubled.shadow] == [2 * v for v, _ in watched.shadow]
    assert len(doubled.train) == 216
    assert len(read("warm_up.membership_limit=0.6").shadow) == 0
