"""One discriminator step and one generator step: the algorithm on one screen.

Both are functions from parameters and a batch to gradients, with no state and no side effects.
That is what lets ``compile.py`` trace them whole, second derivatives included, and ``parallel.py``
average what they return.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gankit.contract import Networks, Objective, Penalty
from gankit.engine.penalties import (
    augment_alike,
    difference_norm,
    gradient_penalty,
    per_sample,
    squared_gradient_norm,
)

Gradients = tuple[Tensor, ...]
Logs = dict[str, Tensor]


@dataclass
class LossWeights:
    """Set by the schedules before each step, as 0-d tensors on the device."""

    r1: Tensor
    r2: Tensor
    gradient_penalty: Tensor
    augment_p: Tensor


@dataclass(frozen=True)
class LossTerms:
    """Which terms the loss has; fixed for a run, so that absent ones cost nothing."""

    zero_centred: bool = True
    gradient_penalty: bool = False
    finite_difference: float = 0.0
    """Sigma of the finite-difference form; 0 is the exact one."""
    penalty_share: float = 1.0
    """The part of a batch on which squared gradient norms are computed."""
    likelihood: float = 0.0
    """Weight of the generator's negative log-likelihood of real samples in its loss."""
    extra: tuple[tuple[Penalty, float], ...] = ()


@dataclass(frozen=True)
class AdversarialLoss:
    """The losses of two networks.

    Generated samples carry the conditions of the real batch. Squared gradient norms, exact or
    estimated, are taken with respect to the un-augmented samples, through the augmentation. Where D
    has several logits per sample, losses are means over them.
    """

    networks: Networks
    objective: Objective
    terms: LossTerms = field(default_factory=LossTerms)
    autocast: torch.dtype | None = None

    divisible: ClassVar[bool] = True
    """Whether a batch's gradients are the means of those of its pieces, each computed alone."""

    def generate(self, z: Tensor, c: Tensor | None) -> Tensor:
        with torch.autocast(z.device.type, self.autocast, enabled=self.autocast is not None):
            fake: Tensor = self.networks.generator(z, c)
        return fake.float() if self.autocast else fake

    def augment(self, x: Tensor, w: LossWeights) -> Tensor:
        augment = self.networks.augment_input
        return x if augment is None else augment(x, w.augment_p)

    def discriminate(self, x: Tensor, c: Tensor | None, frozen: bool = False) -> Tensor:
        D = self.networks.discriminator
        with torch.autocast(x.device.type, self.autocast, enabled=self.autocast is not None):
            if frozen:  # even autograd functions of its own compute nothing for D's parameters
                params = {k: p.detach() for k, p in D.named_parameters()}
                logits: Tensor = functional_call(D, params, (x, c))
            else:
                logits = D(x, c)
        return logits.float() if self.autocast else logits

    def forward_with_difference(
        self, x: Tensor, c: Tensor | None, w: LossWeights, sigma: float
    ) -> tuple[Tensor, Tensor]:
        """Logits of x (N, *shape), and estimates (N,) of their squared gradient norms in x."""
        x = x.detach()
        step = sigma * torch.randn_like(x)
        batches: tuple[Tensor, ...] = (x, x - step, x + step)
        if self.networks.augment_input is not None:
            batches = augment_alike(lambda x: self.augment(x, w), *batches)
        if self.networks.batch_dependent:
            logits, below, above = (self.discriminate(x, c) for x in batches)
        else:
            conditions = None if c is None else torch.cat([c, c, c])
            logits, below, above = self.discriminate(torch.cat(batches), conditions).chunk(3)
        return logits, difference_norm(below, above, sigma)

    def judge(
        self, real: Tensor, fake: Tensor, c: Tensor | None, w: LossWeights, penalise: bool
    ) -> tuple[Tensor, ...]:
        """Logits of reals and fakes, then their squared gradient norms (N,), 0 without penalty."""
        n, sigma = len(real), self.terms.finite_difference

        def forward_with_penalty(x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
            if penalise and sigma:
                return self.forward_with_difference(x, c, w, sigma)
            if penalise:
                x = x.detach().requires_grad_()
            logits = self.discriminate(self.augment(x, w), c)
            if not penalise:
                return logits, logits.new_zeros(len(logits))
            return logits, squared_gradient_norm(logits, x)

        # Real and generated samples share one pass, unless logits depend on the batch.
        if self.networks.batch_dependent:
            of_real, of_fake = forward_with_penalty(real, c), forward_with_penalty(fake, c)
            return of_real[0], of_fake[0], of_real[1], of_fake[1]
        logits, norm = forward_with_penalty(
            torch.cat([real, fake]), None if c is None else torch.cat([c, c])
        )
        return logits[:n], logits[n:], norm[:n], norm[n:]

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, c: Tensor | None, w: LossWeights, penalise: bool
    ) -> tuple[Tensor, Logs]:
        """What D minimises, for reals and fakes (N, *shape) with shared conditions c."""
        zero_centred = penalise and self.terms.zero_centred
        share = 1.0 if self.networks.batch_dependent else self.terms.penalty_share
        penalised = math.ceil(share * len(real)) if zero_centred else len(real)
        parts = [slice(penalised)]
        if penalised < len(real):
            parts.append(slice(penalised, None))
        judged = [
            self.judge(
                real[part], fake[part], c if c is None else c[part], w, zero_centred and not i
            )
            for i, part in enumerate(parts)
        ]
        real_logits, fake_logits = (
            torch.cat(pieces) for pieces in [*zip(*judged, strict=True)][:2]
        )
        real_norm, fake_norm = judged[0][2:]

        adversarial = self.objective.discriminator(real_logits, fake_logits).mean()
        loss = adversarial
        logs = {
            "d_loss": adversarial,
            "d_real": real_logits.mean(),
            "d_fake": fake_logits.mean(),
            "d_sign": per_sample(real_logits - fake_logits).sign().mean(),
        }
        if zero_centred:
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
        if self.terms.likelihood:
            logs["anchor"] = self.negative_log_likelihood(real, c)
            loss = loss + self.terms.likelihood * logs["anchor"]
        for name, term in self.networks.generator_terms.items():
            logs[name] = term(fake, c)
            loss = loss + logs[name]
        return loss, logs

    def negative_log_likelihood(self, real: Tensor, c: Tensor | None) -> Tensor:
        """The mean of real samples' under the generator."""
        assert self.networks.likelihood is not None
        with torch.autocast(real.device.type, self.autocast, enabled=self.autocast is not None):
            return self.networks.likelihood(real, c).float().mean()

    def likelihood_step(
        self, params: Sequence[Tensor], real: Tensor, c: Tensor | None
    ) -> tuple[Gradients, Logs]:
        """Gradients of the generator's negative log-likelihood of real samples: the warm-up."""
        loss = self.negative_log_likelihood(real, c)
        return self.gradients(loss, params), {"nll": loss.detach()}

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
        return self.gradients(loss, params), {k: v.detach() for k, v in logs.items()}

    def generator_step(
        self, params: Sequence[Tensor], real: Tensor, c: Tensor | None, z: Tensor, w: LossWeights
    ) -> tuple[Gradients, Logs]:
        """Gradients of G's loss in G's parameters ``params``."""
        fake = self.generate(z, c)
        loss, logs = self.generator_loss(real, fake, c, w)
        if real.numel() and len(real) > 1:  # under differential privacy G gets none
            logs["real_std"] = real.std(0).mean()
        return self.gradients(loss, params), {k: v.detach() for k, v in logs.items()}

    def gradients(self, loss: Tensor, params: Sequence[Tensor]) -> Gradients:
        """Gradients in the memory format of their parameters, which fused Adam relies on."""
        found = torch.autograd.grad(loss, list(params), allow_unused=True, materialize_grads=True)
        return tuple(match_memory_format(p, g) for g, p in zip(found, params, strict=True))


def match_memory_format(parameter: Tensor, value: Tensor) -> Tensor:
    """A tensor of a parameter's shape in that parameter's memory format."""
    if value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter).copy_(value)


StepFunction = Callable[..., tuple[Gradients, Logs]]


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """The parameters that an optimiser updates."""
    return [p for p in module.parameters() if p.requires_grad]
