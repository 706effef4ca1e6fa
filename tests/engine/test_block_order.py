"""The order of items that are read in blocks."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract.subsets import Complement, Subset, blocks
from gankit.engine.block_order import WINDOW, block_order

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=60)


class InBlocks(list):
    def __init__(self, sizes):
        super().__init__(range(sum(sizes)))
        self.blocks = np.cumsum([0, *sizes[:-1]])


def some(order, count):
    return list(itertools.islice(order, count))


@given(SIZES, st.integers(0, 9), st.integers(0, 2))
def test_each_epoch_visits_all_once(sizes, seed, epoch):
    items = InBlocks(sizes)
    n = len(items)
    assert sorted(some(block_order(n, seed, epoch * n, items.blocks), n)) == items


@given(SIZES, st.integers(0, 9), st.integers(0, 1000))
def test_a_position_is_enough_to_continue(sizes, seed, start):
    items = InBlocks(sizes)
    whole = some(block_order(len(items), seed, 0, items.blocks), start + 30)
    assert some(block_order(len(items), seed, start, items.blocks), 30) == whole[start:]


def test_few_blocks_at_a_time():
    items = InBlocks([10] * 200)
    order = some(block_order(2000, 0, 0, items.blocks), 4000)
    for start in range(0, 2000 - 10 * WINDOW, 10 * WINDOW):
        assert len({i // 10 for i in order[start : start + 10 * WINDOW]}) <= WINDOW
    assert order[:2000] != order[2000:]
    assert len({i // 10 for i in order[:10]}) > 3  # shuffled within the window


@given(SIZES, st.data())
def test_blocks_of_a_part(sizes, data):
    items = InBlocks(sizes)
    aside = np.array(sorted(data.draw(st.sets(st.sampled_from(items)))), np.int64)
    block_of = np.searchsorted(items.blocks, items, side="right")
    for part in (Complement(items, aside), Subset(items, aside)):
        if not len(part) or blocks(items) is None:
            continue
        starts = part.blocks
        of = [block_of[part[i]] for i in range(len(part))]
        assert starts.tolist() == [0, *(np.flatnonzero(np.diff(of)) + 1)]


def test_no_blocks():
    assert blocks([1, 2]) is None
    assert blocks(Subset([1, 2], np.array([1]))) is None
    assert blocks(InBlocks([4])) is None  # one block is no reason for another order
