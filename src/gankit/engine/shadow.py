"""Whether a generator memorises, seen while it is trained: how well its own likelihood tells
training items from a *shadow* part, items of the same kind that are kept from training for this.

The attack is a threshold on the loss (Yeom et al. 2018, "Privacy risk in machine learning").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch

from gankit.contract import Batch, Codec, Networks
from gankit.contract.subsets import take
from gankit.engine.clock import Clock
from gankit.engine.likelihood import of_batch
from gankit.engine.randomness import own_randomness
from gankit.engine.settings import WarmUpSettings
from gankit.engine.warm_up import PATIENCE

Values: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

BETWEEN = 50
"""Items trained on between two measurements, for each item of the shadow part, at most: measuring
takes two forward passes for each, and so about 2 % of the time. Few items are soon known by heart,
so that there is one in each epoch."""
SURE = 1.64
"""Standard errors by which an area has to exceed a limit: of random ones, 5 % would."""


def reason_to_end(
    settings: WarmUpSettings, clock: Clock, auc: float, error: float, nll: float
) -> str:
    """Why a measurement ends the warm-up, as a clause; empty where it does not.

    Args:
        auc: of the membership attack, with its standard error.
        nll: the negative log-likelihood of the shadow part.
    """
    if 0 < settings.membership_limit < auc - SURE * error:
        return (
            f"its likelihood tells training items from others with an AUC of "
            f"{auc:.3f} ± {error:.3f}, above "
            f"warm_up.membership_limit={settings.membership_limit:g}"
        )
    if settings.early_stop and clock.worse >= PATIENCE:
        return (
            f"the negative log-likelihood of items that are not trained on was "
            f"{clock.best_nll:.2f} at best, and is {nll:.2f}"
        )
    return ""


class Shadow:
    """Measures membership on as many training items as there are shadow items.

    Args:
        networks: with a likelihood.
        members: the training items.
        others: the shadow part.
        auc: the area under the ROC curve and its standard error, of both parts' values.
        batch: items in one pass.
        seed: chooses members, and fixes what the codec draws.
    """

    def __init__(
        self,
        networks: Networks,
        codec: Codec[Any],
        members: Sequence[Any],
        others: Sequence[Any],
        *,
        auc: Callable[[Values, Values], tuple[float, float]],
        batch: int,
        seed: int,
        device: torch.device,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.networks, self.codec, self.auc, self.batch = networks, codec, auc, batch
        self.seed, self.device, self.autocast = seed, device, autocast
        self.every = max(min(BETWEEN * len(others), len(members)), 1)
        """Samples between two measurements: it does not depend on the time."""
        rng = np.random.default_rng([seed, 23])
        chosen = np.sort(rng.choice(len(members), min(len(others), len(members)), replace=False))
        parts = take(members, chosen), others
        self.parts = [codec.encode(take(items, range(len(items))), rng) for items in parts]

    def due(self, before: int, now: int) -> bool:
        """Whether a measurement lies between two numbers of samples."""
        return before // self.every < now // self.every

    @torch.no_grad()
    def measure(self) -> tuple[float, float, float]:
        """The area under the ROC curve, 0.5 where nothing is memorised, and its standard error; and
        the mean negative log-likelihood of the shadow part.

        Random numbers elsewhere are not affected.
        """
        G = self.networks.generator
        training = G.training
        G.eval()
        with own_randomness(self.seed, self.device):  # `Codec.prepare` draws
            found = [self._likelihoods(part) for part in self.parts]
        G.train(training)
        return (*self.auc(*found), float(found[1].mean()))

    def _likelihoods(self, part: Batch) -> Values:
        likelihood, found = self.networks.likelihood, []
        assert likelihood is not None
        with torch.autocast(self.device.type, self.autocast, enabled=self.autocast is not None):
            for start in range(0, len(part), self.batch):
                some = part[start : start + self.batch].to(self.device)
                found.append(of_batch(likelihood, self.codec, some, start))
        return torch.cat(found).numpy()
