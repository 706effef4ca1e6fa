"""Trial steps: how many threads to use, and what a run would cost. They leave no trace."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from gankit.engine.trainer import Trainer

PROFILE_SAMPLES = 16
"""Samples of a trial step on a CPU, where time is in proportion to them."""
SLOW = 5.0
"""Seconds of a trial after which there is no second one."""


def step_seconds(trainer: Trainer, samples: int | None = None, repeats: int = 3) -> float:
    """The fastest of a few trial iterations, scaled to the whole batch.

    Args:
        samples: how many of a batch to use; all if None.
    """
    train = trainer.settings.train
    batch = trainer.reals.batch
    fraction = min(samples or batch, batch) / batch
    fastest = float("inf")
    with preserve_state(trainer):
        real = trainer.reals.next()[: round(batch * fraction)]
        for repeat in range(repeats + 1):  # the first one warms up
            started = time.perf_counter()
            for _ in range(train.d_steps):
                trainer.gradients(trainer.game.discriminator_step, trainer.d_params, real, (True,))
            fakes = trainer.g_batch()[: round(batch * fraction)] if trainer.privacy else real
            trainer.gradients(trainer.game.generator_step, trainer.g_params, fakes, ())
            if trainer.device.type == "cuda":
                torch.cuda.synchronize(trainer.device)
            took = time.perf_counter() - started
            if repeat or not repeats or took > SLOW:
                fastest = min(fastest, took)
            if took > SLOW:
                break
    return fastest / fraction * train.accumulate


def fastest_threads(trainer: Trainer) -> int:
    """The number of CPU threads with which trial steps are fastest: threads that wait for each
    other on a busy machine can be ten times slower than one."""
    available = torch.get_num_threads()
    counts = sorted({1, available, *(n for n in (2, 4, 8, 16, 32, 64) if n < available)})
    if len(counts) == 1:
        return 1
    seconds = {}
    for count in counts:
        torch.set_num_threads(count)
        seconds[count] = step_seconds(trainer)
    return min(counts, key=seconds.__getitem__)


def memory_bytes(trainer: Trainer) -> int:
    """About what training takes: weights, moments, gradients, cached data, activations.

    On a CUDA device it is measured; elsewhere activations are counted as the outputs of all
    layers, four times for the second derivatives.
    """
    if trainer.device.type == "cuda":
        step_seconds(trainer, repeats=0)
        return int(torch.cuda.max_memory_allocated(trainer.device))
    networks = (trainer.networks.generator, trainer.networks.discriminator)
    weights = sum(p.numel() * p.element_size() for net in networks for p in net.parameters())
    activations = 0

    def count(module: nn.Module, given: Any, output: Any) -> None:
        nonlocal activations
        if isinstance(output, Tensor):
            activations += output.numel() * output.element_size()

    handles = [
        m.register_forward_hook(count)
        for net in networks
        for m in net.modules()
        if not any(m.children())
    ]
    step_seconds(trainer, PROFILE_SAMPLES, repeats=0)
    for handle in handles:
        handle.remove()
    scale = max(trainer.reals.batch / PROFILE_SAMPLES, 1)
    return int(4.5 * weights + trainer.reals.cached_bytes + 4 * activations * scale)


@contextlib.contextmanager
def preserve_state(trainer: Trainer) -> Iterator[None]:
    """Puts back what a step changes: random states, data position, running statistics."""
    position, rng = trainer.reals.position, torch.get_rng_state()
    on_cuda = trainer.device.type == "cuda"
    cuda_rng = torch.cuda.get_rng_state(trainer.device) if on_cuda else None
    networks = (trainer.networks.generator, trainer.networks.discriminator)
    buffers = [(b, b.clone()) for net in networks for b in net.buffers()]
    try:
        yield
    finally:
        for buffer, value in buffers:
            buffer.copy_(value)
        trainer.reals.seek(position)
        torch.set_rng_state(rng)
        if cuda_rng is not None:
            torch.cuda.set_rng_state(cuda_rng, trainer.device)
