"""Latents that are chosen, not drawn: between stops, along a direction, mixed by stages, or given.

Each function takes a :class:`Sampler` and yields samples. A stop is a seed or a :class:`Latent`;
that of a seed is the very sample that the seed gives, so that each seed stays a permalink.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gankit.contract import Sample
from gankit.contract.networks import latent_stages
from gankit.engine.sampling.interpolation import slerp
from gankit.engine.sampling.sampler import Latent, Sampler
from gankit.errors import GankitError

Stop: TypeAlias = "int | Latent"
Where: TypeAlias = "Mapping[str, object] | None"


def between(
    sampler: Sampler, stops: Sequence[Stop], n: int, where: Where = None
) -> Iterator[Sample[Any]]:
    """``n`` samples, evenly spaced by spherical interpolation from stop to stop. All have the
    condition of the first.

    Both ends are the samples of their stops, for that condition. The codec draws for those in
    between from the seeds after all stops, since what must be unique, such as a key, has to differ
    here too.

    Args:
        stops: at least two.
        n: at least 2.
    """
    where = where or {}
    start, first, c = sampler.end(stops[0], None, where)
    others = [sampler.end(stop, c, where) for stop in stops[1:]]
    z = [first, *(z for _, z, _ in others)]
    ends = [_seed(stops[0]), _seed(stops[-1])]
    if ends[0] == ends[1]:
        ends[1] = after(stops) + n
    yield from sampler.as_samples(start, [ends[0]], where)
    at = torch.arange(n, dtype=torch.float64) / (n - 1)
    path = _path(z, at * (len(z) - 1))
    size = sampler.codec.decode_batch_size
    for block in range(0, n - 1 if n > 2 else 0, size):
        batch = sampler.generate(*_filled(path[block : block + size], c, size))
        wanted = slice(max(1 - block, 0), min(n - 1 - block, size))
        seeds = range(after(stops) + block - 1, after(stops) + block - 1 + size)[wanted]
        if seeds:  # none where a block is one item, and this the first
            yield from sampler.as_samples(batch[wanted], seeds, where)
    yield from sampler.as_samples(others[-1][0], [ends[1]], where)


def along(
    sampler: Sampler, stop: Stop, direction: Tensor, steps: Sequence[float], where: Where = None
) -> Iterator[Sample[Any]]:
    """A stop's latent moved along a direction, one sample a step; a step of 0 is the stop's own.

    Args:
        direction: (latent_dim,), of length 1: steps are then in standard deviations of the latents.
    """
    where = where or {}
    own, z, c = sampler.end(stop, None, where)
    moved = z + torch.tensor(steps, dtype=torch.float64)[:, None] * direction.double()
    following = _generated(sampler, moved.float(), c, after([stop]), where)
    for step, sample in zip(steps, following, strict=True):
        if step == 0:
            (sample,) = sampler.as_samples(own, [sample.seed], where)
        yield sample


def mix(
    sampler: Sampler,
    coarse: Sequence[Stop],
    fine: Sequence[Stop],
    first_fine: int,
    where: Where = None,
) -> Iterator[Sample[Any]]:
    """Style mixing (Karras et al. 2019, arXiv 1812.04948, section 3.1): each of ``coarse`` with
    each of ``fine``, the former's latent for the stages before ``first_fine`` and the latter's for
    those from it on. The condition is the former's.

    Raises:
        GankitError: the generator has no stages, or not so many.
    """
    where, stages = where or {}, stages_of(sampler)
    if not 0 < first_fine < stages:
        raise GankitError(
            f"stage {first_fine}: the generator has the stages 0 to {stages - 1}, and both latents "
            "need one at least",
            f"Mix from 1 to {stages - 1}",
        )
    rows = [sampler.end(stop, None, where) for stop in coarse]
    columns = [sampler.end(stop, None, where)[1] for stop in fine]
    z = torch.stack([_staged(a, b, stages, first_fine) for _, a, _ in rows for b in columns])
    c = [row for _, _, row in rows if row is not None]
    given = torch.cat(c).repeat_interleave(len(columns), 0) if c else None
    yield from _generated(sampler, z, given, after([*coarse, *fine]), where)


def of_latents(
    sampler: Sampler, latents: Sequence[Latent], seed: int = 0, where: Where = None
) -> Iterator[Sample[Any]]:
    """The samples of given latents. The codec draws for the i-th from ``seed + i``."""
    where = where or {}
    ends = [sampler.end(latent, None, where) for latent in latents]
    z, c = torch.cat([z for _, z, _ in ends]), [c for _, _, c in ends if c is not None]
    yield from _generated(sampler, z, torch.cat(c) if c else None, seed, where)


def stages_of(sampler: Sampler) -> int:
    """The generator's stages.

    Raises:
        GankitError: it has none.
    """
    stages = latent_stages(sampler.generator)
    if stages < 2:
        raise GankitError(
            "this run's generator takes one latent, not one for each of several stages",
            "Style mixing needs a generator with stages",
        )
    return stages


def after(stops: Sequence[Stop]) -> int:
    """The first seed after those of all stops."""
    return max(map(_seed, stops)) + 1


def _seed(stop: Stop) -> int:
    return stop if isinstance(stop, int) else 0


def _staged(a: Tensor, b: Tensor, stages: int, first_fine: int) -> Tensor:
    return torch.cat([a.expand(first_fine, -1), b.expand(stages - first_fine, -1)])


def _path(stops: Sequence[Tensor], t: Tensor) -> Tensor:
    """Latents, (N, D), at places ``t``, (N,), where stop i, (1, D), is at i."""
    legs = t.floor().clamp(max=len(stops) - 2)
    z = torch.empty(len(t), stops[0].shape[1])
    for i, (a, b) in enumerate(pairwise(stops)):
        here = legs == i
        z[here] = slerp(a, b, t[here] - i)
    return z


def _generated(
    sampler: Sampler, z: Tensor, c: Tensor | None, seed: int, where: Mapping[str, object]
) -> Iterator[Sample[Any]]:
    """The samples of latents ``z``, (N, …, latent_dim), and conditions of one row or N."""
    size = sampler.codec.decode_batch_size
    for block in range(0, len(z), size):
        rows = c if c is None or len(c) == 1 else c[block : block + size]
        part = z[block : block + size]
        batch = sampler.generate(*_filled(part, rows, size))[: len(part)]
        seeds = range(seed + block, seed + block + len(part))
        yield from sampler.as_samples(batch, seeds, where)


def _filled(z: Tensor, c: Tensor | None, size: int) -> tuple[Tensor, Tensor | None]:
    """A batch of that very size, repeating the last row: rounding depends on it."""
    z = torch.cat([z, z[-1:].expand(size - len(z), *z.shape[1:])])
    return z, None if c is None else torch.cat([c, c[-1:].expand(size - len(c), -1)])
