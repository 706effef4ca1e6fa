"""Requests that are met exactly, by a generator that knows its own likelihood.

Generating under a condition is amortised: what the generator draws given c is only about what it
would draw if it drew everything and kept what fits. Where many samples fit, that is what is done
here: candidates are drawn until one fits. Elsewhere several candidates are drawn given c, and one
of them is chosen by the ratio of both probabilities (sampling-importance-resampling, Rubin 1988)

    log w = log p(x) - log q(x | c) - log r(c),

where c itself is drawn with probability r among the conditions that were requested.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from gankit.contract import Batch, Likelihood
from gankit.contract.codec import ProposesConditions
from gankit.seeds import uniform

CANDIDATES = 8
"""Of a sample that is drawn given c."""
OFTEN = 1 / 16
"""If this share of samples fits, drawing until one does costs no more, and is exact."""
PATIENCE = 4.0
"""Candidates that are drawn until one fits, in units of how many it takes on average."""
GIVEN = 1024
"""The first latent of candidates that are drawn given c."""
CHANCES = 1024
"""Samples by which the probability of a request is estimated."""
ENOUGH = 10
"""If fewer of them have what is requested, it is estimated from others that are drawn given c."""

Generate = Callable[[Tensor, Tensor | None], Batch]
Latents = Callable[[Sequence[int], int], Tensor]


class Requests:
    """Meets requests to a generator with a likelihood.

    Args:
        generate: ``(z, c) -> samples`` on the CPU.
        latents: ``(seeds, candidate) -> z``.
        likelihood: the generator's, ``(x, c) -> (N,)`` on the CPU.
        codec: that proposes conditions.
        stream: the first of the random streams that choose.
    """

    def __init__(
        self,
        generate: Generate,
        latents: Latents,
        likelihood: Likelihood,
        codec: ProposesConditions,
        stream: int,
    ) -> None:
        self.generate, self.latents, self.likelihood = generate, latents, likelihood
        self.codec, self.stream = codec, stream

    def choose(self, seeds: Sequence[int], where: Mapping[str, object]) -> tuple[Batch, Tensor]:
        """One sample per seed that has what is requested, and the index of its latent.

        Raises:
            GankitError: no item can have it.
        """
        if self.codec.share(where) < OFTEN:
            return self._weighed(seeds, where)
        found, winners, fits = self._drawn(seeds, where)
        if not fits.all():
            left = (~fits).nonzero().squeeze(1)
            other, index = self._weighed([seeds[i] for i in left.tolist()], where)
            found.x[left], winners[left] = other.x, index
            if found.c is not None and other.c is not None:
                found.c[left] = other.c
        return found, winners

    def _drawn(
        self, seeds: Sequence[int], where: Mapping[str, object]
    ) -> tuple[Batch, Tensor, Tensor]:
        """The first candidate of each seed that fits, and whether one does."""
        winners = torch.zeros(len(seeds), dtype=torch.long)
        fits = torch.zeros(len(seeds), dtype=torch.bool)
        found = None
        k, most = 0, math.ceil(PATIENCE / self.codec.share(where))
        while k < most and not fits.all():
            left = (~fits).nonzero().squeeze(1)
            some = [seeds[i] for i in left.tolist()]
            each = range(k, min(k + len(seeds) // len(some), most))  # batches stay about as large
            z = torch.cat([self.latents(some, i) for i in each])
            nothing, _ = self.codec.propose_conditions({}, some * len(each), 0)
            batch = self.generate(z, nothing)
            if found is None:
                found = Batch(batch.x.clone(), nothing)
            new = self.codec.matches(batch, some * len(each), where).view(len(each), -1)
            first, hit = new.int().argmax(0), new.any(0)
            place = first * len(some) + torch.arange(len(some))
            found.x[left[hit]] = batch.x[place[hit]]
            winners[left[hit]], fits[left[hit]] = k + first[hit], True
            k = each.stop
        assert found is not None
        return found, winners, fits

    def _weighed(self, seeds: Sequence[int], where: Mapping[str, object]) -> tuple[Batch, Tensor]:
        """One candidate of each seed, chosen by its weight: with Gumbel noise added to its
        logarithm, the largest is a draw proportional to the weights.
        """
        best, highest = None, torch.full((len(seeds),), -torch.inf)
        winners = torch.zeros(len(seeds), dtype=torch.long)
        for k in range(GIVEN, GIVEN + CANDIDATES):
            batch, weight = self._candidate(seeds, where, k)
            u = torch.from_numpy(uniform(seeds, self.stream + k)).clamp(1e-12, 1 - 1e-12)
            score = weight - torch.log(-torch.log(u))
            new = score > highest
            best = batch if best is None else _merged(batch, best, new)
            highest, winners = torch.where(new, score, highest), winners.masked_fill(new, k)
        assert best is not None
        return best, winners

    def _candidate(
        self, seeds: Sequence[int], where: Mapping[str, object], k: int
    ) -> tuple[Batch, Tensor]:
        """A candidate of each seed, and the logarithm of its weight."""
        c, log_r = self.codec.propose_conditions(where, seeds, k)
        batch = self.generate(self.latents(seeds, k), c)
        free, all_ = self.likelihood(batch.x, c), self.likelihood(batch.x, torch.zeros_like(c))
        weight = free.double() - all_.double() - log_r
        off = ~self.codec.matches(batch, seeds, where)
        return batch, weight.masked_fill(off, -1e6)

    def probability(self, where: Mapping[str, object]) -> float:
        """About the share of samples that have what is requested, by the generator's likelihood.

        Raises:
            GankitError: no item can have it.
        """
        seeds = range(CHANCES)
        if self.codec.share(where) >= OFTEN:
            nothing, _ = self.codec.propose_conditions({}, seeds, 0)
            batch = self.generate(self.latents(seeds, 0), nothing)
            found = int(self.codec.matches(batch, seeds, where).sum())
            if found >= ENOUGH:
                return found / CHANCES
        _, weight = self._candidate(seeds, where, GIVEN)
        return min(float(weight.exp().mean()), 1.0)


def _merged(new: Batch, old: Batch, where: Tensor) -> Batch:
    """Samples of ``new`` where a flag is set, of ``old`` elsewhere."""
    mask = where.view(-1, *[1] * (new.x.ndim - 1))
    c = None
    if new.c is not None and old.c is not None:
        c = torch.where(where[:, None], new.c, old.c)
    return Batch(torch.where(mask, new.x, old.x), c)
