"""Drawing from a trained generator: one seed per item, independent of the number requested; and
interpolating in latent space between two seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from gankit.contract import Batch, Codec, Condition, Likelihood, Sample
from gankit.contract.codec import ProposesConditions, density_ratio_input, sample_conditions
from gankit.engine.penalties import per_sample
from gankit.engine.sampling.conditions import UNASKED, ConditionTable
from gankit.engine.sampling.interpolation import slerp
from gankit.engine.sampling.requests import Requests
from gankit.seeds import normal, uniform

CHOICE = UNASKED + 1
"""The first of the random streams that choose among candidates."""


@dataclass
class Resampler:
    """Chooses among candidates for a seed by a power of their density ratio."""

    ratio: nn.Module
    """``(x, c) -> logits``: the log density ratio of real and generated samples."""
    candidates: int
    power: float = 1.0
    """0 to 1."""


@dataclass
class Sampler:
    """A generator with its codec, ready to draw."""

    generator: nn.Module
    """In the state to sample with; it is put in evaluation mode."""
    codec: Codec[Any]
    latent_dim: int
    device: torch.device
    """Where the generator is."""
    conditions: ConditionTable | None = field(default=None, kw_only=True)
    """What to condition on; None for an unconditional run, or where the codec samples them."""
    resampler: Resampler | None = field(default=None, kw_only=True)
    likelihood: Likelihood | None = field(default=None, kw_only=True)
    """The generator's own, by which requests are met exactly."""
    autocast: torch.dtype | None = field(default=None, kw_only=True)
    """The type to compute in; None for float32."""

    def __post_init__(self) -> None:
        self.generator.eval()
        if self.resampler is not None:
            self.resampler.ratio.eval()

    def latents(self, seeds: Sequence[int], candidate: int = 0) -> Tensor:
        """``z ~ N(0, I)``, (N, latent_dim), each row a function of its seed."""
        return torch.from_numpy(normal(seeds, self.latent_dim, candidate))

    def draw_conditions(self, seeds: Sequence[int], where: Mapping[str, object]) -> Tensor | None:
        """Rows of ``c`` for the seeds, or None for an unconditional run.

        Raises:
            GankitError: ``where`` names what the run is not conditioned on.
        """
        drawn = sample_conditions(self.codec, where, seeds)
        if drawn is not None:
            return drawn
        condition = self.codec.layout.condition
        if self.conditions is None or condition is None:
            if where:
                Condition(()).field(next(iter(where)))
            return None
        return self.conditions.draw(condition, seeds, where)

    # A sample always stands at position ``seed % codec.decode_batch_size`` of a batch of that very
    # size, so that not even the rounding of a matrix product depends on what else is generated.
    def sample(
        self, n: int, seed: int = 0, where: Mapping[str, object] | None = None
    ) -> Iterator[Sample[Any]]:
        """Items for the seeds ``seed … seed + n - 1``, one batch at a time."""
        where = where or {}
        self.draw_conditions([seed], where)  # a wrong condition fails before any work
        size = self.codec.decode_batch_size
        first, last = seed // size, (seed + n - 1) // size
        for block in range(first, last + 1):
            seeds = range(block * size, (block + 1) * size)
            wanted = slice(max(seed - seeds[0], 0), min(seed + n - seeds[0], size))
            batch = self._meet(seeds, where)[0][wanted]
            yield from self.as_samples(batch, seeds[wanted], where)

    def _meet(self, seeds: Sequence[int], where: Mapping[str, object]) -> tuple[Batch, Tensor]:
        """One sample per seed with what is requested, and the index of its candidate."""
        if where and (requests := self.requests()) is not None:
            return requests.choose(seeds, where)
        return self._choose(seeds, self.draw_conditions(seeds, where))

    def requests(self) -> Requests | None:
        """How requests are met exactly; None where the generator has no likelihood."""
        if self.likelihood is None or not isinstance(self.codec, ProposesConditions):
            return None
        return Requests(self.generate, self.latents, self._likelihood, self.codec, CHOICE)

    @torch.inference_mode()
    def _likelihood(self, x: Tensor, c: Tensor | None) -> Tensor:
        assert self.likelihood is not None
        return self._computed(self.likelihood, x, c)

    def interpolate(
        self, first: int, last: int, n: int, where: Mapping[str, object] | None = None
    ) -> Iterator[Sample[Any]]:
        """``n`` items, evenly spaced by spherical interpolation between the latents of seed
        ``first`` and seed ``last``. All have the condition of the first.

        The ends are the items that :meth:`sample` gives for these seeds and that condition. The
        codec draws for those in between from the seeds after both, since what must be unique,
        such as a key, has to differ here too.

        Args:
            n: at least 2.
        """
        where = where or {}
        start, from_, c = self._end(first, None, where)
        stop, to, _ = self._end(last, c, where)
        yield from self.as_samples(start, [first], where)
        size, after = self.codec.decode_batch_size, max(first, last)
        for block in range(0, n - 1 if n > 2 else 0, size):
            places = torch.arange(block, block + size, dtype=torch.float64)
            z = slerp(from_, to, (places / (n - 1)).clamp(max=1))
            batch = self.generate(z, None if c is None else c.repeat(size, 1))
            wanted = slice(max(1 - block, 0), min(n - 1 - block, size))
            seeds = range(after + block, after + block + size)[wanted]
            if seeds:  # none where a block is one item, and this the first
                yield from self.as_samples(batch[wanted], seeds, where)
        yield from self.as_samples(stop, [last], where)

    def _end(
        self, seed: int, c: Tensor | None, where: Mapping[str, object]
    ) -> tuple[Batch, Tensor, Tensor | None]:
        """A seed's sample, computed at its position as in :meth:`sample`, for the row ``c`` or the
        seed's own; with its latent (of the chosen candidate) and its row.
        """
        start, size = seed - seed % self.codec.decode_batch_size, self.codec.decode_batch_size
        seeds, place = range(start, start + size), slice(seed - start, seed - start + 1)
        if c is None:
            batch, winners = self._meet(seeds, where)
        else:
            batch, winners = self._choose(seeds, c.repeat(size, 1))
        z = self.latents([seed], int(winners[place]))
        return batch[place], z, None if batch.c is None else batch.c[place]

    def draw(self, seeds: Sequence[int], c: Tensor | None) -> Batch:
        """One sample per seed, chosen among its candidates by a power of their density ratios."""
        return self._choose(seeds, c)[0]

    @torch.inference_mode()
    def _choose(self, seeds: Sequence[int], c: Tensor | None) -> tuple[Batch, Tensor]:
        """One sample per seed, and the index of its candidate.

        With Gumbel noise added to log ratios, the largest is a draw proportional to the ratios.
        """
        best, resampler = self.generate(self.latents(seeds), c), self.resampler
        winners = torch.zeros(len(seeds), dtype=torch.long)
        if resampler is None:
            return best, winners

        def score(x: Tensor, k: int) -> Tensor:
            x = density_ratio_input(self.codec, Batch(x, c), seeds).x
            u = torch.from_numpy(uniform(seeds, CHOICE + k)).clamp(1e-12, 1 - 1e-12)
            ratio = per_sample(self._computed(resampler.ratio, x, c))
            return resampler.power * ratio - torch.log(-torch.log(u))

        highest = score(best.x, 0)
        for k in range(1, resampler.candidates):
            x = self.generate(self.latents(seeds, k), c).x
            found = score(x, k)
            better = found > highest
            best.x[better], highest[better] = x[better], found[better]
            winners[better] = k
        return best, winners

    @torch.inference_mode()
    def generate(self, z: Tensor, c: Tensor | None) -> Batch:
        """The generator's output for latents and conditions, float32 on the CPU."""
        return Batch(self._computed(self.generator, z, c), c)

    def _computed(self, network: Callable[..., Tensor], x: Tensor, c: Tensor | None) -> Tensor:
        given = Batch(x, c).to(self.device)
        with torch.autocast(self.device.type, self.autocast, enabled=self.autocast is not None):
            out: Tensor = network(given.x, given.c)
        return out.float().cpu()

    def as_samples(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] = MappingProxyType({})
    ) -> Iterator[Sample[Any]]:
        items = self.codec.decode(batch, seeds, where)
        named = _named(self.codec.layout.condition, batch)
        for item, seed, condition in zip(items, seeds, named, strict=True):
            yield Sample(item, seed, condition)


def _named(condition: Condition | None, batch: Batch) -> list[dict[str, str | float]]:
    """The named values of each row of ``c``. Equal rows share them: they are decoded once."""
    if condition is None or batch.c is None or not batch.c.any():
        return [{}] * len(batch)
    rows = batch.c.numpy()
    keys = [row.tobytes() for row in rows]
    places = {key: i for i, key in enumerate(keys)}
    known = {key: condition.decode(rows[i].tolist()) for key, i in places.items()}
    return [known[key] for key in keys]
