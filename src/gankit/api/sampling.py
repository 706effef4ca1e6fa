"""The arguments of ``run.sample``, as what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gankit.engine.clock import ADVERSARIAL
from gankit.engine.sampling.sampler import Latent
from gankit.errors import GankitError
from gankit.workflows.generate import Sampling
from gankit.workflows.walks import (
    Along,
    Between,
    Given,
    Mix,
    Stop,
    choose_walk,
    parse_latents,
    parse_stop,
)


def sampling_of(
    n: int | None = None,
    *,
    seed: int = 0,
    where: Mapping[str, object] | None = None,
    between: Sequence[Any] | None = None,
    along: tuple[int, float, float] | None = None,
    mix: Sequence[Any] | None = None,
    latent: Any = None,
    truncation: float = 1.0,
    per_class: int = 0,
    by: str = "",
    phase: str = ADVERSARIAL,
    settings: Mapping[str, object] | None = None,
    watermark: bool = False,
    device: str = "auto",
    film: bool = False,
) -> tuple[Sampling, str]:
    """What to generate, and the device; arguments as for :meth:`gankit.api.run.Run.sample`.

    Raises:
        GankitError: they contradict each other.
    """
    if n is not None and per_class:
        raise GankitError("n and per_class both give a number of samples", "Use one of them")
    start: Stop = seed
    if along is not None and latent is not None:
        start, latent = _stop(latent), None
    walk = choose_walk(
        between=None if between is None else Between(tuple(map(_stop, between))),
        along=None if along is None else Along(*along, start),
        mix=None if mix is None else Mix(_stops(mix[0]), _stops(mix[1]), *mix[2:]),
        latent=None if latent is None else Given(_given(latent)),
    )
    count = walk.count(n, film) if walk else 64 if n is None else n
    sampling = Sampling(
        *(count, seed, dict(where or {}), walk, dict(settings or {})),
        per_class=per_class,
        by=by,
        phase=phase,
        truncation=truncation,
        watermark=watermark,
    )
    return sampling, device


def _stop(given: Any) -> Stop:
    """A seed, a latent or a projected item, or a file of latents."""
    if isinstance(given, str | Path):
        return parse_stop(str(given))
    latent = getattr(given, "latent", given)
    if isinstance(latent, Latent):
        return latent
    if isinstance(latent, int) and not isinstance(latent, bool):
        return latent
    raise GankitError(
        f"{given!r} is neither a seed nor a latent",
        "Pass seeds, what run.project found, or a file of latents",
    )


def _stops(given: Any) -> tuple[Stop, ...]:
    several = isinstance(given, Iterable) and not isinstance(given, str)
    return tuple(map(_stop, given)) if several else (_stop(given),)


def _given(latent: Any) -> Any:
    if isinstance(latent, str | Path):
        return parse_latents(str(latent))
    found = _stops(latent)
    if not all(isinstance(stop, Latent) for stop in found):
        raise GankitError(
            f"{latent!r} is no latent", "Pass what run.project found, or a file of latents"
        )
    return found
