"""Conditions for sampling, drawn from those seen in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Condition, Layout
from gankit.seeds import uniform

MAX_CONDITION_ROWS = 4096

UNASKED = 2**31
"""The random stream of conditions that were not requested."""


class ConditionTable:
    """The conditions seen in training and their frequencies, from which conditions are drawn that
    were not requested.

    Args:
        rows: distinct rows of ``c``, (R, width).
        weights: how often each occurs, (R,), positive.
    """

    def __init__(self, rows: Tensor, weights: Tensor) -> None:
        self.rows, self.weights = rows.float().cpu(), weights.double().cpu()

    def check(self, layout: Layout) -> None:
        """Raises:
        ValueError: the table does not fit the layout, or is empty.
        """
        width = 0 if layout.condition is None else layout.condition.width
        fits = self.rows.shape == (len(self.weights), width) and self.weights.ndim == 1
        if not (fits and len(self.weights) and width):
            raise ValueError(f"rows {tuple(self.rows.shape)}, not ({len(self.weights)}, {width})")
        if not (self.rows.is_floating_point() and not self.weights.is_complex()):
            raise ValueError(f"rows of {self.rows.dtype}")
        if not (self.rows.isfinite().all() and self.weights.isfinite().all()):
            raise ValueError("not finite")
        if not (self.weights > 0).all():
            raise ValueError("weights that are not positive")

    @classmethod
    def from_training(cls, c: Tensor, seed: int) -> ConditionTable:
        """The table of (N, width) training conditions; a sample of them where they are many."""
        rows, counts = torch.unique(c.cpu(), dim=0, return_counts=True)
        if len(rows) > MAX_CONDITION_ROWS:
            keep = np.random.default_rng(seed).permutation(len(rows))[:MAX_CONDITION_ROWS]
            rows, counts = rows[keep], counts[keep]
        return cls(rows, counts)

    def draw(
        self, condition: Condition, seeds: Sequence[int], where: Mapping[str, object]
    ) -> Tensor:
        """One row of ``c`` per seed, with the fields in ``where`` as requested.

        The other fields come from training rows that have the requested classes, if there are any.
        """
        requested = []
        for name, value in where.items():
            field, block = condition.field(name)
            requested.append((block, torch.tensor(field.encode(value))))
        fits = torch.ones(len(self.rows), dtype=torch.bool)
        for block, value in requested:
            fits &= (self.rows[:, block] - value).abs().amax(1) < 0.5
        if not fits.any():
            fits[:] = True
        rows = self.rows[fits]
        upto = self.weights[fits].cumsum(0)
        u = torch.from_numpy(uniform(seeds, UNASKED)) * upto[-1]
        c = rows[torch.searchsorted(upto, u, right=True).clamp(max=len(rows) - 1)]
        for block, value in requested:
            c[:, block] = value
        return c
