"""An order for items that are read in blocks, as rows of Parquet files: few blocks at a time.

Blocks come in random order. Those of a window are shuffled together, so that each block is needed
during one window of an epoch only.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from gankit.contract.subsets import Indices

WINDOW = 16
"""Blocks that are shuffled together."""


def block_order(n: int, seed: int, start: int, blocks: Indices) -> Iterator[int]:
    """Indices from position ``start`` on, without end; each epoch visits all n once. A function
    of seed and position alone.

    Args:
        blocks: the first index of each block, ascending from 0.
    """
    sizes = np.diff(np.append(blocks, n))
    for epoch in itertools.count(start // n):
        order = np.random.default_rng([seed, epoch, 13]).permutation(len(blocks))
        skip = start - epoch * n
        for window in range(0, len(order), WINDOW):
            some = order[window : window + WINDOW]
            count = int(sizes[some].sum())
            if skip >= count:
                skip -= count
                continue
            rows = np.concatenate([blocks[b] + np.arange(sizes[b]) for b in some])
            rng = np.random.default_rng([seed, epoch, 17, window])
            yield from rng.permutation(rows)[max(skip, 0) :].tolist()
            skip = 0
        start = (epoch + 1) * n
