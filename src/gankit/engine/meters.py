"""Means of logged values, kept on the device until they are read."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Means:
    """Running means by name; reading them is the only place that waits for the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, logs: Mapping[str, Tensor]) -> None:
        """Adds one step's 0-d tensors."""
        for name, value in logs.items():
            if name in self._sums:
                self._sums[name] += value
            else:
                self._sums[name] = value.clone()
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """The means since the last call."""
        names = list(self._sums)
        sums = torch.stack([self._sums[k] for k in names]).tolist() if names else []
        means = {k: s / self._counts[k] for k, s in zip(names, sums, strict=True)}
        self._sums, self._counts = {}, {}
        return means
