"""Choosing among candidates: what the generator makes too often is passed over at sampling.

After training, a classifier learns to tell real samples from generated ones; its logit is the
logarithm of their density ratio. Of several candidates for a seed, one is drawn in proportion to
that ratio (sampling-importance-resampling; Grover et al. 2019, "Bias correction of learned
generative models using likelihood-free importance weighting", section 3).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gankit.contract import Batch, Progress
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.settings import RefineSettings


def learn_density_ratio(
    classifier: nn.Module,
    generate: Callable[[Tensor | None, int], Tensor],
    next_real: Callable[[], Batch],
    samples: int,
    settings: RefineSettings,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda what, done, total: None,
) -> bool:
    """Trains ``classifier`` in place; False when it was told to stop.

    Args:
        classifier: ``(x, c) -> logits (N,)``.
        generate: ``(c, N) -> x``, as it will be sampled.
        next_real: the next batch of real samples.
        samples: real ones to show.
    """
    params = [p for p in classifier.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(params, weight_decay=settings.weight_decay, betas=(0.9, 0.99))
    cross_entropy = OBJECTIVES["nonsaturating"].discriminator
    classifier.train()
    seen = 0
    while seen < samples:
        if stop():
            return False
        progress("learning which candidates to choose", seen, samples)
        for group in optimiser.param_groups:
            group["lr"] = settings.lr * (1 - seen / samples)
        real = next_real()
        fake, c = generate(real.c, len(real)), real.c
        loss = cross_entropy(classifier(real.x, c), classifier(fake, c)).mean()
        for p, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            p.grad = gradient
        optimiser.step()
        seen += len(real)
    classifier.eval()
    return True
