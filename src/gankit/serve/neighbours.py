"""Training items near samples, on request: prepared once a run, aside from the drawing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from gankit.report.samples import Embedded, embedded
from gankit.runs.directory import Run
from gankit.serve.served import Served
from gankit.serve.shown import Shown
from gankit.workflows.near import Neighbour, TrainingItems, refusal

PATIENCE = 20.0
"""Seconds that a page waits for the training items to be read."""


@dataclass(frozen=True)
class Real:
    """A training item beside a sample."""

    shown: Embedded
    distance: float


@dataclass(frozen=True)
class Row:
    """A sample with the training items nearest to it."""

    sample: Shown
    real: Sequence[Real]


class Neighbourhoods:
    """The training items of all runs that were asked about. One run is read at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, "gankit-neighbours")
        self._known: dict[str, Future[TrainingItems]] = {}

    def of(self, served: Served) -> Future[TrainingItems]:
        """A run's training items, or why there are none to show. Read anew after a failure."""
        with self._lock:
            found = self._known.get(served.name)
            if found is None or (found.done() and (found.cancelled() or found.exception())):
                found = self._pool.submit(TrainingItems, Run(served.path))
                self._known[served.name] = found
            return found

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def why_not(served: Served) -> str:
    """Why a run shows no training items; empty where it may."""
    return refusal(served.run)


def rows(served: Served, drawn: Sequence[Shown], near: Sequence[Sequence[Neighbour]]) -> list[Row]:
    """Samples beside training items, which are embedded: they have no address of their own."""
    found = []
    for shown, neighbours in zip(drawn, near, strict=True):
        real = []
        for one in neighbours:
            rendering = served.modality.render(one.item, served.run.codec)
            real.append(Real(embedded(rendering), one.distance))
        found.append(Row(shown, real))
    return found
