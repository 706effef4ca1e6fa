"""RDKit in several processes, where there is enough to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from joblib import Parallel, delayed

from gankit.contract import Progress

T = TypeVar("T")
R = TypeVar("R")

CHUNK = 500
"""Items that a process takes at once."""
FEWEST = 4 * CHUNK
"""Items below which starting processes costs more than it saves."""


def mapped(
    function: Callable[..., R],
    items: Sequence[T],
    workers: int,
    what: str,
    progress: Progress,
    *args: Any,
) -> Iterator[R]:
    """``function(item, *args)`` of each item, in their order.

    Args:
        function: of a module, so that processes can import it.
        workers: processes; 0 takes one a core.
    """
    count = workers or _cores()
    if count == 1 or len(items) < FEWEST:
        for i, item in enumerate(items):
            if i % CHUNK == 0:
                progress(what, i, len(items))
            yield function(item, *args)
        return
    chunks = [items[i : i + CHUNK] for i in range(0, len(items), CHUNK)]
    # joblib's processes neither fork torch's threads nor run the user's script once more.
    pool = Parallel(count, return_as="generator")
    done = 0
    for results in pool(delayed(_chunk)(function, args, chunk) for chunk in chunks):
        done += len(results)
        progress(what, done, len(items))
        yield from results


def _chunk(function: Callable[..., R], args: tuple[Any, ...], items: Sequence[Any]) -> list[R]:
    return [function(item, *args) for item in items]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
