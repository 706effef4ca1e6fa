"""Optimiser steps of both networks: gradients, accumulation, and everything the schedules set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gankit.contract import Batch, Networks
from gankit.engine.adam import Adam
from gankit.engine.compile import CompiledStep
from gankit.engine.gamma import AdaptiveGamma
from gankit.engine.meters import Means
from gankit.engine.micro_batches import MicroBatches
from gankit.engine.parallel import ParallelContext
from gankit.engine.randomness import StepRandomness
from gankit.engine.settings import EngineSettings
from gankit.engine.step import (
    AdversarialLoss,
    Gradients,
    LossWeights,
    StepFunction,
    trainable,
)


class Player:
    """One network with its optimiser and its step function."""

    def __init__(
        self,
        network: nn.Module,
        step: StepFunction,
        clip: float = 0.0,
        **options: Any,
    ) -> None:
        self.network, self.step, self.clip = network, step, clip
        self.params = trainable(network)
        self.optimiser = Adam(self.params, **options)

    def set(self, lr: float, beta1: float, beta2: float) -> None:
        """Sets the learning rate and the decays of both moments."""
        self.optimiser.lr, self.optimiser.betas = lr, (beta1, beta2)


class Updates:
    """The discriminator's and the generator's optimiser steps on fresh batches.

    Args:
        networks: on ``device``.
        loss: of both.
        random: what each piece of a step draws from.
    """

    def __init__(
        self,
        networks: Networks,
        loss: AdversarialLoss,
        settings: EngineSettings,
        device: torch.device,
        parallel: ParallelContext,
        random: StepRandomness,
    ) -> None:
        self.random, self.running = random, _running_statistics(networks)
        self.networks, self.loss, self.settings = networks, loss, settings
        self.device, self.parallel, self.means = device, parallel, Means()
        self.micro_batches = MicroBatches()
        self.augment_target = settings.augment.target
        self.observing = False
        """Whether the next step of the generator records the norm of its gradient."""
        self.g_gradient: Tensor | None = None
        """The last such norm."""
        d_step, g_step, nll_step = self._steps()
        eps, warm_up = settings.optim.eps, settings.warm_up
        self.generator = Player(networks.generator, g_step, eps=eps)
        self.discriminator = Player(networks.discriminator, d_step, eps=eps)
        self.likelihood = Player(
            *(networks.generator, nll_step, warm_up.clip),
            betas=(warm_up.beta1, warm_up.beta2),
            weight_decay=warm_up.weight_decay,
            eps=eps,
        )
        """The generator during the warm-up, with an optimiser of its own."""
        self.weights = LossWeights(*(torch.zeros((), device=device) for _ in range(4)))
        self.gamma, self.adapts_gamma = AdaptiveGamma(parallel), settings.adapts_gamma
        """The weight of R1 and R2 where that is adapted (``penalty.gamma=auto``)."""

    def _steps(self) -> tuple[StepFunction, StepFunction, StepFunction]:
        """The step functions of discriminator, generator and warm-up."""
        loss, networks = self.loss, self.networks

        def likelihood(
            params: Sequence[Tensor], real: Tensor, c: Tensor | None, *unused: object
        ) -> tuple[Gradients, dict[str, Tensor]]:
            return loss.likelihood_step(params, real, c)

        steps: tuple[StepFunction, StepFunction, StepFunction]
        steps = loss.discriminator_step, loss.generator_step, likelihood
        if not self.settings.train.compile:
            return steps
        G, D = networks.generator, networks.discriminator
        return (
            CompiledStep(steps[0], D, G),
            CompiledStep(steps[1], G, D),
            CompiledStep(steps[2], G, D),
        )

    def use(self, loss: AdversarialLoss) -> None:
        """Goes on with another loss of the same networks."""
        self.loss = loss
        players = self.discriminator, self.generator, self.likelihood
        for player, step in zip(players, self._steps(), strict=True):
            player.step = step

    def step_discriminator(self, draw: Callable[[], Batch], penalise: bool) -> None:
        """One step of D on a fresh batch."""
        self._update(
            *("discriminator", self.discriminator),
            lambda: self.gradients(self.discriminator, draw(), penalise),
        )

    def step_generator(self, draw: Callable[[], Batch]) -> None:
        """One step of G on a fresh batch."""
        self._update("generator", self.generator, lambda: self.gradients(self.generator, draw()))

    def step_likelihood(self, draw: Callable[[], Batch], lr: float) -> None:
        """One step of G on its own likelihood of a fresh batch."""
        player = self.likelihood
        player.optimiser.lr = lr
        self._update("likelihood", player, lambda: self.gradients(player, draw()))

    def gradients(
        self, player: Player, real: Batch, *static: bool, eager: bool = False
    ) -> tuple[Gradients, dict[str, Tensor]]:
        """One player's gradients on a prepared batch, with fresh latents where it uses any; in
        pieces where a GPU's memory does not suffice.

        Args:
            static: what the step function is specialised for.
            eager: bypass the compiled step.
        """
        step = player.step
        if eager and isinstance(step, CompiledStep):
            step = step.step
        x = real.x
        if self.settings.train.channels_last and x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        latent_dim = 0 if player is self.likelihood else self.networks.latent_dim
        z = self.random.latents(len(real), latent_dim)
        if not self.loss.divisible:
            return step(player.params, x, real.c, z, self.weights, *static)
        kept = [value.clone() for value in self.running]

        def compute(parts: list[slice]) -> tuple[Gradients, dict[str, Tensor]]:
            if len(parts) == 1:
                return step(player.params, x, real.c, z, self.weights, *static)
            self.random.divide(len(parts))
            for value, before in zip(self.running, kept, strict=True):
                value.copy_(before)  # an attempt that failed may have changed it
            results = (
                step(
                    *(player.params, x[part], real.c if real.c is None else real.c[part], z[part]),
                    *(self.weights, *static),
                )
                for part in parts
            )
            return _mean(results, [(p.stop - p.start) / len(real) for p in parts])

        return self.micro_batches.compute(len(real), compute)

    def _update(
        self,
        name: str,
        player: Player,
        gradients: Callable[[], tuple[Gradients, dict[str, Tensor]]],
    ) -> None:
        pieces = self.settings.train.accumulate
        total: list[Tensor] = []
        logged: list[dict[str, Tensor]] = []
        for _ in range(pieces):
            self.random.begin(name)
            found, logs = gradients()
            if total:
                torch._foreach_add_(total, list(found))
            else:
                total = list(found)
            self.means.add(logs)
            logged.append(logs)
            if self.augment_target > 0 and "d_sign" in logs:
                self._adapt_augmentation(logs["d_sign"])
        if pieces > 1:
            torch._foreach_div_(total, pieces)
        if "r1" in logged[0] and self.adapts_gamma:
            self.gamma.observe(logged)
        shared = [] if self.settings.train.shard else total  # sharded gradients are averages
        self.parallel.average_([*shared, *self.running])
        if self.observing and player is self.generator and not self.settings.train.shard:
            self.g_gradient = torch.stack(torch._foreach_norm(total)).norm()
        if player.clip:
            _clip(total, player.clip)
        player.optimiser.step(total)

    # --- What the schedules set -----------------------------------------------------------------

    @property
    def adapted(self) -> dict[str, float]:
        """The weights of R1 and R2 where training adapts them, in place of schedules."""
        return {"r1": self.gamma.value, "r2": self.gamma.value} if self.adapts_gamma else {}

    def set(self, at: Mapping[str, float]) -> None:
        """Sets loss weights, learning rates and betas to the schedules' values."""
        lazily = self.settings.loss.penalty_every
        self.weights.r1.fill_(at["r1"] * lazily)
        self.weights.r2.fill_(at["r2"] * lazily)
        self.weights.gradient_penalty.fill_(at["gradient_penalty"] * lazily)
        if self.augment_target <= 0:
            self.weights.augment_p.fill_(at["augment_p"])
        optim = self.settings.optim
        d_beta1 = optim.beta1 if optim.d_beta1 is None else optim.d_beta1
        self.generator.set(at["g_lr"], optim.beta1, at["g_beta2"])
        self.discriminator.set(at["d_lr"], d_beta1, at["d_beta2"])

    def _adapt_augmentation(self, d_sign: Tensor) -> None:
        """Moves p so that D(real) > D(fake) at the target rate (Karras et al. 2020, sec. 2.3)."""
        train, augment = self.settings.train, self.settings.augment
        self.parallel.average_([d_sign])
        change = (d_sign - self.augment_target).sign() * (train.batch / augment.speed)
        self.weights.augment_p.add_(change / train.accumulate).clamp_(0, 1)

    def modules(self) -> dict[str, nn.Module]:
        """Everything trained, by the name it has in a checkpoint."""
        return {"generator": self.networks.generator, "discriminator": self.networks.discriminator}

    def optimisers(self) -> dict[str, Adam]:
        return {
            "g_optimiser": self.generator.optimiser,
            "d_optimiser": self.discriminator.optimiser,
            "warm_up_optimiser": self.likelihood.optimiser,
        }


def _mean(
    results: Iterable[tuple[Gradients, dict[str, Tensor]]], shares: Sequence[float]
) -> tuple[Gradients, dict[str, Tensor]]:
    """The mean of gradients and logged values, of one piece after another."""
    total: list[Tensor] = []
    sums: dict[str, Tensor] = {}
    weights: dict[str, float] = {}
    for (found, logs), share in zip(results, shares, strict=True):
        if total:
            torch._foreach_add_(total, list(found), alpha=share)
        else:
            total = list(torch._foreach_mul(list(found), share))
        for name, value in logs.items():  # a few have no value of a single sample
            sums[name] = sums[name] + share * value if name in sums else share * value
            weights[name] = weights.get(name, 0.0) + share
    return tuple(total), {name: value / weights[name] for name, value in sums.items()}


def _running_statistics(networks: Networks) -> list[Tensor]:
    """Means and variances that batch normalisation keeps: each process sees other samples, so that
    they are averaged with the gradients."""
    modules = [*networks.generator.modules(), *networks.discriminator.modules()]
    normal = [m for m in modules if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    kept = [b for m in normal for b in (m.running_mean, m.running_var)]
    return [b for b in kept if b is not None]


def _clip(gradients: list[Tensor], most: float) -> None:
    """Scales gradients in place to a common norm of at most ``most``; waits for nothing."""
    norm = torch.stack(torch._foreach_norm(gradients)).norm()
    torch._foreach_mul_(gradients, (most / (norm + 1e-6)).clamp(max=1))
