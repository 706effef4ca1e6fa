"""Functions of many molecules in several processes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from joblib import Parallel, delayed

from gankit.contract import Progress

T = TypeVar("T")
R = TypeVar("R")

CHUNK = 500
"""Items that a process gets at once."""
MIN_ITEMS = 4 * CHUNK
"""Items below which one process is faster."""


def mapped(
    function: Callable[..., R],
    items: Sequence[T],
    workers: int,
    what: str,
    progress: Progress,
    *args: Any,
) -> Generator[R, None, None]:
    """``function(item, *args)`` of each item, in their order.

    Args:
        function: defined at module level, so that processes can import it.
        workers: processes; 0 for one per core.
    """
    count = workers or _cores()
    if count == 1 or len(items) < MIN_ITEMS:
        for i, item in enumerate(items):
            if i % CHUNK == 0:
                progress(what, i, len(items))
            yield function(item, *args)
        return
    chunks = [items[i : i + CHUNK] for i in range(0, len(items), CHUNK)]
    # joblib neither forks torch's threads nor runs the user's script again.
    pool = Parallel(count, return_as="generator")
    found, done = pool(delayed(_chunk)(function, args, chunk) for chunk in chunks), 0
    try:
        for results in found:
            done += len(results)
            progress(what, done, len(items))
            yield from results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # where not all results were used
            found.close()


def _chunk(function: Callable[..., R], args: tuple[Any, ...], items: Sequence[Any]) -> list[R]:
    return [function(item, *args) for item in items]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
