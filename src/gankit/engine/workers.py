"""Worker processes that encode batches: what they need of the system, and how they fail.

A worker whose batch does not fit into shared memory would wait forever, so it ends instead.
"""

from __future__ import annotations

import contextlib
import multiprocessing.queues
import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from gankit.contract import Batch, Codec
from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit.system_errors import translate

SHARED = Path("/dev/shm")
"""Where Linux keeps the memory that processes share."""
WAITING = 3
"""Batches that a worker has in shared memory: two in advance, and one in use."""
GRACE = 10
"""Seconds that a worker goes on after SIGTERM, for the main process to save."""
UNDELIVERED = 75
"""Exit code of a worker that cannot hand over a batch."""


def stream(
    items: Sequence[Any],
    codec: Codec[Any],
    seed: int,
    positions: Iterator[tuple[int, list[int]]],
    *,
    workers: int,
    pinned: bool,
) -> Iterator[Batch]:
    """Batches, encoded in worker processes, in order.

    Args:
        positions: each batch's position, on which its random views depend, and its indices.
        workers: 0 for none.
        pinned: whether the batches go to a GPU.

    Raises:
        GankitError: the system cannot hold or run the workers, or an item cannot be read.
    """
    encoded = _Encoded(items, codec, seed)
    loader = DataLoader(
        encoded,
        sampler=_Positions(positions, encoded, workers),
        batch_size=None,
        num_workers=workers,
        pin_memory=pinned,
        generator=torch.Generator().manual_seed(0),
        worker_init_fn=_begin if workers else None,
    )
    for found in loader:
        if isinstance(found, GankitError):
            raise found
        yield Batch(*found)


class _Encoded(Dataset[Any]):
    """Batches by their position and indices, for the worker processes; an error is an item too,
    since it would arrive with a traceback otherwise."""

    def __init__(self, items: Sequence[Any], codec: Codec[Any], seed: int) -> None:
        self.items, self.codec, self.seed = items, codec, seed

    def __getitem__(self, key: Any) -> Any:
        position, indices = key
        rng = np.random.default_rng([self.seed, position])
        try:
            batch = self.codec.encode(take(self.items, indices), rng)
        except FileNotFoundError as error:
            return GankitError(
                f"{error.filename} is gone since the data was read",
                "Restore it, and run the same command again",
            )
        except GankitError as error:
            return GankitError(error.message, error.hint)  # a subclass may not be pickled
        except Exception as error:
            if (fault := translate(error)) is None:
                raise
            return fault
        return batch.x, batch.c


class _Positions(torch.utils.data.Sampler[Any]):
    """The batches' positions and indices; before the first, checks that workers can share it."""

    def __init__(
        self, positions: Iterator[tuple[int, list[int]]], encoded: _Encoded, workers: int
    ) -> None:
        self.positions, self.encoded, self.workers = positions, encoded, workers

    def __iter__(self) -> Iterator[Any]:
        for number, position in enumerate(self.positions):
            if number == 0 and self.workers:
                check_shared_memory(self.encoded[position], self.workers)
            yield position


def check_shared_memory(found: Any, workers: int) -> None:
    """Raises:
    GankitError: workers cannot hold their batches in shared memory.
    """
    if isinstance(found, GankitError) or not SHARED.is_dir():
        return
    tensors = [t for t in found if t is not None]
    needed = workers * WAITING * sum(t.numel() * t.element_size() for t in tensors)
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(SHARED).free
        if free < needed:
            raise GankitError(
                f"{SHARED} has {free / 2**20:,.1f} MiB free, and data.workers={workers} needs "
                f"about {needed / 2**20:,.1f} MiB of shared memory",
                "Use data.workers=0, or enlarge it (docker run --shm-size=2g)",
            )


def _begin(_: int) -> None:
    """Prepares a worker."""
    # Ctrl-C and the like reach all processes of a terminal: the main one decides.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if hasattr(signal, "SIGALRM"):  # SIGTERM may also be the main process's, at its end
        signal.signal(signal.SIGALRM, lambda number, frame: os._exit(0))
        signal.signal(signal.SIGTERM, lambda number, frame: _leave())
    # What cannot be handed over is reported by a thread, and waited for without end.
    multiprocessing.queues.Queue._on_queue_feeder_error = staticmethod(  # type: ignore[attr-defined]
        _cannot_deliver
    )


def _leave() -> None:
    signal.alarm(GRACE)


def _cannot_deliver(error: BaseException, found: object) -> None:
    os._exit(UNDELIVERED)
