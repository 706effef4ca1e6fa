"""Profiling steps: how many threads to use, and what a run would cost. They leave no trace."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gankit.contract import Batch
from gankit.engine.data import RealSamples
from gankit.engine.updates import Updates

PROFILE_SAMPLES = 16
"""Samples of a profiling step on a CPU, where time is proportional to them."""
LONG = 3.0
"""Seconds of an iteration from which on it is measured on a few samples only."""
SLOW = 2.0
"""Seconds of a profiling step after which there is no second one."""


def step_seconds(
    updates: Updates,
    reals: RealSamples,
    generator_batch: Callable[[], Batch],
    samples: int | None = None,
    repeats: int = 3,
    warm_up: bool = False,
) -> float:
    """The fastest of a few iterations, scaled to the whole batch.

    Args:
        generator_batch: gives the batch of a generator step.
        samples: how many of a batch to use; all if None.
        warm_up: an iteration of the warm-up instead of the game.
    """
    train = updates.settings.train
    batch = reals.batch
    fraction = min(samples or batch, batch) / batch
    fastest = float("inf")
    with preserve_state(updates, reals):
        real = reals.next()[: round(batch * fraction)]
        generated = real if warm_up else generator_batch()[: round(batch * fraction)]
        for repeat in range(repeats + 1):  # the first one is slower
            started = time.perf_counter()
            if warm_up:
                updates.gradients(updates.likelihood, real, eager=True)
            else:
                for _ in range(train.d_steps):
                    updates.gradients(updates.discriminator, real, True, eager=True)
                updates.gradients(updates.generator, generated, eager=True)
            if updates.device.type == "cuda":
                torch.cuda.synchronize(updates.device)
            took = time.perf_counter() - started
            if repeat or not repeats or took > SLOW:
                fastest = min(fastest, took)
            if took > SLOW:
                break
    return fastest / fraction * train.accumulate


def usual_step_seconds(
    updates: Updates, reals: RealSamples, generator_batch: Callable[[], Batch]
) -> float:
    """Seconds of an iteration, on the average of warm-up and game: of a whole batch where that
    takes a moment, else of a few samples, scaled."""

    def seconds(phase: bool) -> float:
        given = updates, reals, generator_batch
        if updates.device.type == "cpu":
            few = step_seconds(*given, PROFILE_SAMPLES, repeats=1, warm_up=phase)
            if few > LONG:
                return few
        return step_seconds(*given, warm_up=phase)

    return sum(part * seconds(phase) for phase, part in _phases(updates).items())


def _phases(updates: Updates) -> dict[bool, float]:
    """The parts of all steps that are the warm-up's (True) and the game's, if any are."""
    train = updates.settings.train
    part = min(-(-train.warm_up_samples // train.batch) / train.steps, 1.0)  # in whole batches
    return {phase: share for phase, share in ((True, part), (False, 1 - part)) if share}


def fastest_threads(
    updates: Updates, reals: RealSamples, generator_batch: Callable[[], Batch]
) -> int:
    """The number of CPU threads with which steps of the longer phase are fastest: threads that wait
    for each other on a busy machine can be ten times slower than one."""
    available = torch.get_num_threads()
    counts = sorted({1, available, *(n for n in (2, 4, 8, 16, 32, 64) if n < available)})
    if len(counts) == 1:
        return 1
    seconds, phases = {}, _phases(updates)
    warm_up = max(phases, key=phases.__getitem__)
    for count in counts:
        torch.set_num_threads(count)
        seconds[count] = step_seconds(updates, reals, generator_batch, warm_up=warm_up)
    return min(counts, key=seconds.__getitem__)


def memory_bytes(updates: Updates, reals: RealSamples, generator_batch: Callable[[], Batch]) -> int:
    """An estimate of training's memory: weights, moments, gradients, cached data, activations.

    On a CUDA device it is measured; elsewhere activations are counted as the outputs of all
    layers, four times for the second derivatives.
    """
    given = updates, reals, generator_batch
    if updates.device.type == "cuda":
        for warm_up in _phases(updates):
            step_seconds(*given, repeats=0, warm_up=warm_up)
        return int(torch.cuda.max_memory_allocated(updates.device))
    networks = (updates.networks.generator, updates.networks.discriminator)
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
    most = 0
    for warm_up in _phases(updates):
        activations = 0
        step_seconds(*given, PROFILE_SAMPLES, repeats=0, warm_up=warm_up)
        most = max(most, activations)
    for handle in handles:
        handle.remove()
    scale = max(reals.batch / PROFILE_SAMPLES, 1)
    return int(4.5 * weights + reals.cached_bytes + 4 * most * scale)


@contextlib.contextmanager
def preserve_state(updates: Updates, reals: RealSamples) -> Iterator[None]:
    """Restores what a step changes: random states, data position, running statistics."""
    position, rng = reals.position, torch.get_rng_state()
    on_cuda = updates.device.type == "cuda"
    cuda_rng = torch.cuda.get_rng_state(updates.device) if on_cuda else None
    networks = (updates.networks.generator, updates.networks.discriminator)
    buffers = [(b, b.clone()) for net in networks for b in net.buffers()]
    try:
        yield
    finally:
        for buffer, value in buffers:
            buffer.copy_(value)
        reals.seek(position)
        torch.set_rng_state(rng)
        if cuda_rng is not None:
            torch.cuda.set_rng_state(cuda_rng, updates.device)
