"""Worst cases of both players, for the duality gap (Grnarova et al. 2019, arXiv 1811.05512).

At an equilibrium neither player gains by training alone. So each is trained alone for some steps,
against the other as it stands, and the game's value is compared on samples not trained on. Mode
collapse, divergence and cycling all leave a gap.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gankit.contract import Batch
from gankit.engine.clock import TrainingSchedules
from gankit.engine.data import RealSamples
from gankit.engine.profiling import preserve_state
from gankit.engine.randomness import StepRandomness, combined
from gankit.engine.step import AdversarialLoss
from gankit.engine.updates import Updates

Values = np.ndarray[Any, Any]
STEPS = 100
"""Of each player: the gap costs as much as so many steps of training, and is only comparable
between measurements with equally many."""


@dataclass(frozen=True)
class WorstCases:
    """The game's value for pairs of an unseen real and a generated sample, (N,) each: what the
    discriminator maximises, and the generator minimises."""

    discriminator: Values
    """Of the generator against its worst discriminator."""
    generator: Values
    """Of the discriminator against its worst generator."""


def worst_cases(
    updates: Updates,
    reals: RealSamples,
    generator_batch: Callable[[], Batch],
    unseen: Sequence[Batch],
    *,
    samples: int,
    steps: int = STEPS,
    seed: int = 0,
) -> WorstCases:
    """Trains the discriminator alone and the generator alone, and restores everything.

    Both train as in the run, with its losses, penalties, augmentation and learning rates, but with
    moments of their own, and eagerly.

    Args:
        updates: of the run.
        reals: what both train on; its position is restored.
        generator_batch: gives the batch of a generator step.
        unseen: prepared batches on the device that the game's value is estimated on.
        samples: of the game so far, which the schedules follow.
        steps: of each player.
        seed: of everything drawn.

    """
    networks, settings = updates.networks, updates.settings
    settings = replace(settings, train=replace(settings.train, compile=False))
    run = updates.loss
    loss = AdversarialLoss(networks, run.objective, run.terms, run.autocast)
    at = updates.adapted | TrainingSchedules(settings).at(samples)
    every = settings.loss.penalty_every
    values: dict[str, Values] = {}
    with preserve_state(updates, reals):
        position = reals.position
        random = StepRandomness(
            lambda what, position: combined(seed, position),
            *(lambda: reals.position, updates.parallel, updates.device),
        )
        for player in ("discriminator", "generator"):
            reals.seek(position)
            torch.manual_seed(seed)
            with _preserve_weights(networks.generator, networks.discriminator):
                given = networks, loss, settings, updates.device, updates.parallel
                alone = Updates(*given, random)
                alone.set(at)
                alone.weights.augment_p.copy_(updates.weights.augment_p)
                for step in range(steps):
                    if player == "discriminator":
                        alone.step_discriminator(reals.next, step % every == 0)
                    else:
                        alone.step_generator(generator_batch)
                torch.manual_seed(seed)
                values[player] = _values(loss, unseen)
    return WorstCases(**values)


@torch.no_grad()
def _values(loss: AdversarialLoss, unseen: Sequence[Batch]) -> Values:
    """What D maximises, for each real sample with a generated one; without augmentation."""
    found: list[Tensor] = []
    for batch in unseen:
        z = torch.randn(len(batch), loss.networks.latent_dim, device=batch.x.device)
        fake = loss.generate(z, batch.c)
        logits = loss.discriminate(batch.x, batch.c), loss.discriminate(fake, batch.c)
        value = -loss.objective.discriminator(*logits)
        found.append(value if value.ndim == 1 else value.flatten(1).mean(1))
    array: Values = torch.cat(found).double().cpu().numpy()
    return array


@contextlib.contextmanager
def _preserve_weights(*modules: nn.Module) -> Iterator[None]:
    """Restores parameters and buffers."""
    kept = [(t, t.detach().clone()) for m in modules for t in (*m.parameters(), *m.buffers())]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in kept:
                tensor.copy_(value)
