"""One thread that does all the computing: plugins promise nothing about several.

Requests that arrive within a few milliseconds of each other are drawn together: samples of the same
batch share one pass through the generator, whoever wants them.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gankit.serve.query import Query
from gankit.serve.served import Drawn, Served

GATHERED = 0.003
"""Seconds in which requests are gathered, from the first one on."""
MOST = 256
"""Requests that are gathered at most."""
PATIENCE = 30.0
"""Seconds after which a request that still waits is given up."""


class BusyError(Exception):
    """More requests wait than the server keeps, or for too long; or it ends."""


@dataclass
class _Job:
    call: Callable[[], Any] | None = None
    served: Served | None = None
    query: Query = field(default_factory=Query)
    future: Future[Any] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)


class Worker:
    """Draws samples, and calls what uses a run, one after another.

    Args:
        most: requests that may wait.
    """

    def __init__(self, most: int) -> None:
        self._jobs: queue.Queue[_Job | None] = queue.Queue(most)
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="gankit-serve", daemon=True)
        self._thread.start()

    def draw(self, served: Served, query: Query) -> Future[Drawn]:
        """The samples of a query whose number and seed are settled.

        Raises:
            BusyError: too many requests wait.
        """
        return self._submit(_Job(served=served, query=query))

    def call(self, function: Callable[[], Any]) -> Future[Any]:
        """What a function returns, called in the thread.

        Raises:
            BusyError: too many requests wait.
        """
        return self._submit(_Job(call=function))

    def drain(self) -> None:
        """Gives up what waits, and what comes from now on."""
        self._ending = True
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is not None and job.future.set_running_or_notify_cancel():
                job.future.set_exception(BusyError())

    def close(self) -> None:
        """Ends the thread, once its present work is done."""
        self.drain()
        self._jobs.put(None)
        self._thread.join(timeout=5)

    def _submit(self, job: _Job) -> Future[Any]:
        if self._ending:
            raise BusyError
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise BusyError from None
        return job.future

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs, ends = [first], time.monotonic() + GATHERED
            stop = False
            while first.call is None and len(jobs) < MOST:
                try:
                    job = self._jobs.get(timeout=max(ends - time.monotonic(), 0))
                except queue.Empty:
                    break
                if job is None:
                    stop = True
                    break
                jobs.append(job)
            self._do([job for job in jobs if job.future.set_running_or_notify_cancel()])
            if stop:
                return

    def _do(self, jobs: list[_Job]) -> None:
        groups: dict[int, list[_Job]] = {}
        for job in jobs:
            if job.call is not None:
                _settle(job, job.call)
            else:
                groups.setdefault(id(job.served), []).append(job)
        for group in groups.values():
            served = group[0].served
            assert served is not None  # it has no call
            batches = served.batches()
            for job in group:
                _settle(job, partial(served.draw, job.query, batches))


def _settle(job: _Job, call: Callable[[], Any]) -> None:
    if time.monotonic() - job.since > PATIENCE:
        job.future.set_exception(BusyError())
        return
    try:
        job.future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - whoever waits gets it
        job.future.set_exception(error)
