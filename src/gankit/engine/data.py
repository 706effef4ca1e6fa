"""Real samples: encoded once and kept on the device if they fit, streamed by workers otherwise.

The order is a fresh permutation for each epoch, a function of seed and position alone, so that a
resumed run continues with the next sample, and the order of a billion needs no memory. Items that
are read in blocks are permuted a few blocks at a time.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gankit.contract import Batch, Codec, EncodesConditions, Progress, quiet
from gankit.contract.subsets import Indices, blocks, take
from gankit.engine.block_order import block_order
from gankit.engine.workers import stream
from gankit.seeds import shuffled

ENCODE_CHUNK = 256
ENCODE_BYTES = 2**22
"""Small items are encoded more at a time, up to so many bytes of codes."""
ORDER_CHUNK = 4096
TIMED_CHUNK = 1024
"""Items that are encoded between two looks at the time, where it is limited."""
ENCODE_TIME = 0.3
"""The part of the time left that encoding all items may take; otherwise they are streamed."""
FEW = 100_000
"""So many items are encoded at once, even where training ends before it has seen them all."""


def sample_order(n: int, seed: int, start: int, blocks: Indices | None = None) -> Iterator[int]:
    """Indices from position ``start`` on, without end; each epoch visits all n once.

    Args:
        blocks: the first item of each block of which few are visited at a time, if there are any.
    """
    if blocks is not None:
        yield from block_order(n, seed, start, blocks)
        return
    for at in itertools.count(start, ORDER_CHUNK):
        yield from shuffled(n, seed, np.arange(at, at + ORDER_CHUNK)).tolist()


class RealSamples:
    """An endless stream of real batches on the device.

    Args:
        items: training items, ``len()`` and ``[i]``; and ``__getitems__``, where it is quicker.
        codec: encodes them.
        batch: samples a batch in this process.
        seed: fixes the order.
        device: where batches go.
        cache: ``auto``, ``always`` or ``never``.
        workers: processes that encode when streaming.
        visits: samples that will be drawn in all: of more items than that, not all are encoded.
        share: this process's rank and the number of processes; each has its part of a batch.
        time_left: seconds; infinite without a time limit.
    """

    def __init__(
        self,
        items: Sequence[Any],
        codec: Codec[Any],
        *,
        batch: int,
        seed: int,
        device: torch.device,
        cache: str = "auto",
        workers: int = 0,
        visits: int | None = None,
        share: tuple[int, int] = (0, 1),
        progress: Progress = quiet,
        time_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self.items, self.codec = items, codec
        self.batch, self.seed, self.device, self.share = batch, seed, device, share
        self.workers = workers
        self.position = 0
        """Samples drawn so far, over all processes."""
        self._stored: Batch | None = None
        self._stream: Iterator[Any] | None = None
        seldom = visits is not None and len(items) > max(visits, FEW)
        if codec.deterministic and (cache == "always" or (cache == "auto" and not seldom)):
            self._stored = self._encode_all(cache, progress, time_left)

    @property
    def cached(self) -> bool:
        return self._stored is not None

    @property
    def cached_bytes(self) -> int:
        return 0 if self._stored is None else _bytes(self._stored)

    def conditions(self) -> torch.Tensor:
        """The conditions of all items, (n, width)."""
        if self._stored is not None:
            return _known(self._stored.c)
        rng, rows = np.random.default_rng(self.seed), []
        for start in range(0, len(self.items), ENCODE_CHUNK):
            numbers = range(start, min(start + ENCODE_CHUNK, len(self.items)))
            if isinstance(self.codec, EncodesConditions):
                rows.append(self.codec.encode_conditions([self.items[i] for i in numbers]))
            else:
                rows.append(_known(self.codec.encode(take(self.items, numbers), rng).c))
        return torch.cat(rows)

    def seek(self, position: int) -> None:
        """Continues at a position; the next batch is the one that follows it."""
        self.position, self._stream = position, None

    def next(self) -> Batch:
        """The next batch, prepared: float32 ``(batch, *shape)`` on the device."""
        return self.codec.prepare(self.draw())

    def draw(self) -> Batch:
        """The next batch in storage form, on the device."""
        if self._stream is None:
            self._stream = iter(self._batches())
        batch: Batch = next(self._stream)
        self.position += self.batch * self.share[1]
        return batch

    def _indices(self) -> Iterator[list[int]]:
        rank, size = self.share
        order = sample_order(len(self.items), self.seed, self.position, blocks(self.items))
        while True:
            yield list(itertools.islice(order, self.batch * size))[rank::size]

    def _batches(self) -> Iterator[Batch]:
        if self._stored is not None:
            for indices in self._indices():
                index = torch.tensor(indices, dtype=torch.long)
                if self.device.type == "cuda":  # unpinned, the copy would wait for the device
                    index = index.pin_memory().to(self.device, non_blocking=True)
                yield self._stored[index.to(self.device)]
        else:
            first, step = self.position + self.share[0], self.batch * self.share[1]
            positions = zip(itertools.count(first, step), self._indices(), strict=False)
            pinned = self.device.type == "cuda"
            parts = self.items, self.codec, self.seed, positions
            for batch in stream(*parts, workers=self.workers, pinned=pinned):
                yield batch.to(self.device)

    def _encode_all(
        self, cache: str, progress: Progress, time_left: Callable[[], float]
    ) -> Batch | None:
        """All items encoded, or None when they would not fit into memory or into the time."""
        n, done, step, chunks = len(self.items), 0, ENCODE_CHUNK, []
        started, allowed = time.monotonic(), ENCODE_TIME * max(time_left(), 0.0)
        while done < n:
            some = take(self.items, np.arange(done, min(done + step, n)))
            chunks.append(self.codec.encode(some, np.random.default_rng([self.seed, done])))
            if done == 0:
                each = _bytes(chunks[0]) / len(some)
                if cache == "auto" and each * n > _free_memory(self.device) / 2:
                    return None
                step = max(step, int(ENCODE_BYTES / each))
                step = step if math.isinf(allowed) else min(step, TIMED_CHUNK)
            done += len(some)
            progress("encoding", done, n)
            if cache == "auto" and (time.monotonic() - started) * n / done > allowed:
                return None
        stored = Batch(
            torch.cat([chunk.x for chunk in chunks]),
            None if chunks[0].c is None else torch.cat([_known(chunk.c) for chunk in chunks]),
        )
        return stored.to(self.device)


def _known(c: torch.Tensor | None) -> torch.Tensor:
    assert c is not None, "a codec gives conditions for all items or for none"
    return c


def _bytes(batch: Batch) -> int:
    return sum(t.numel() * t.element_size() for t in (batch.x, batch.c) if t is not None)


def _free_memory(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(line.split(":") for line in meminfo.read_text().splitlines())
        return float(fields["MemAvailable"].split()[0]) * 1024
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) / 2
