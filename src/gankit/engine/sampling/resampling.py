"""Choosing among candidates: what the generator makes too often is passed over at sampling.

After training, a classifier learns to tell real samples from generated ones; its logit is the
logarithm of their density ratio. Of several candidates for a seed, one is drawn in proportion to
that ratio (sampling-importance-resampling; Grover et al. 2019, "Bias correction of learned
generative models using likelihood-free importance weighting", section 3).

Where the generator misses a part of the data altogether, few candidates cannot stand for it and
the ratio only prefers what is easy. So it is raised to a power of at most 1 (section 3.3 there,
flattening) that keeps the means of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from gankit.contract import Batch, Progress
from gankit.engine.data import RealSamples
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.sampling.sampler import Sampler
from gankit.engine.settings import ResamplingSettings

POWERS = torch.linspace(0, 1, 11)
DRAWS = 4096
"""Choices by which the powers are compared, at the most."""
TOLERANCE = 1e-3
"""What the means may move: the squared distance as a share of the data's total variance."""


class Resampling:
    """Learns, once training is over, the ratio by which a sampler will choose.

    Args:
        sampler: of the averaged generator.
        reals: what training saw.
        stop: whether to leave off.
    """

    def __init__(
        self,
        sampler: Sampler,
        reals: RealSamples,
        settings: ResamplingSettings,
        stop: Callable[[], bool],
        progress: Progress,
    ) -> None:
        self.sampler, self.reals, self.settings = sampler, reals, settings
        self.stop, self.progress = stop, progress

    def learn(self, classifier: nn.Module, samples: int) -> float | None:
        """Trains ``classifier`` in place; the power to raise its ratio to, None when stopped.

        Args:
            samples: real ones to show, but no more than ``settings.max_epochs`` over the data.
        """
        settings = self.settings
        if settings.max_epochs:
            samples = min(samples, int(len(self.reals.items) * settings.max_epochs))
        kept = min(settings.pool_size, samples)  # more would not be shown
        made = list(self._beforehand(kept))
        if self.stop() or not learn_density_ratio(
            classifier,
            seen_again(made) if made else self._beside,
            self.reals.density_ratio_input,
            samples,
            settings,
            self.stop,
            self.progress,
        ):
            return None
        # Where samples are dear, half as many as the ratio was learnt from.
        draws = min(DRAWS, kept // (2 * settings.candidates)) if kept else DRAWS
        return flatten_ratio(
            classifier,
            self._made,
            self.reals.density_ratio_input,
            self._unasked,
            settings.candidates,
            draws,
        )

    @torch.no_grad()
    def _made(self, c: Tensor | None, seeds: Sequence[int]) -> Tensor:
        sampler = self.sampler
        z = torch.randn(len(seeds), sampler.latent_dim, device=sampler.device)
        return sampler.codec.density_ratio_input(Batch(sampler.generator(z, c).float(), c), seeds).x

    def _unasked(self, seeds: range) -> Tensor | None:
        c = self.sampler.draw_conditions(seeds, {})
        return None if c is None else c.to(self.sampler.device)

    def _beside(self, real: Batch) -> Batch:
        """Generated samples with the conditions of real ones."""
        seeds = torch.randint(2**40, (len(real),)).tolist()
        return Batch(self._made(real.c, seeds), real.c)

    def _beforehand(self, n: int) -> Iterator[Batch]:
        """Generated samples, a block at a time."""
        size = self.sampler.codec.decode_batch_size
        for start in range(0, n, size):
            if self.stop():
                return
            self.progress("making what the ratio is learnt from", start, n)
            c = self._unasked(seeds := range(start, start + size))
            yield Batch(self._made(c, seeds), c)


def learn_density_ratio(
    classifier: nn.Module,
    next_fake: Callable[[Batch], Batch],
    next_real: Callable[[], Batch],
    samples: int,
    settings: ResamplingSettings,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda what, done, total: None,
) -> bool:
    """Trains ``classifier`` in place; False when it was told to stop.

    Args:
        classifier: ``(x, c) -> logits (N,)``.
        next_fake: generated samples to show beside a batch of real ones, as many.
        next_real: the next batch of real samples.
        samples: real ones to show.
    """
    params = [p for p in classifier.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(params, weight_decay=settings.weight_decay, betas=(0.9, 0.99))
    cross_entropy = OBJECTIVES["nonsaturating"].discriminator
    classifier.train()
    seen = 0
    while seen < samples:
        if stop():
            return False
        progress("learning which candidates to choose", seen, samples)
        for group in optimiser.param_groups:
            group["lr"] = settings.lr * (1 - seen / samples)
        real = next_real()
        fake = next_fake(real)
        loss = cross_entropy(classifier(real.x, real.c), classifier(fake.x, fake.c)).mean()
        for p, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            p.grad = gradient
        optimiser.step()
        seen += len(real)
    classifier.eval()
    return True


def seen_again(made: Sequence[Batch]) -> Callable[[Batch], Batch]:
    """Generated samples, all made beforehand, drawn anew for each batch of real ones."""
    told = [batch.c for batch in made if batch.c is not None]
    kept = Batch(torch.cat([batch.x for batch in made]), torch.cat(told) if told else None)

    def some(real: Batch) -> Batch:
        return kept[torch.randint(len(kept), (len(real),), device=kept.x.device)]

    return some


@torch.no_grad()
def flatten_ratio(
    classifier: nn.Module,
    generate: Callable[[Tensor | None, Sequence[int]], Tensor],
    next_real: Callable[[], Batch],
    conditions: Callable[[range], Tensor | None],
    candidates: int,
    draws: int = DRAWS,
) -> float:
    """The largest power of the ratio, 0 to 1, that keeps the means of real samples about as well
    as any does.

    Args:
        generate: samples for rows of ``c`` and seeds.
        conditions: rows of ``c`` for seeds, as they are when nothing is asked for. Those of real
            samples would hold the means where they are.
        draws: choices by which the powers are compared.
    """
    n, sums = 0, []
    while n < max(draws, 1):
        real = next_real()
        seeds = range(n, n + len(real))
        x, c = real.x.flatten(1).double(), conditions(seeds)
        fakes = [generate(c, seeds) for _ in range(candidates)]
        ratios = torch.stack([classifier(fake, c) for fake in fakes]).double()
        share = (POWERS.to(ratios)[:, None, None] * ratios).softmax(1)
        made = torch.stack([fake.flatten(1) for fake in fakes]).double()
        sums.append((x.sum(0), x.square().sum(0), torch.einsum("pkn,knd->pd", share, made)))
        n += len(real)
    mean, square, chosen = (torch.stack(parts).sum(0) / n for parts in zip(*sums, strict=True))
    variance = (square - mean**2).sum()
    off = (chosen - mean).square().sum(1) / variance.clamp(min=1e-12)
    off = off.nan_to_num(torch.inf)  # of a classifier that diverged
    return float(POWERS[int((off <= off.min() + TOLERANCE).nonzero().max())])
