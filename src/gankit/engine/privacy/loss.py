"""The private step: clipped per-sample gradients and noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn.utils import stateless

from gankit.engine.penalties import per_sample
from gankit.engine.privacy.secret import Privacy
from gankit.engine.step import AdversarialLoss, Gradients, Logs, LossWeights, match_memory_format

GRADIENTS_AT_ONCE = {"cpu": 2**22, "cuda": 2**28}
"""Numbers of per-sample gradients that are held in memory at a time."""


@dataclass(frozen=True, kw_only=True)
class PrivateLoss(AdversarialLoss):
    """The losses with DP-SGD for the network that sees real samples: D in the game, G on its
    likelihood. Logged values are private too: none depends on real samples without noise."""

    divisible = False  # noise is added once; per-sample gradients are a few at a time anyway

    privacy: Privacy
    position: Callable[[], int]
    """The data's position, from which each step derives its own noise."""

    def sample_nll(self, params: Mapping[str, Tensor], real: Tensor, c: Tensor | None) -> Tensor:
        """The negative log-likelihood of one record: ``real`` (*shape), ``c`` (width,), parameters
        of G by name."""
        likelihood = self.networks.likelihood
        assert likelihood is not None
        with (
            stateless._reparametrize_module(self.networks.generator, dict(params)),
            torch.autocast(real.device.type, self.autocast, enabled=self.autocast is not None),
        ):
            return likelihood(real[None], None if c is None else c[None]).float().sum()

    def likelihood_step(
        self, params: Sequence[Tensor], real: Tensor, c: Tensor | None
    ) -> tuple[Gradients, Logs]:
        """A noisy step on the likelihood. A record's condition is part of the record: it acts
        within its own gradient alone."""
        gradients, signal = self._noisy_gradients(
            self.networks.generator, params, self.sample_nll, (real, c)
        )
        return gradients, {"g_signal": signal}

    def pair_loss(
        self,
        params: Mapping[str, Tensor],
        real: Tensor,
        fake: Tensor,
        c: Tensor | None,
        w: LossWeights,
        penalise: bool,
    ) -> Tensor:
        """D's loss of one record: ``real`` and ``fake`` (*shape), ``c`` (width,), parameters of D
        by name. Its mean over a batch is ``AdversarialLoss.discriminator_loss``.
        """
        conditions = None if c is None else torch.stack([c, c])

        def forward_with_penalty(pair: Tensor) -> tuple[Tensor, Tensor]:
            with stateless._reparametrize_module(self.networks.discriminator, dict(params)):
                logits = self.discriminate(self.augment(pair, w), conditions)
            return per_sample(logits).sum(), logits

        pair = torch.stack([real, fake])
        if penalise and self.terms.zero_centred:
            slopes, logits = grad(forward_with_penalty, has_aux=True)(pair)
            r1, r2 = slopes.square().flatten(1).sum(1)
            penalty = w.r1 / 2 * r1 + w.r2 / 2 * r2
        else:
            _, logits = forward_with_penalty(pair)
            penalty = torch.zeros_like(logits).sum()
        loss: Tensor = self.objective.discriminator(logits[:1], logits[1:]).mean() + penalty
        return loss

    def discriminator_step(
        self,
        params: Sequence[Tensor],
        real: Tensor,
        c: Tensor | None,
        z: Tensor,
        w: LossWeights,
        penalise: bool = True,
    ) -> tuple[Gradients, Logs]:
        """A noisy step on the pairs of real and generated samples."""
        with torch.no_grad():
            fake = self.generate(z, c)
        gradients, signal = self._noisy_gradients(
            self.networks.discriminator,
            params,
            lambda params, real, fake, c: self.pair_loss(params, real, fake, c, w, penalise),
            (real, fake, c),
        )
        return gradients, {"d_signal": signal}

    def _noisy_gradients(
        self,
        network: nn.Module,
        params: Sequence[Tensor],
        loss: Callable[..., Tensor],
        samples: tuple[Tensor | None, ...],
    ) -> tuple[Gradients, Tensor]:
        """Abadi et al. 2016, algorithm 1: the clipped sum, noise, over the expected batch; and the
        sum's norm relative to that of noise alone."""
        plan = self.privacy.plan
        names = [name for name, p in network.named_parameters() if p.requires_grad]
        by_name = {k: p.detach() for k, p in zip(names, params, strict=True)}
        total = clipped_sum(loss, by_name, samples, plan.clip)
        rng, scale = self.privacy.rng("noise", self.position()), plan.noise_multiplier * plan.clip
        for gradient in total:
            noise = torch.from_numpy(rng.standard_normal(gradient.shape, np.float32))
            gradient.add_(noise.to(gradient), alpha=scale)
        norm = torch.stack([g.square().sum() for g in total]).sum().sqrt()
        expected = scale * math.sqrt(sum(g.numel() for g in total))
        gradients = tuple(
            match_memory_format(p, g / plan.batch) for g, p in zip(total, params, strict=True)
        )
        return gradients, norm / max(expected, 1e-30)


def clipped_sum(
    loss: Callable[..., Tensor],
    params: Mapping[str, Tensor],
    samples: tuple[Tensor | None, ...],
    clip: float,
) -> list[Tensor]:
    """``sum_i g_i min(1, clip / ||g_i||)`` with ``g_i`` the gradient of sample i's loss.

    No sample changes the sum by more than ``clip``; one whose gradient is not finite adds nothing.

    Args:
        loss: ``(params, *sample) -> scalar``, of one sample without a batch axis.
        params: detached, by name.
        samples: tensors with a batch axis of the same length, or None.
        clip: bound of the norm over all parameters.
    """
    first = samples[0]
    assert first is not None
    n, size = len(first), sum(p.numel() for p in params.values())
    at_once = GRADIENTS_AT_ONCE.get(first.device.type, GRADIENTS_AT_ONCE["cpu"])
    axes = (None, *(None if s is None else 0 for s in samples))
    each = vmap(grad(loss), in_dims=axes, randomness="different")
    total = {
        k: torch.zeros_like(p, memory_format=torch.contiguous_format) for k, p in params.items()
    }
    step = max(at_once // size, 1)
    for start in range(0, n, step):
        part = [None if s is None else s[start : start + step] for s in samples]
        gradients = {k: g.reshape(len(g), -1) for k, g in each(dict(params), *part).items()}
        norm = torch.stack([torch.linalg.vector_norm(g, dim=1) for g in gradients.values()]).norm(
            dim=0
        )
        finite = norm.isfinite()
        if not finite.all():
            gradients, norm = {k: g[finite] for k, g in gradients.items()}, norm[finite]
        factor = (clip / norm.clamp(min=1e-30)).clamp(max=1)
        for k, g in gradients.items():
            total[k] += (factor @ g).view_as(total[k])
    return list(total.values())
