"""What a check measures: the averaged generator beside real items, and the discriminator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from gankit.contract import Batch, Codec
from gankit.contract.codec import comparable
from gankit.contract.subsets import take
from gankit.engine.micro_batches import MicroBatches
from gankit.engine.penalties import per_sample
from gankit.engine.randomness import own_randomness
from gankit.engine.sampling.sampler import Sampler
from gankit.engine.step import AdversarialLoss

MOST_TRAINING = 1_000
"""Training items that generated ones are compared with; of more, so many are chosen."""
STREAMED = 500
"""The same where items are not held in memory, and have to be read for this."""
WIDEST = 512
"""Wider samples are projected to so many dimensions at random, which keeps distances (Johnson &
Lindenstrauss 1984)."""
STEEP = 64
"""Samples on which the steepness of the discriminator is measured."""
CERTAIN = 4.0
"""Standard errors by which logits of real and generated samples have to differ, for what lies
between them to mean something."""

Array = np.ndarray[Any, Any]


class Comparison(Protocol):
    """Real items, ready to be compared with generated ones."""

    @property
    def spread(self) -> float:
        """The mean distance of two real items."""

    @property
    def baselines(self) -> Mapping[str, float]:
        """``<name>_real`` of each score."""

    def compare(self, x: Array, c: Array | None) -> dict[str, float]:
        """Scores of generated features (n, D) with conditions (n, width)."""


Reference = Callable[[tuple[Array, Array | None], tuple[Array, Array | None], int], Comparison]
"""``(training, held-out, n) -> Comparison``, of features (N, D) and conditions (N, width)."""


class Probe:
    """Real items that are chosen once, and latents that stay the same.

    Args:
        train: the training items.
        heldout: items that are not trained on; none where there are too few.
        n: generated samples, and held-out items, of a check.
        batch: items in one pass.
        stored: whether training items are in memory.
    """

    def __init__(
        self,
        codec: Codec[Any],
        train: Sequence[Any],
        heldout: Sequence[Any],
        *,
        reference: Reference,
        n: int,
        batch: int,
        seed: int,
        device: torch.device,
        stored: bool = True,
    ) -> None:
        self.codec, self.batch, self.seed, self.device = codec, batch, seed, device
        self.micro_batches = MicroBatches()
        rng = np.random.default_rng([seed, 29])
        most = max(MOST_TRAINING if stored else STREAMED, n)

        def some(items: Sequence[Any], most: int) -> list[Any]:
            chosen = np.sort(rng.choice(len(items), min(most, len(items)), replace=False))
            return list(take(items, chosen))

        items = some(train, most), some(heldout, n)
        with own_randomness(self.seed, self.device):
            real, unseen = (
                codec.prepare(codec.encode(part, rng)) if part else None for part in items
            )
        assert real is not None
        self.real, self.unseen = real, unseen
        """Prepared, on the CPU."""
        self.n = min(n, max(len(real), 2))
        self._projection: Tensor | None = None
        parts = [
            (np.zeros((0, 1)), None) if part is None else (self._features(part), _numbers(part))
            for part in (real, unseen)
        ]
        self.comparison = reference(parts[0], parts[1], self.n)
        self.baselines = dict(self.comparison.baselines)

    def _features(self, batch: Batch) -> Array:
        """(N, D)"""
        x = comparable(self.codec, batch)
        if x.shape[1] > WIDEST:
            if self._projection is None:
                generator = torch.Generator().manual_seed(self.seed)
                drawn = torch.randn(x.shape[1], WIDEST, generator=generator)
                self._projection = drawn / WIDEST**0.5
            x = x @ self._projection
        found: Array = x.double().numpy()
        return found

    def measure(
        self, sampler: Sampler, loss: AdversarialLoss | None, gradient: float | None = None
    ) -> dict[str, float]:
        """Scores of the averaged generator's samples, each with its baseline; and of the
        discriminator.

        - ``d_accuracy``: share of pairs of a training item and a generated sample in which the
          discriminator prefers the real one; ``d_accuracy_heldout``: the same for held-out items.
        - ``d_overfitting``: how far held-out items are to it what generated ones are, r_v of Karras
          et al. 2020 (arXiv 2006.06676, section 3.1). 0 is ideal, 1 is overfitting.
        - ``d_scale``: mean size of its logits.
        - ``d_steepness``: root mean square norm of its gradient at training items and generated
          samples, times the mean distance of two training items: how far a logit changes over it.
        - ``g_gradient``: norm of the generator's gradient in the last step.

        Args:
            loss: the game's; None where there is no game yet.
            gradient: norm of the generator's gradient.

        Returns:
            ``finite``, 0, alone where samples or scores are not finite.
        """
        seeds = range(self.n)
        with own_randomness(self.seed, self.device):
            fake = self._draw(sampler, seeds)
            found = {"g_gradient": gradient} if gradient is not None else {}
            if not bool(fake.x.isfinite().all()):
                return {"finite": 0.0}
            found |= self.comparison.compare(self._features(fake), _numbers(fake))
            if loss is not None:
                found |= self._discriminator(loss, fake)
        found |= self.baselines
        return found if all(map(math.isfinite, found.values())) else {"finite": 0.0}

    def unseen_batches(self) -> list[Batch]:
        """Held-out items on the device, or training items where there are none."""
        items = self.real[: self.n] if self.unseen is None else self.unseen
        return [part.to(self.device) for part in self._passes(items)]

    def _passes(self, batch: Batch) -> list[Batch]:
        """The parts of a batch that go through a network together."""
        return [batch[at : at + self.batch] for at in range(0, len(batch), self.batch)]

    def _draw(self, sampler: Sampler, seeds: range) -> Batch:
        """Samples of fixed latents, with conditions as in the data."""
        z, c = sampler.latents(seeds), sampler.draw_conditions(seeds, {})
        parts = [sampler.generate(part.x, part.c).x for part in self._passes(Batch(z, c))]
        return Batch(torch.cat(parts), c)

    def _discriminator(self, loss: AdversarialLoss, fake: Batch) -> dict[str, float]:
        D = loss.networks.discriminator
        with _evaluating(D):
            real = self.real[: self.n]
            d_real, d_fake = self._logits(loss, real), self._logits(loss, fake)
            found = {
                "d_accuracy": _prefers(d_real, d_fake),
                "d_scale": float(torch.cat([d_real, d_fake]).abs().mean()),
                "d_steepness": self._steepness(loss, real, fake),
            }
            if self.unseen is not None:
                d_unseen = self._logits(loss, self.unseen)
                found["d_accuracy_heldout"] = _prefers(d_unseen, d_fake)
                margin = float(d_real.mean() - d_fake.mean())
                gap = float(d_real.mean() - d_unseen.mean())
                tells = margin > CERTAIN * _error(d_real, d_fake)
                found["d_overfitting"] = min(max(gap / margin, -1.0), 2.0) if tells else 0.0
        return found

    @torch.no_grad()
    def _logits(self, loss: AdversarialLoss, batch: Batch) -> Tensor:
        def logits(part: Batch) -> Tensor:
            return per_sample(loss.discriminate(part.x, part.c)).float().cpu()

        return torch.cat([self._divided(logits, part) for part in self._passes(batch)])

    def _steepness(self, loss: AdversarialLoss, real: Batch, fake: Batch) -> float:
        def squares(part: Batch) -> Tensor:
            x = part.x.detach().requires_grad_()
            with torch.enable_grad():
                total = per_sample(loss.discriminate(x, part.c, frozen=True)).sum()
                (slope,) = torch.autograd.grad(total, x)
            return slope.float().flatten(1).square().sum(1).cpu()

        some = min(STEEP, self.batch)
        found = [self._divided(squares, batch[:some]) for batch in (real, fake)]
        return float(torch.cat(found).mean().sqrt()) * self.comparison.spread

    def _divided(self, function: Callable[[Batch], Tensor], batch: Batch) -> Tensor:
        """What a function gives for a batch on the device; in pieces where memory is short."""
        return self.micro_batches.compute(
            len(batch),
            lambda parts: torch.cat([function(batch[part].to(self.device)) for part in parts]),
        )


def _prefers(real: Tensor, fake: Tensor) -> float:
    """The share of all pairs in which the real one has the larger logit; ties count half."""
    pairs = (real[:, None] - fake[None]).sign()
    return float((pairs.mean() + 1) / 2)


def _error(a: Tensor, b: Tensor) -> float:
    """The standard error of the difference of two means."""
    return float((a.var() / len(a) + b.var() / len(b)).sqrt())


def _numbers(batch: Batch) -> Array | None:
    return None if batch.c is None else batch.c.double().numpy()


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """In evaluation mode, so that running statistics stay as they are."""
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for m, training in modes:
            m.training = training
