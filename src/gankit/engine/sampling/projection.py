"""Projection: a latent whose sample is as near as possible to a given one (GAN inversion by
optimisation: Zhu et al. 2016, arXiv 1609.03552, section 3.1; Abdal et al. 2019, arXiv 1904.03189).

The best of many seeds are the starts, and Adam improves each. The loss compares samples at several
scales: the mean squared differences of the tensors, and of the tensors averaged over 2, 4, 8 …
neighbours, so that coarse structure counts at every scale. A term keeps the latent's length near
that of latents of N(0, I), where the generator was trained: the latent can then be moved, mixed and
interpolated as others can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gankit.contract import EncodesTargets
from gankit.engine.sampling.sampler import Latent, Sampler
from gankit.errors import GankitError

FRAMES = 48
"""Latents that are kept of the way."""
BETAS, EPSILON = (0.9, 0.99), 1e-8
RAMP_DOWN = 0.25
"""The share of the steps over which the learning rate falls to 0."""
SMALLEST = 4
"""Axes are averaged over neighbours while they are at least twice as long."""
_POOLS: dict[int, Callable[..., Tensor]] = {2: F.avg_pool1d, 3: F.avg_pool2d, 4: F.avg_pool3d}


@dataclass(frozen=True)
class Effort:
    """How much to do for each item."""

    seeds: int = 1000
    """Seeds among which the starts are chosen."""
    starts: int = 4
    """Starts that are improved; where the condition is not known, at most half have the same."""
    steps: int = 300
    """Of Adam, for each start."""
    lr: float = 0.1
    """In standard deviations of latents."""
    prior: float = 0.01
    """Weight of (|z|² / latent_dim - 1)²."""

    def check(self) -> None:
        """Raises:
        GankitError: a number is out of range.
        """
        for name in ("seeds", "starts"):
            if getattr(self, name) < 1:
                raise GankitError(f"{name}={getattr(self, name)}: out of range", "Use 1 or more")
        if self.starts > self.seeds:
            raise GankitError(
                f"starts={self.starts}, of seeds={self.seeds}", "Use more seeds than starts"
            )
        if self.steps < 0:
            raise GankitError(f"steps={self.steps}: out of range", "Use 0 or more")
        if not self.lr > 0 or not self.prior >= 0:
            raise GankitError(
                f"lr={self.lr:g}, prior={self.prior:g}: out of range", "Use positive numbers"
            )


@dataclass(frozen=True)
class Found:
    """What projection found for one sample. Errors are mean squared differences of tensors; of
    what decodes, where the codec can encode it again."""

    latent: Latent
    error: float
    start: Latent
    """The best of the seeds, not improved."""
    start_seed: int
    start_error: float
    way: Tensor
    """The latents on the way, (at most ``FRAMES``, latent_dim)."""


Report = Callable[[int, int], None]
"""``(done, total)``"""


def project(
    sampler: Sampler,
    targets: Tensor,
    rows: Sequence[Tensor | None],
    effort: Effort,
    where: Mapping[str, object] | None = None,
    report: Report = lambda done, total: None,
) -> list[Found]:
    """A latent for each target. Deterministic.

    Args:
        targets: (N, *shape), as the discriminator sees samples.
        rows: each one's row of conditions, (width,). None takes those of ``where``, and else those
            that the starts have: the best of the conditions wins.

    Raises:
        GankitError: the generator has no gradient.
    """
    effort.check()
    if sampler.likelihood is not None:
        raise GankitError(
            "this run's generator draws from probabilities, step by step: there is no gradient to "
            "project with",
            "Projection needs a generator that is trained by the adversarial game alone",
        )
    group = max(1, sampler.codec.decode_batch_size // effort.starts)
    found: list[Found] = []
    total = len(targets) * (effort.steps + 1)
    for first in range(0, len(targets), group):
        part = slice(first, first + group)
        some = targets[part]
        starts = [
            _starts(sampler, target, row, effort, where or {})
            for target, row in zip(some, rows[part], strict=True)
        ]

        def done(step: int, n: int = len(some), before: int = first) -> None:
            report(before * (effort.steps + 1) + n * step, total)

        found += _improved(sampler, some, starts, effort, done)
    return found


@dataclass(frozen=True)
class _Starts:
    seeds: list[int]
    z: Tensor
    c: Tensor | None


def _starts(
    sampler: Sampler,
    target: Tensor,
    row: Tensor | None,
    effort: Effort,
    where: Mapping[str, object],
) -> _Starts:
    """The best seeds."""
    size = sampler.codec.decode_batch_size
    distances, conditions = [], []
    for first in range(0, effort.seeds, size):
        seeds = range(first, min(first + size, effort.seeds))
        c = row.expand(len(seeds), -1) if row is not None else sampler.draw_conditions(seeds, where)
        x = sampler.generate(sampler.latents(seeds), c).x
        distances.append(distance(x, target[None]))
        conditions.append(c)
    order = torch.cat(distances).argsort(stable=True).tolist()
    c = None if conditions[0] is None else torch.cat([c for c in conditions if c is not None])
    if c is None or row is not None:
        chosen = order[: effort.starts]
    else:
        chosen = _varied(order, c, effort.starts)
    return _Starts(chosen, sampler.latents(chosen), None if c is None else c[chosen])


def _varied(order: Sequence[int], c: Tensor, n: int) -> list[int]:
    """The first ``n`` of which at most half have the same row; more where there are no others."""
    most, counts, kept, rest = max(1, n // 2), dict[bytes, int](), list[int](), list[int]()
    for i in order:
        key = c[i].numpy().tobytes()
        counts[key] = counts.get(key, 0) + 1
        (kept if counts[key] <= most else rest).append(i)
        if len(kept) == n:
            break
    return (kept + rest)[:n]


def _improved(
    sampler: Sampler,
    targets: Tensor,
    starts: Sequence[_Starts],
    effort: Effort,
    done: Callable[[int], None],
) -> list[Found]:
    """Runs Adam from all starts of all targets at once."""
    place, each = sampler.device, effort.starts
    first = torch.cat([start.z for start in starts])
    rows = [start.c for start in starts if start.c is not None]
    c = torch.cat(rows).to(place) if rows else None
    target = targets.repeat_interleave(each, 0).to(place)
    z = first.to(place)
    m, v, way = torch.zeros_like(z), torch.zeros_like(z), [first]
    keep = {round(i * effort.steps / max(FRAMES - 1, 1)) for i in range(1, FRAMES)}
    for step in range(1, effort.steps + 1):
        g = _gradient(sampler, z, c, target, effort.prior)
        m = BETAS[0] * m + (1 - BETAS[0]) * g
        v = BETAS[1] * v + (1 - BETAS[1]) * g.square()
        left = min(1.0, (effort.steps - step + 1) / (RAMP_DOWN * effort.steps))
        lr = effort.lr * left / (1 - BETAS[0] ** step)
        z = z - lr * m / ((v / (1 - BETAS[1] ** step)).sqrt() + EPSILON)
        if step in keep:
            way.append(z.cpu())
        done(step)
    final = z.cpu()
    if not final.isfinite().all():
        raise GankitError("the projection diverged", "Use a smaller lr")
    errors = [_errors(sampler, some, c, target) for some in (first, final)]
    path = torch.stack(way)
    found = []
    for i, start in enumerate(starts):
        own = slice(i * each, (i + 1) * each)
        best = i * each + int(torch.minimum(errors[0], errors[1])[own].argmin())
        began = i * each + int(errors[0][own].argmin())
        improved = bool(errors[1][best] <= errors[0][best])  # with few steps it may not have
        row = None if c is None else c[best].cpu()
        found.append(
            Found(
                Latent((final if improved else first)[best], row),
                float(errors[int(improved)][best]),
                Latent(first[began], None if c is None else c[began].cpu()),
                start.seeds[began - i * each],
                float(errors[0][began]),
                path[:, best] if improved else path[:1, best],
            )
        )
    return found


def _gradient(
    sampler: Sampler, z: Tensor, c: Tensor | None, target: Tensor, prior: float
) -> Tensor:
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        x = sampler.generator(z, c)
        loss = distance(x.float(), target).sum()
        loss = loss + prior * (z.square().mean(1) - 1).square().sum()
        if not x.requires_grad:
            raise GankitError(
                "this run's generator gives no gradient to project with",
                "Projection needs a differentiable generator",
            )
        return torch.autograd.grad(loss, z)[0]


@torch.inference_mode()
def _errors(sampler: Sampler, z: Tensor, c: Tensor | None, target: Tensor) -> Tensor:
    """Mean squared errors of what latents decode to: values out of range are no error where the
    codec clips them."""
    batch = sampler.generate(z, None if c is None else c.cpu())
    x, codec = batch.x, sampler.codec
    if isinstance(codec, EncodesTargets):
        x = codec.encode_targets([*codec.decode(batch, range(len(batch)))])
    return (x - target.cpu()).square().flatten(1).mean(1)


def distance(x: Tensor, target: Tensor) -> Tensor:
    """The loss of samples ``x`` and ``target``, (N, *shape), the latter broadcast: (N,)."""
    levels = [(x - target).square().flatten(1).mean(1)]
    pool = _POOLS.get(x.ndim - 1)
    difference = x - target
    while pool is not None and min(difference.shape[2:]) >= 2 * SMALLEST:
        difference = pool(difference, 2)
        levels.append(difference.square().flatten(1).mean(1))
    return torch.stack(levels).mean(0)
