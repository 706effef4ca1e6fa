"""The networks that a plugin supplies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass
class Networks:
    """What the engine trains. The modules are built on the CPU in float32."""

    generator: nn.Module
    """``(z (N, latent_dim), c (N, width) | None) -> x (N, *shape)``; deterministic in its input."""
    discriminator: nn.Module
    """``(x (N, *shape), c | None) -> logits (N,)``; unbounded, no sigmoid."""
    latent_dim: int
    """Width of ``z ~ N(0, I)``."""
    augment: Callable[[Tensor, Tensor], Tensor] | None = None
    """``(x, p) -> x``: differentiable augmentation of D's input with probability p (0-d tensor)."""
    generator_terms: Mapping[str, Callable[[Tensor, Tensor | None], Tensor]] = field(
        default_factory=dict
    )
    """Further terms ``(fake, c) -> scalar`` of the generator's loss, by the name they log under."""
    batch_dependent: bool = False
    """Whether D's logit of a sample depends on the rest of its batch (batch normalisation,
    minibatch statistics). Reals and fakes then go through D separately."""
