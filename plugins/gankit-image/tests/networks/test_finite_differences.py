"""Finite-difference R1 and R2 against exact ones: with augmentation, in bf16, traced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from gankit.contract import Layout, Networks
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable
from gankit_image.networks import build_networks
from gankit_image.settings import ImageSettings

SHAPE, SAMPLES, DRAWS = (3, 8, 8), 256, 12
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "r3gan": {"width": (8,), "blocks": 1, "group_size": 4},
    "vit": {"width": (16,), "blocks": 2, "patch": 4},
    "textbook": {"width": (4,)},
}


def networks(architecture: str) -> Networks:
    """In no special state."""
    torch.manual_seed(0)
    settings = ImageSettings(architecture=architecture, **ARCHITECTURES[architecture])  # type: ignore[arg-type]
    made = build_networks(Layout(SHAPE, None), settings)
    with torch.no_grad():
        for p in made.discriminator.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return made


def weights() -> LossWeights:
    return LossWeights(*(torch.tensor(v) for v in (2.0, 2.0, 0.0, 0.7)))


def draws(step: Callable[..., Any], params: list[Any]) -> Iterator[Tensor]:
    """R1 and R2, each time with another augmentation and direction."""
    rng = torch.Generator().manual_seed(5)
    real = torch.randn(SAMPLES, *SHAPE, generator=rng)
    z = torch.randn(SAMPLES, 64, generator=rng)
    for _ in range(DRAWS):
        _, logs = step(params, real, None, z, weights(), True)
        yield torch.stack([logs["r1"], logs["r2"]])


def expect_alike(first: Iterator[Tensor], second: Iterator[Tensor], bias: float = 0.01) -> None:
    """Means of R1 and R2 agree within four standard errors and a relative ``bias``.

    With other augmentation in both passes, differences would be thousands of times too large.
    """
    torch.manual_seed(1)
    a, b = (torch.stack(list(found)) for found in (first, second))
    error = ((a.var(0) + b.var(0)) / DRAWS).sqrt()
    assert ((a.mean(0) - b.mean(0)).abs() < 4 * error + bias * a.mean(0)).all(), (a, b)
    assert (error < 0.15 * a.mean(0)).all()  # the comparison says something


def steps(given: Networks, sigma: float, autocast: torch.dtype | None = None) -> Callable[..., Any]:
    terms = LossTerms(finite_difference=sigma)
    return AdversarialLoss(given, OBJECTIVES["rpgan"], terms, autocast).discriminator_step


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_mean_over_directions_is_the_exact_penalty(architecture: str) -> None:
    given = networks(architecture)
    params = trainable(given.discriminator)
    exact = draws(steps(given, 0.0), params)
    expect_alike(exact, draws(steps(given, 0.01), params))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_in_bf16_the_larger_step_is_right(architecture: str) -> None:
    given = networks(architecture)
    params = trainable(given.discriminator)
    exact = draws(steps(given, 0.0), params)
    expect_alike(exact, draws(steps(given, 0.1, torch.bfloat16), params), bias=0.1)


def test_traced_steps_share_the_augmentation() -> None:
    """As the compiler sees them."""
    given = networks("textbook")
    params = trainable(given.discriminator)
    step, graphs = steps(given, 0.01), []

    def traced(params: list[Any], real: Tensor, c: None, z: Tensor, *others: Any) -> Any:
        if not graphs:
            trace = make_fx(
                lambda real, z: step(params, real, c, z, *others),
                tracing_mode="fake",
                _allow_non_fake_inputs=True,
            )
            graphs.append(trace(real, z))
        return graphs[0](real, z)

    expect_alike(draws(steps(given, 0.0), params), draws(traced, params))
