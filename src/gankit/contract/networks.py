"""The networks that a plugin supplies, as one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor, nn

AugmentInput: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
"""``(x, p) -> x``: differentiable augmentation of the discriminator's input, each transformation
with probability p, a 0-d tensor. It draws from torch's default generator. Finite-difference
penalties apply it to two batches with the same random numbers, by ``torch.vmap``."""
GeneratorTerm: TypeAlias = "Callable[[Tensor, Tensor | None], Tensor]"
"""``(fake, c) -> scalar``: a further term of the generator's loss."""
Likelihood: TypeAlias = "Callable[[Tensor, Tensor | None], Tensor]"
"""``(x, c) -> (N,)``: the generator's own negative log-likelihood of real samples."""
PartLikelihood: TypeAlias = "Callable[[Tensor, Tensor | None], Tensor]"
"""``(x, c) -> (N, parts)``: a likelihood as the sum of those of the parts of a sample, which are
drawn one after another."""
TAKES_CONDITION = "takes_condition"
"""Name of an attribute. Where it is true, a module maps ``c`` alone by a ``weight`` (outputs,
width): a run that starts from another one (``--from``) then takes its columns class by class, by
their names. ``gankit.kit.layers.embedding`` sets it."""


@dataclass
class Networks:
    """What the engine trains. The modules are built on the CPU in float32."""

    generator: nn.Module
    """``(z (N, latent_dim), c (N, width) | None) -> x (N, *shape)``; deterministic in its input.
    One with a latent for each of several stages, coarse to fine, has their number as the integer
    ``stages``, and takes ``z (N, stages, latent_dim)`` too: styles can then be mixed."""
    discriminator: nn.Module
    """``(x (N, *shape), c | None) -> logits``, ``(N,)``, or ``(N, M)`` where M heads judge each
    sample: losses are means over them. Unbounded, no sigmoid."""
    latent_dim: int
    """Width of ``z ~ N(0, I)``."""
    augment_input: AugmentInput | None = None
    generator_terms: Mapping[str, GeneratorTerm] = field(default_factory=dict)
    """By the name they are logged under."""
    batch_dependent: bool = False
    """Whether the logit of a sample depends on the rest of its batch (batch normalisation,
    minibatch statistics). Real and generated samples then go through D separately."""
    backbones: frozenset[str] = frozenset()
    """Pretrained networks that the discriminator is built on, by their established names, as
    ``efficientnet-lite0``. Stored with the model: scores on features of the same network would
    flatter it (see :attr:`Extractor.backbone`)."""
    likelihood: Likelihood | None = None
    """Minimised over the generator's parameters during the warm-up, ``train.warm_up``, before the
    adversarial game."""
    by_likelihood: bool = False
    """Whether the generator learns by its likelihood alone, with ``train.warm_up=1``: the samples
    that it draws have no gradients. The discriminator is then not trained."""
    ragged: bool = False
    """Whether shapes within the networks depend on the samples' values: steps can then neither be
    compiled nor have a gradient for each sample, as differential privacy needs."""
    part_likelihood: PartLikelihood | None = None
    """The same, part by part; 0 for parts that c decides. Gaps in items are then filled, see
    :class:`gankit.contract.FillsGaps`."""


def latent_stages(generator: nn.Module) -> int:
    """The stages of a generator that takes a latent for each; 1 for others."""
    stages = getattr(generator, "stages", 1)
    return stages if isinstance(stages, int) and stages > 1 else 1
