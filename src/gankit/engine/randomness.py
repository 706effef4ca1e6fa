"""The random numbers of training: functions of the seed and the position in the data, as the order
of the items is. A resumed run draws what it would have drawn, and several processes draw the
latents that one would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from gankit.engine.parallel import ParallelContext


class StepRandomness:
    """Seeds torch's default generators for each piece of a step, and draws its latents.

    Latents are drawn for the whole batch, of which each process takes its part: sample i has the
    same one however many processes there are. What networks, augmentations and penalties draw
    themselves differs from process to process.

    Args:
        seed: for a purpose and a position, from 0 to 2^63 - 1.
        position: of the next sample.
        device: where latents are drawn.
    """

    def __init__(
        self,
        seed: Callable[[str, int], int],
        position: Callable[[], int],
        parallel: ParallelContext,
        device: torch.device,
    ) -> None:
        self.seed, self.position, self.parallel, self.device = seed, position, parallel, device
        self.of_latents = torch.Generator(device)
        self.at = 0
        """The seed of what was begun last."""

    def begin(self, what: str) -> None:
        """Begins a piece of what is done at this position; two of them have different names."""
        self.at = self.seed(what, self.position())
        self.of_latents.manual_seed(self.at)
        _seed(combined(self.at, 1 + self.parallel.rank), self.device)

    def divide(self, pieces: int) -> None:
        """Continues with the numbers of a batch that is computed in so many pieces: the same
        whether that is known before or found at the first attempt. Latents are not affected."""
        _seed(combined(self.at, 1 + self.parallel.rank, pieces), self.device)

    def latents(self, n: int, width: int) -> Tensor:
        """This process's part, (n, width), of normal latents for the batch of all."""
        rank, size = self.parallel.rank, self.parallel.size
        drawn = torch.randn(n * size, width, generator=self.of_latents, device=self.device)
        return drawn[rank::size].contiguous()


def _seed(seed: int, device: torch.device) -> None:
    """``torch.manual_seed`` for the CPU and this device alone: without a GPU it keeps the call's
    traceback until there is one, which takes half a millisecond each time."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextmanager
def own_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """What is drawn within from torch's default generators is the same each time, and does not
    affect what is drawn elsewhere."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def combined(*numbers: int) -> int:
    """One seed of several numbers, from 0 to 2^63 - 1."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
