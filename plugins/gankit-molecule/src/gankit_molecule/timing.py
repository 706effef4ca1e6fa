"""Shares of the time that fitting may take, and work that ends with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, TypeVar

import numpy as np

from gankit.contract import Fitting, Progress
from gankit_molecule.data.parallel import mapped

T = TypeVar("T")
R = TypeVar("R")
Rows = np.ndarray[Any, np.dtype[np.int64]]

MIN_SUBSET = 500
"""Items that are processed however little time there is."""


def interruptible(fitting: Fitting) -> Progress:
    """Its progress callback.

    Raises:
        KeyboardInterrupt: when it is called and the user has stopped.
    """

    def progress(what: str, done: int, total: int) -> None:
        check_stopped(fitting)
        fitting.progress(what, done, total)

    return progress


def check_stopped(fitting: Fitting) -> None:
    """Raises:
    KeyboardInterrupt: the user has stopped.
    """
    if fitting.stopped():
        raise KeyboardInterrupt


def computed(
    function: Callable[..., R],
    items: Sequence[T],
    workers: int,
    what: str,
    fitting: Fitting,
    *args: Any,
) -> tuple[Rows, Iterator[R]]:
    """``function(item, *args)`` of each item; with a time limit in random order, so that the
    results are of a random subset if they end early.

    Returns:
        The items' numbers in the order of the results, and the results.

    Raises:
        KeyboardInterrupt: while iterating, the user has stopped.
    """
    n, progress = len(items), interruptible(fitting)
    if math.isinf(fitting.time_left()):
        return np.arange(n), mapped(function, items, workers, what, progress, *args)
    order = np.random.default_rng(0).permutation(n)
    shuffled = [items[i] for i in order.tolist()]
    return order, _in_time(mapped(function, shuffled, workers, what, progress, *args), fitting)


def _in_time(results: Generator[R, None, None], fitting: Fitting) -> Iterator[R]:
    with closing(results):
        for i, result in enumerate(results, 1):
            yield result
            if i % MIN_SUBSET == 0 and fitting.time_left() <= 0:
                return
