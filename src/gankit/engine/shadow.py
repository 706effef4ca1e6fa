"""Whether a generator memorises, seen while it is trained: how well its own likelihood tells
training items from a *shadow* part, items of the same kind that are kept from training for this.

The attack is a threshold on the loss (Yeom et al. 2018, "Privacy risk in machine learning").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Batch, Codec, Networks
from gankit.contract.subsets import take
from gankit.engine.likelihood import batch_nll

BETWEEN = 40
"""Items trained on between two measurements, for each item of the shadow part: measuring takes two
forward passes for it, and so at most about 2 % of the time."""
SURE = 1.64
"""Standard errors by which an area has to exceed a limit: of random ones, 5 % would."""


class Shadow:
    """Measures membership on as many training items as there are shadow items.

    Args:
        networks: with a likelihood.
        members: the training items.
        others: the shadow part.
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
        batch: int,
        seed: int,
        device: torch.device,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.networks, self.codec, self.batch = networks, codec, batch
        self.seed, self.device, self.autocast = seed, device, autocast
        self.every = BETWEEN * len(others)
        """Samples between two measurements: it does not depend on the time."""
        rng = np.random.default_rng([seed, 23])
        chosen = np.sort(rng.choice(len(members), min(len(others), len(members)), replace=False))
        parts = take(members, chosen), others
        self.parts = [codec.encode(take(items, range(len(items))), rng) for items in parts]

    def due(self, before: int, now: int) -> bool:
        """Whether a measurement lies between two numbers of samples."""
        return before // self.every < now // self.every

    @torch.no_grad()
    def measure(self) -> tuple[float, float]:
        """The area under the ROC curve, 0.5 where nothing is memorised, and its standard error.

        Random numbers elsewhere are not affected.
        """
        G = self.networks.generator
        training = G.training
        G.eval()
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(self.seed)  # `Codec.prepare` draws
            found = [self._likelihoods(part) for part in self.parts]
        G.train(training)
        return area(*found)

    def _likelihoods(self, part: Batch) -> Tensor:
        """Negative log-likelihoods, where nothing is requested."""
        assert self.networks.likelihood is not None
        given = self.networks.likelihood, self.codec
        return torch.cat(
            [
                batch_nll(*given, part[i : i + self.batch].to(self.device), self.autocast)
                for i in range(0, len(part), self.batch)
            ]
        )


def area(members: Tensor, others: Tensor) -> tuple[float, float]:
    """The share of pairs in which the member's value is the smaller, ties counting half, and its
    standard error (DeLong et al. 1988). Values (N,) and (M,)."""
    if min(len(members), len(others)) < 2:
        return 0.5, math.inf
    by_member, by_other = _share_above(members, others), 1 - _share_above(others, members)
    variance = by_member.var() / len(members) + by_other.var() / len(others)
    return float(by_member.mean()), float(variance.sqrt())


def _share_above(values: Tensor, among: Tensor) -> Tensor:
    """For each value, the share of ``among`` that is larger; of equal ones, half."""
    ordered = among.sort().values
    below = torch.searchsorted(ordered, values) + torch.searchsorted(ordered, values, right=True)
    return 1 - below / (2 * len(among))
