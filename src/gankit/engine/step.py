"""One discriminator step and one generator step: the algorithm on one screen.

Both are functions from parameters and a batch to gradients, with no state and no side effects.
That is what lets ``compile.py`` trace them whole, second derivatives included, and ``parallel.py``
average what they return.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gankit.contract import Networks, Objective, Penalty
from gankit.engine.penalties import (
    finite_difference_norm,
    gradient_penalty,
    squared_gradient_norm,
)

Gradients = tuple[Tensor, ...]
Logs = dict[str, Tensor]


@dataclass
class LossWeights:
    """What the schedules set before each step, as 0-d tensors on the device."""

    r1: Tensor
    r2: Tensor
    gradient_penalty: Tensor
    augment_p: Tensor


@dataclass(frozen=True)
class LossTerms:
    """Which terms the loss has at all; fixed for a run, so that absent ones cost nothing."""

    zero_centred: bool = True
    gradient_penalty: bool = False
    finite_difference: float = 0.0
    """Sigma of the finite-difference form; 0 is the exact one."""
    extra: tuple[tuple[Penalty, float], ...] = ()


@dataclass(frozen=True)
class AdversarialLoss:
    """Two networks and the rules they play by.

    Fakes carry the labels of the real batch. Exact squared gradient norms are taken with respect
    to the un-augmented samples, through the augmentation; finite differences at augmented ones.
    """

    networks: Networks
    objective: Objective
    terms: LossTerms = field(default_factory=LossTerms)
    autocast: torch.dtype | None = None

    def generate(self, z: Tensor, c: Tensor | None) -> Tensor:
        with torch.autocast(z.device.type, self.autocast, enabled=self.autocast is not None):
            fake: Tensor = self.networks.generator(z, c)
        return fake.float() if self.autocast else fake

    def augment(self, x: Tensor, w: LossWeights) -> Tensor:
        return x if self.networks.augment is None else self.networks.augment(x, w.augment_p)

    def discriminate(self, x: Tensor, c: Tensor | None, frozen: bool = False) -> Tensor:
        D = self.networks.discriminator
        # Frozen, even autograd functions of its own compute nothing for D's parameters.
        params = {k: p.detach() for k, p in D.named_parameters()} if frozen else {}
        with torch.autocast(x.device.type, self.autocast, enabled=self.autocast is not None):
            logits: Tensor = functional_call(D, params, (x, c))
        return logits.float() if self.autocast else logits

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, c: Tensor | None, w: LossWeights, penalise: bool
    ) -> tuple[Tensor, Logs]:
        """What D minimises, for reals and fakes (N, *shape) with shared conditions c."""
        exact = penalise and self.terms.zero_centred and not self.terms.finite_difference
        n = len(real)

        # Reals and fakes share one pass, unless a sample's logit depends on its neighbours.
        def forward_with_penalty(x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
            if exact:
                x = x.detach().requires_grad_()
            seen = self.augment(x, w)
            logits = self.discriminate(seen, c)
            if not (penalise and self.terms.zero_centred):
                return logits, torch.zeros_like(logits)
            if exact:
                return logits, squared_gradient_norm(logits, x)
            return logits, finite_difference_norm(
                lambda x: self.discriminate(x, c), logits, seen, self.terms.finite_difference
            )

        if self.networks.batch_dependent:
            (real_logits, real_norm), (fake_logits, fake_norm) = (
                forward_with_penalty(real, c),
                forward_with_penalty(fake, c),
            )
        else:
            logits, norm = forward_with_penalty(
                torch.cat([real, fake]), None if c is None else torch.cat([c, c])
            )
            real_logits, fake_logits, real_norm, fake_norm = (
                logits[:n],
                logits[n:],
                norm[:n],
                norm[n:],
            )

        game = self.objective.discriminator(real_logits, fake_logits).mean()
        loss = game
        logs = {
            "d_loss": game,
            "d_real": real_logits.mean(),
            "d_fake": fake_logits.mean(),
            "d_sign": (real_logits - fake_logits).sign().mean(),
        }
        if penalise and self.terms.zero_centred:
            loss = loss + w.r1 / 2 * real_norm.mean() + w.r2 / 2 * fake_norm.mean()
            logs |= {"r1": real_norm.mean(), "r2": fake_norm.mean()}
        if penalise and self.terms.gradient_penalty:
            gp = gradient_penalty(
                lambda x: self.discriminate(self.augment(x, w), c), real, fake
            ).mean()
            loss = loss + w.gradient_penalty * gp
            logs["gradient_penalty"] = gp
        for penalty, weight in self.terms.extra if penalise else ():
            value = penalty.function(
                lambda x, c: self.discriminate(self.augment(x, w), c), real, fake, c
            ).mean()
            loss = loss + weight * value
            logs[penalty.name] = value
        return loss, logs

    def generator_loss(
        self, real: Tensor, fake: Tensor, c: Tensor | None, w: LossWeights
    ) -> tuple[Tensor, Logs]:
        """What G minimises. D is frozen: nothing is computed for its parameters."""
        fake_logits = self.discriminate(self.augment(fake, w), c, frozen=True)
        real_logits = fake_logits.detach()
        if self.objective.generator_sees_reals:
            with torch.no_grad():
                real_logits = self.discriminate(self.augment(real, w), c)
        loss = self.objective.generator(real_logits, fake_logits).mean()
        logs = {"g_loss": loss}
        for name, term in self.networks.generator_terms.items():
            logs[name] = term(fake, c)
            loss = loss + logs[name]
        return loss, logs

    def discriminator_step(
        self,
        params: Sequence[Tensor],
        real: Tensor,
        c: Tensor | None,
        z: Tensor,
        w: LossWeights,
        penalise: bool = True,
    ) -> tuple[Gradients, Logs]:
        """Gradients of D's loss in D's parameters ``params``."""
        with torch.no_grad():
            fake = self.generate(z, c)
        loss, logs = self.discriminator_loss(real, fake, c, w, penalise)
        return _gradients(loss, params), {k: v.detach() for k, v in logs.items()}

    def generator_step(
        self, params: Sequence[Tensor], real: Tensor, c: Tensor | None, z: Tensor, w: LossWeights
    ) -> tuple[Gradients, Logs]:
        """Gradients of G's loss in G's parameters ``params``."""
        fake = self.generate(z, c)
        loss, logs = self.generator_loss(real, fake, c, w)
        if real.numel():  # under differential privacy G gets none
            logs["real_std"] = real.std(0).mean()
        return _gradients(loss, params), {k: v.detach() for k, v in logs.items()}


def _gradients(loss: Tensor, params: Sequence[Tensor]) -> Gradients:
    """Gradients in the memory layout of their parameters, which fused Adam takes for granted."""
    found = torch.autograd.grad(loss, list(params), allow_unused=True, materialize_grads=True)
    return tuple(match_memory_format(p, g) for g, p in zip(found, params, strict=True))


def match_memory_format(parameter: Tensor, value: Tensor) -> Tensor:
    """A tensor of a parameter's shape in that parameter's memory layout."""
    if value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter).copy_(value)


StepFunction = Callable[..., tuple[Gradients, Logs]]


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """The parameters that an optimiser moves."""
    return [p for p in module.parameters() if p.requires_grad]
