"""Where a GPU's memory does not suffice: the same batch, computed in more and smaller pieces."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import torch

from gankit.engine.guard.states import Event
from gankit.engine.settings import TrainSettings
from gankit.system_errors import is_gpu_memory

Result = TypeVar("Result")


class MicroBatches:
    """The number of pieces in which a batch is computed: doubled, down to one sample a piece,
    whenever memory does not suffice; never lowered again."""

    def __init__(self) -> None:
        self.pieces = 1
        self.failed = 0
        """Samples of the largest piece that did not fit, since the last report; 0 for none."""

    def compute(self, samples: int, function: Callable[[list[slice]], Result]) -> Result:
        """What ``function`` gives for the slices into which a batch of so many samples is divided;
        called again with smaller ones where a GPU's memory does not suffice.

        Raises:
            RuntimeError: what the function raised, if that is anything else, or if a single
                sample does not fit.
        """
        while True:
            pieces = max(min(self.pieces, samples), 1)
            try:
                return function(slices(samples, pieces))
            except RuntimeError as error:
                if pieces >= samples or not is_gpu_memory(error):
                    raise
            # Outside of the handler, which keeps all tensors of the failed attempt alive.
            _release()
            self.failed = max(self.failed, math.ceil(samples / pieces))
            self.pieces = min(2 * pieces, samples)

    def report(
        self, drawn: int, settings: TrainSettings, processes: int, batch_dependent: bool = False
    ) -> Event:
        """What happened since the last report, and forgets it.

        Args:
            drawn: samples that a process draws, and that are computed in pieces.
            batch_dependent: whether logits depend on the whole piece.
        """
        failed, self.failed = self.failed, 0
        pieces, least = settings.accumulate * self.pieces, math.ceil(drawn / self.pieces)
        fitting = (
            n for n in range(pieces, settings.batch) if settings.batch % (n * processes) == 0
        )
        each = "batch" if processes == 1 else "process's part of a batch"
        text = (
            f"GPU memory did not suffice for pieces of {failed} samples: each {each} is now "
            f"computed in {pieces} pieces of {least}"
        )
        if batch_dependent:
            text += ", to which the statistics that logits depend on are limited"
        accumulate = next(fitting, settings.batch // processes)
        return Event("memory", text, remedy=f"In further runs, set train.accumulate={accumulate}")


def slices(samples: int, pieces: int) -> list[slice]:
    """A batch's parts, whose sizes differ by one sample at most."""
    bounds = [samples * i // pieces for i in range(pieces + 1)]
    return [slice(*each) for each in pairwise(bounds)]


def _release() -> None:
    """Gives memory back to the GPU: graphs of second derivatives are circular, and what the
    allocator keeps may be in pieces too small to be of use."""
    gc.collect()
    torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
