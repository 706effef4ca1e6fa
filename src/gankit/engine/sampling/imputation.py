"""Gaps in items, filled by a generator that knows its own likelihood.

What the generator draws given what was observed, c, is only about what it would draw if it drew
everything and kept what agrees. Several candidates are drawn, and one of them is chosen by the
ratio of both probabilities (sampling-importance-resampling, Rubin 1988)

    log w = log p(x) - log q(drawn parts | c),

where x is the completed item: parts that follow from others, observed and drawn, are computed anew
before it is weighed. A draw of all gaps at once is an imputation in the sense of Rubin (1987).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Batch, FillsGaps, Likelihood, PartLikelihood
from gankit.contract.subsets import take
from gankit.seeds import uniform

CANDIDATES = 8
"""Of an item."""
ROUNDS = 4
"""So often as many candidates are drawn for items of which none was valid."""
GAPS = 4096
"""The first latent of candidates for gaps."""
MOST_DRAWS = 1000
"""Imputations of one item: each candidate has a latent of its own."""
MOST_CANDIDATES = 15
"""Of an item in one round."""
WEIGHTS = 1 << 20
"""The streams of numbers that choose, from those of other choices on."""

Generate = Callable[[Tensor, Tensor | None], Batch]
Latents = Callable[[Sequence[int], int], Tensor]


class Imputer:
    """Fills gaps.

    Args:
        generate: ``(z, c) -> samples`` on the CPU.
        latents: ``(seeds, candidate) -> z``.
        likelihood: the generator's, ``(x, c) -> (N,)`` on the CPU.
        part_likelihood: the same part by part, ``(x, c) -> (N, parts)``.
        codec: of the items.
        stream: the first of the random streams that choose.
        candidates: of an item, 1 to 15.
    """

    def __init__(
        self,
        generate: Generate,
        latents: Latents,
        likelihood: Likelihood,
        part_likelihood: PartLikelihood,
        codec: FillsGaps,
        stream: int,
        candidates: int = CANDIDATES,
    ) -> None:
        self.generate, self.latents = generate, latents
        self.likelihood, self.part_likelihood = likelihood, part_likelihood
        self.codec, self.stream, self.candidates = codec, stream, candidates

    def fill(
        self, items: Sequence[Any], seeds: Sequence[int], draw: int = 0
    ) -> tuple[Sequence[Any], np.ndarray[Any, np.dtype[np.bool_]]]:
        """Completed items, one for each seed, and which of them are valid.

        Args:
            items: with gaps, as :meth:`FillsGaps.match` gives them.
            draw: the number of the imputation.
        """
        c = self.codec.observed(items)
        best, valid = self._chosen(items, seeds, c, draw, 0)
        for again in range(1, ROUNDS):
            left = np.flatnonzero(~valid)
            if not len(left):
                break
            some = [seeds[i] for i in left.tolist()]
            at = torch.from_numpy(left)
            found, fits = self._chosen(take(items, left), some, c[at], draw, again)
            best[at], valid[left] = found, fits
        return self.codec.complete(items, Batch(best, c), seeds, draw).items, valid

    def _chosen(
        self, items: Sequence[Any], seeds: Sequence[int], c: Tensor, draw: int, again: int
    ) -> tuple[Tensor, np.ndarray[Any, np.dtype[np.bool_]]]:
        """A sample for each item, chosen among the candidates of one round, and whether it is
        valid: with Gumbel noise added to the logarithms of the weights, the largest is a draw
        proportional to the weights.
        """
        best, highest = torch.empty(0), torch.full((len(seeds),), -torch.inf, dtype=torch.double)
        for k in range(self.candidates):
            number = GAPS + (draw * ROUNDS + again) * MOST_CANDIDATES + k
            batch = self.generate(self.latents(seeds, number), c)
            weight = self._weight(items, seeds, batch, c, draw)
            u = torch.from_numpy(uniform(seeds, self.stream + WEIGHTS + number))
            score = weight - torch.log(-torch.log(u.clamp(1e-12, 1 - 1e-12)))
            new = score > highest
            best = torch.where(_like(new, batch.x), batch.x, best) if k else batch.x
            highest = torch.where(new, score, highest)
        return best, highest.isfinite().numpy()

    def _weight(
        self, items: Sequence[Any], seeds: Sequence[int], batch: Batch, c: Tensor, draw: int
    ) -> Tensor:
        """The logarithm of each candidate's weight, (N,)."""
        made = self.codec.complete(items, batch, seeds, draw)
        proposed = self.part_likelihood(batch.x, c).double()
        whole = self.likelihood(made.x, torch.zeros_like(c)).double()
        weight = torch.where(made.drawn, proposed, 0).sum(1) - whole
        return weight.masked_fill(~made.valid, -torch.inf)


def _like(flags: Tensor, x: Tensor) -> Tensor:
    return flags.view(-1, *[1] * (x.ndim - 1))
