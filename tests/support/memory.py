"""A GPU with little memory, simulated: losses and networks that fail above a number of samples."""

from __future__ import annotations

from typing import Any

import torch

from gankit.engine.step import AdversarialLoss

STEPS = "likelihood_step", "discriminator_step", "generator_step"
WORDS = "CUDA out of memory. Tried to allocate 2.00 GiB."


def limit_memory(patch: Any, fitting: int, steps: tuple[str, ...] = STEPS) -> list[int]:
    """From now on a GPU's memory suffices for so many samples of a step; the list has the sizes of
    all attempts."""
    attempts: list[int] = []

    def limited(step: Any) -> Any:
        def run(self: Any, params: Any, real: Any, *given: Any) -> Any:
            attempts.append(len(real))
            if len(real) > fitting:
                torch.randn(7)  # an attempt that fails has drawn
                raise torch.OutOfMemoryError(WORDS)
            return step(self, params, real, *given)

        return run

    for name in steps:
        patch.setattr(AdversarialLoss, name, limited(getattr(AdversarialLoss, name)))
    return attempts
