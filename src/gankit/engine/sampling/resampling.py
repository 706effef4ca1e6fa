"""Resampling: samples that the generator makes too often are chosen less often.

After training, a classifier is fitted to tell real samples from generated ones; its logit is the
log density ratio. Of several candidates for a seed, one is drawn with probability proportional to
that ratio (sampling-importance-resampling; Grover et al. 2019, "Bias correction of learned
generative models using likelihood-free importance weighting", section 3).

Where the generator misses a mode altogether, few candidates cannot make up for it and the ratio
only prefers what is easy. So it is raised to a power of at most 1 (flattening, section 3.3 there)
that preserves the means of the data.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from gankit.contract import Batch, Progress, quiet
from gankit.contract.codec import density_ratio_input
from gankit.engine.adam import Adam
from gankit.engine.data import RealSamples
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.penalties import per_sample
from gankit.engine.sampling.fit_progress import FitProgress
from gankit.engine.sampling.sampler import Sampler
from gankit.engine.settings import ResamplingSettings
from gankit.engine.step import match_memory_format

POWERS = torch.linspace(0, 1, 11)
DRAWS = 4096
"""Choices by which the powers are compared, at most."""
TOLERANCE = 1e-3
"""How far the means may move: squared distance as a share of the data's total variance."""
POOL_TIME, FITTING_TIME = 0.4, 0.8
"""Shares of the time that is left for generating the pool, then for fitting the classifier."""


class Resampling:
    """Fits the density ratio that a sampler chooses by, after training.

    Args:
        sampler: of the averaged generator.
        reals: the training data.
        stop: whether to stop early, without a result.
        time_left: seconds in which to finish.
        kept: keeps its progress, from which it continues after an interruption.
    """

    def __init__(
        self,
        sampler: Sampler,
        reals: RealSamples,
        settings: ResamplingSettings,
        stop: Callable[[], bool],
        progress: Progress,
        time_left: Callable[[], float] = lambda: math.inf,
        kept: FitProgress | None = None,
    ) -> None:
        self.kept = kept
        self.sampler, self.reals, self.settings = sampler, reals, settings
        self.stop, self.progress, self.time_left = stop, progress, time_left

    def fit(self, classifier: nn.Module, samples: int) -> float | None:
        """Trains ``classifier`` in place; the power to raise its ratio to, None when stopped.

        Args:
            samples: real samples to train on, at most ``settings.max_epochs`` over the data.
        """
        settings = self.settings
        if settings.max_epochs:
            samples = min(samples, int(len(self.reals.items) * settings.max_epochs))
        size = min(settings.pool_size, samples)  # more would not be used
        pool = list(self._pool(size, self.time_left() * POOL_TIME))
        if self.stop() or not fit_density_ratio(
            classifier,
            from_pool(pool) if pool else self._paired,
            self._next_real,
            samples,
            settings,
            self.stop,
            self.progress,
            self.time_left() * FITTING_TIME,
            self.kept,
        ):
            return None
        # Half as many samples as the ratio was fitted to: wide or slow ones are expensive.
        size = sum(len(batch) for batch in pool) or samples
        draws = min(DRAWS, size // (2 * settings.candidates))
        return flatten_ratio(
            classifier,
            self._generated,
            self._next_real,
            self._unconditional,
            settings.candidates,
            draws,
            self.time_left,
        )

    def _next_real(self) -> Batch:
        return density_ratio_input(self.sampler.codec, self.reals.draw())

    @torch.no_grad()
    def _generated(self, c: Tensor | None, seeds: Sequence[int]) -> Tensor:
        sampler = self.sampler
        z = torch.randn(len(seeds), sampler.latent_dim, device=sampler.device)
        batch = Batch(sampler.generator(z, c).float(), c)
        return density_ratio_input(sampler.codec, batch, seeds).x

    def _unconditional(self, seeds: range) -> Tensor | None:
        c = self.sampler.draw_conditions(seeds, {})
        return None if c is None else c.to(self.sampler.device)

    def _paired(self, real: Batch) -> Batch:
        """Generated samples with the conditions of real ones."""
        seeds = torch.randint(2**40, (len(real),)).tolist()
        return Batch(self._generated(real.c, seeds), real.c)

    def _pool(self, n: int, seconds: float) -> Iterator[Batch]:
        """Generated samples, a batch at a time."""
        size, ends = self.sampler.codec.decode_batch_size, time.monotonic() + seconds
        for start in range(0, n, size):
            if self.stop() or (start and time.monotonic() > ends):
                return
            self.progress("generating the density-ratio classifier's samples", start, n)
            c = self._unconditional(seeds := range(start, start + size))
            yield Batch(self._generated(c, seeds), c)


def fit_density_ratio(
    classifier: nn.Module,
    next_fake: Callable[[Batch], Batch],
    next_real: Callable[[], Batch],
    samples: int,
    settings: ResamplingSettings,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = quiet,
    seconds: float = math.inf,
    kept: FitProgress | None = None,
) -> bool:
    """Trains ``classifier`` in place; False when stopped.

    Args:
        classifier: ``(x, c) -> logits``.
        next_fake: as many generated samples, for a batch of real ones.
        next_real: the next batch of real samples.
        samples: real samples to train on.
        seconds: time after which training ends all the same.
        kept: keeps its progress.
    """
    params = [p for p in classifier.parameters() if p.requires_grad]
    optimiser = Adam(params, betas=(0.9, 0.99), weight_decay=settings.weight_decay)
    cross_entropy = OBJECTIVES["nonsaturating"].discriminator
    classifier.train()
    seen, spent = kept.begin(classifier, optimiser) if kept else (0, 0.0)
    started, seconds = time.monotonic() - spent, max(seconds + spent, 1e-9)
    samples = max(1, samples)
    while (done := max(seen / samples, (time.monotonic() - started) / seconds)) < 1:
        stopped = stop()
        if kept and (stopped or kept.timer.due(seen)):
            kept.save(seen, time.monotonic() - started)
        if stopped:
            return False
        progress("training the density-ratio classifier", seen, samples)
        optimiser.lr = settings.lr * (1 - done)
        real = next_real()
        fake = next_fake(real)
        loss = cross_entropy(classifier(real.x, real.c), classifier(fake.x, fake.c)).mean()
        gradients = torch.autograd.grad(loss, params)
        optimiser.step([match_memory_format(*pair) for pair in zip(params, gradients, strict=True)])
        seen += len(real)
    if kept:
        kept.save(seen, time.monotonic() - started)
    classifier.eval()
    return True


def from_pool(pool: Sequence[Batch]) -> Callable[[Batch], Batch]:
    """Samples of a pool of generated ones, drawn anew for each batch of real ones."""
    c = [batch.c for batch in pool if batch.c is not None]
    kept = Batch(torch.cat([batch.x for batch in pool]), torch.cat(c) if c else None)

    def draw(real: Batch) -> Batch:
        return kept[torch.randint(len(kept), (len(real),), device=kept.x.device)]

    return draw


@torch.no_grad()
def flatten_ratio(
    classifier: nn.Module,
    generate: Callable[[Tensor | None, Sequence[int]], Tensor],
    next_real: Callable[[], Batch],
    conditions: Callable[[range], Tensor | None],
    candidates: int,
    draws: int = DRAWS,
    time_left: Callable[[], float] = lambda: math.inf,
) -> float:
    """The largest power of the ratio, 0 to 1, that preserves the means of real samples about as
    well as any other.

    Args:
        generate: samples for rows of ``c`` and seeds.
        conditions: rows of ``c`` for seeds, as drawn when no condition is requested. Those of real
            samples would keep the means where they are.
        draws: choices by which the powers are compared.
        time_left: seconds; fewer draws are made when they run out.
    """
    n, sums = 0, []
    while n < max(draws, 1) and not (n and time_left() <= 0):
        real = next_real()
        seeds = range(n, n + len(real))
        x, c = real.x.flatten(1).double(), conditions(seeds)
        fakes = [generate(c, seeds) for _ in range(candidates)]
        ratios = torch.stack([per_sample(classifier(fake, c)) for fake in fakes]).double()
        shares = (POWERS.to(ratios)[:, None, None] * ratios).softmax(1).to(fakes[0])
        # Candidate by candidate: all at once, wide samples would be copied twice.
        parts = [shares[:, k] @ fake.flatten(1) for k, fake in enumerate(fakes)]
        chosen = torch.stack(parts).sum(0).double()
        sums.append((x.sum(0), x.square().sum(0), chosen))
        n += len(real)
    mean, square, chosen = (torch.stack(found).sum(0) / n for found in zip(*sums, strict=True))
    variance = (square - mean**2).sum()
    off = (chosen - mean).square().sum(1) / variance.clamp(min=1e-12)
    off = off.nan_to_num(torch.inf)  # of a classifier that diverged
    return float(POWERS[int((off <= off.min() + TOLERANCE).nonzero().max())])
