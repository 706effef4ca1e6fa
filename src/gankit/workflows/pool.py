"""Samples drawn by several processes, in order: the same as one process draws.

Each process loads the run itself and computes whole batches of the sampler, with as many threads as
the run was trained with, so that not even rounding differs.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gankit.contract import ChecksSeeds, Codec, ReservesKeys, Sample
from gankit.errors import GankitError
from gankit.runs.directory import Run
from gankit.system_errors import translate
from gankit.workflows.launch import available

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Sampler

AHEAD = 2
"""Batches per process that are computed before they are needed."""


class SampleSource(Protocol):
    """Where samples come from: :class:`gankit.engine.sampling.sampler.Sampler`, for one."""

    @property
    def codec(self) -> Codec[Any]: ...

    def sample(
        self, n: int, seed: int = 0, where: Mapping[str, object] | None = None
    ) -> Iterator[Sample[Any]]: ...


@dataclass(frozen=True)
class _Recipe:
    """What a process needs to build the sampler."""

    path: Path
    weights: str
    device: str
    settings: Mapping[str, object]
    phase: str
    truncation: float
    alongside: Sequence[Any]
    """Real items with whose keys those of the samples must differ."""


_sampler: Sampler
"""The sampler of a process of the pool."""


class Pool:
    """A sampler's twin in several processes, which end with the context.

    Args:
        run: read again by each process.
        sampler: built from the run with the device, settings, phase and truncation given here.
        nproc: processes; 1 draws in this one.
        alongside: real items of the data set that the samples are added to.

    Raises:
        GankitError: the run has networks that exist in this process only.
    """

    def __init__(
        self,
        run: Run,
        sampler: Sampler,
        nproc: int,
        *,
        device: str = "auto",
        settings: Mapping[str, object] | None = None,
        phase: str = "adversarial",
        alongside: Sequence[Any] = (),
    ) -> None:
        if nproc < 1:
            raise GankitError(f"nproc={nproc}: no processes", "Use 1 or more")
        if nproc > 1 and run.networks is not None:
            raise GankitError(
                "other processes cannot load networks that were passed to this one",
                "Use nproc=1",
            )
        if nproc > 1:
            available(nproc)
        self.sampler, self.nproc = sampler, nproc
        self._pool: ProcessPoolExecutor | None = None
        if nproc > 1:
            kept = alongside if isinstance(sampler.codec, ReservesKeys) else ()
            recipe = _Recipe(
                *(run.path.absolute(), run.weights, device, dict(settings or {}), phase),
                *(sampler.truncation, kept),
            )
            self._pool = ProcessPoolExecutor(
                nproc, multiprocessing.get_context("spawn"), _begin, (recipe,)
            )

    @property
    def codec(self) -> Codec[Any]:
        return self.sampler.codec

    def sample(
        self, n: int, seed: int = 0, where: Mapping[str, object] | None = None
    ) -> Iterator[Sample[Any]]:
        """As :meth:`Sampler.sample`.

        Raises:
            GankitError: as there; a process ended before its time.
        """
        if self._pool is None:
            yield from self.sampler.sample(n, seed, where)
            return
        self.sampler.draw_conditions([seed], where or {})  # a wrong condition fails before any work
        size = self.codec.decode_batch_size
        pending = deque[tuple[range, Future[Any]]]()
        try:
            for first in range(seed - seed % size, seed + n, size):
                some = range(max(first, seed), min(first + size, seed + n))
                pending.append((some, self._pool.submit(_drawn, some, where)))
                if len(pending) > AHEAD * self.nproc:
                    yield from self._next(pending, where)
            while pending:
                yield from self._next(pending, where)
        finally:
            for _, future in pending:
                future.cancel()

    def _next(
        self, pending: deque[tuple[range, Future[Any]]], where: Mapping[str, object] | None
    ) -> list[Sample[Any]]:
        """The oldest batch, once it is there."""
        seeds, future = pending.popleft()
        if isinstance(self.codec, ChecksSeeds):
            self.codec.check_seeds(seeds, where or {})
        try:
            found = future.result()
        except BrokenProcessPool:
            raise GankitError(
                "a process that generates ended before its time, perhaps for want of memory",
                "Use a smaller --nproc",
            ) from None
        if isinstance(found, GankitError):
            raise found
        return list(found)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *about: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=about[0] is None, cancel_futures=True)


# --- In the other processes ---------------------------------------------------------------------


def _begin(recipe: _Recipe) -> None:
    global _sampler
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C: the main process decides
    threading.Thread(target=_end_with_the_main_process, daemon=True).start()
    run = Run(recipe.path, weights=recipe.weights)
    sampler = run.sampler(recipe.device, recipe.settings, recipe.phase)
    _sampler = sampler.truncated(recipe.truncation)
    if len(recipe.alongside) and isinstance(_sampler.codec, ReservesKeys):
        _sampler.codec.reserve(recipe.alongside)


def _end_with_the_main_process() -> None:
    """Even where that one is killed and cannot end its pool."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _drawn(seeds: range, where: Mapping[str, object] | None) -> Any:
    """The samples, or an error: it is an item too, since it would arrive with a traceback."""
    try:
        return list(_sampler.sample(len(seeds), seeds.start, where))
    except GankitError as error:
        return GankitError(error.message, error.hint)  # a subclass may not be pickled
    except Exception as error:
        if (fault := translate(error)) is None:
            raise
        return fault
