"""Drawing from a trained generator: one seed per item, independent of the number requested."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from gankit.contract import (
    Batch,
    Codec,
    Condition,
    FillsGaps,
    Likelihood,
    PartLikelihood,
    Sample,
)
from gankit.contract.codec import ProposesConditions, density_ratio_input, sample_conditions
from gankit.engine.micro_batches import MicroBatches
from gankit.engine.penalties import per_sample
from gankit.engine.sampling.conditions import UNASKED, ConditionTable
from gankit.engine.sampling.imputation import CANDIDATES, Imputer
from gankit.engine.sampling.requests import Requests
from gankit.errors import GankitError
from gankit.seeds import normal, uniform

CHOICE = UNASKED + 1
"""The first of the random streams that choose among candidates."""


PROBED = 8
"""Seeds by which it is seen whether a generator normalises its latents."""
UNCHANGED = 1e-3
"""Differences up to this share of the largest one are rounding."""


@dataclass(frozen=True)
class Latent:
    """A latent that is no seed's, such as a projected item's."""

    z: Tensor
    """(latent_dim,), float32 on the CPU."""
    c: Tensor | None = None
    """Its row of conditions, (width,)."""


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
    part_likelihood: PartLikelihood | None = field(default=None, kw_only=True)
    """The same part by part, by which gaps are filled."""
    autocast: torch.dtype | None = field(default=None, kw_only=True)
    """The type to compute in; None for float32."""
    truncation: float = field(default=1.0, kw_only=True)
    """ψ, by which latents are multiplied; :meth:`truncated` checks it."""
    micro_batches: MicroBatches = field(default_factory=MicroBatches, kw_only=True, repr=False)
    """In how many pieces a batch is computed, which only rounding depends on."""

    def __post_init__(self) -> None:
        self.generator.eval()
        if self.resampler is not None:
            self.resampler.ratio.eval()

    def latents(self, seeds: Sequence[int], candidate: int = 0) -> Tensor:
        """``z ~ N(0, I)``, (N, latent_dim), each row a function of its seed; truncated."""
        return self._truncated(torch.from_numpy(normal(seeds, self.latent_dim, candidate)))

    def _truncated(self, z: Tensor) -> Tensor:
        return z if self.truncation == 1 else z * self.truncation

    def truncated(self, psi: float) -> Sampler:
        """The same with latents moved towards their mean, z → ψ z (the truncation trick of Karras
        et al. 2019, arXiv 1812.04948, section 2, in z). The condition is kept, so that the mean is
        the class's.

        Args:
            psi: 0 to 1; 1 changes nothing.

        Raises:
            GankitError: out of range, or the latents' length has no such meaning here.
        """
        if not 0 <= psi <= 1:
            raise GankitError(
                f"truncation={psi:g}: out of range", "Use 0 (the mean) to 1 (no truncation)"
            )
        if psi == 1:
            return self
        if self.likelihood is not None:
            raise GankitError(
                "this run draws from probabilities that it learned, and truncated latents would "
                "change them",
                "Leave out the truncation; condition on values to get what is typical",
            )
        z, c = self.latents(range(PROBED)), self.draw_conditions(range(PROBED), {})
        whole, half = self.generate(z, c).x, self.generate(z / 2, c).x
        if (whole - half).abs().max() <= UNCHANGED * (whole - whole.mean(0)).abs().max():
            raise GankitError(
                "this run's generator normalises its latents: their length changes nothing",
                "Leave out the truncation",
            )
        return replace(self, truncation=psi)

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
        for number, wanted in self.blocks(n, seed):
            yield from self.from_block(self.block(number, where), wanted, where)

    def blocks(self, n: int, seed: int = 0) -> Iterator[tuple[int, range]]:
        """The numbers of the batches that the seeds ``seed … seed + n - 1`` are in, each with
        those of the seeds that are in it."""
        size = self.codec.decode_batch_size
        for number in range(seed // size, (seed + n - 1) // size + 1):
            yield number, range(max(seed, number * size), min(seed + n, (number + 1) * size))

    def block(self, number: int, where: Mapping[str, object]) -> Batch:
        """The generator's output for all seeds of one batch; each has its own place in it."""
        size = self.codec.decode_batch_size
        return self._meet(range(number * size, (number + 1) * size), where)[0]

    def from_block(
        self, batch: Batch, seeds: range, where: Mapping[str, object] = MappingProxyType({})
    ) -> Iterator[Sample[Any]]:
        """The items of some seeds of one batch, which :meth:`block` gave."""
        first = seeds[0] % self.codec.decode_batch_size
        return self.as_samples(batch[first : first + len(seeds)], seeds, where)

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

    def imputer(self, candidates: int = CANDIDATES) -> Imputer | None:
        """How gaps in items are filled; None where the generator or the codec cannot."""
        parts, codec = self.part_likelihood, self.codec
        if self.likelihood is None or parts is None or not isinstance(codec, FillsGaps):
            return None

        @torch.inference_mode()
        def part_likelihood(x: Tensor, c: Tensor | None) -> Tensor:
            assert parts is not None
            return self._computed(parts, x, c)

        return Imputer(
            *(self.generate, self.latents, self._likelihood, part_likelihood, codec, CHOICE),
            candidates=candidates,
        )

    @torch.inference_mode()
    def _likelihood(self, x: Tensor, c: Tensor | None) -> Tensor:
        assert self.likelihood is not None
        return self._computed(self.likelihood, x, c)

    def end(
        self, stop: int | Latent, c: Tensor | None, where: Mapping[str, object]
    ) -> tuple[Batch, Tensor, Tensor | None]:
        """The sample of a seed, computed at its position as in :meth:`sample`, or of a latent, for
        the row ``c`` or its own; with its latent, (1, latent_dim), of the chosen candidate, and
        its row.
        """
        size = self.codec.decode_batch_size
        if isinstance(stop, Latent):
            if c is None:
                c = stop.c[None] if stop.c is not None and not where else None
                c = self.draw_conditions([0], where) if c is None else c
            z = self._truncated(stop.z[None])
            batch = self.generate(z.expand(size, -1), None if c is None else c.expand(size, -1))
            return batch[:1], z, c
        start = stop - stop % size
        seeds, place = range(start, start + size), slice(stop - start, stop - start + 1)
        if c is None:
            batch, winners = self._meet(seeds, where)
        else:
            batch, winners = self._choose(seeds, c.repeat(size, 1))
        z = self.latents([stop], int(winners[place]))
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
        given = Batch(x, c)

        def compute(parts: list[slice]) -> Tensor:
            found = [self._piece(network, given[part] if parts[1:] else given) for part in parts]
            return torch.cat(found) if found[1:] else found[0]

        return self.micro_batches.compute(len(x), compute)

    def _piece(self, network: Callable[..., Tensor], batch: Batch) -> Tensor:
        given = batch.to(self.device)
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
