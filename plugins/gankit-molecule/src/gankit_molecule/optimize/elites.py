"""The result of a search: the best molecules, and a network that predicts scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gankit.contract import Batch
from gankit_molecule.optimize.scorers import REASONS
from gankit_molecule.optimize.surrogate import Surrogate

KEY = "optimised"
"""Of the codec's state."""
SURROGATE = "surrogate/"


@dataclass
class Elites:
    """The best molecules of a search, which replace the data's in training."""

    surrogate: Surrogate
    x: Tensor
    """Latents, best first."""
    c: Tensor | None
    smiles: list[str]
    scores: list[float]
    figures: dict[str, dict[str, float]]
    """Mean, standard deviation and number of scores, by the group of molecules."""
    missing: dict[str, int]
    """Molecules without a score, by reason."""
    _on_device: dict[torch.device, tuple[Tensor, Tensor | None]] = field(
        default_factory=dict, repr=False
    )

    def mixed(self, batch: Batch, share: float) -> Batch:
        """A batch in which a random share of the samples is replaced by random elites."""
        x, c = self._on(batch.x.device)
        n, device = len(batch), batch.x.device
        drawn = torch.randint(len(x), (n,), device=device)
        replaced = torch.rand(n, 1, device=device) < share
        mixed_c = None
        if batch.c is not None and c is not None:
            mixed_c = torch.where(replaced, c[drawn], batch.c)
        return Batch(torch.where(replaced, x[drawn], batch.x), mixed_c)

    def _on(self, device: torch.device) -> tuple[Tensor, Tensor | None]:
        if device not in self._on_device:
            c = None if self.c is None else self.c.to(device)
            self._on_device[device] = self.x.to(device), c
        return self._on_device[device]

    def describe(self) -> list[dict[str, str]]:
        """Rows for the codec's description."""
        rows = [
            {
                "property": f"objective, {group}",
                "mean": f"{line['mean']:.3g}",
                "deviation": f"{line['deviation']:.3g}",
                "missing": "0",
            }
            for group, line in self.figures.items()
        ]
        rows += [
            {
                "property": f"objective: {REASONS[k]}",
                "mean": "",
                "deviation": "",
                "missing": f"{n:,}",
            }
            for k, n in self.missing.items()
        ]
        return rows

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """JSON and tensors, for the codec's state."""
        tensors = {f"{SURROGATE}{k}": v.cpu() for k, v in self.surrogate.state_dict().items()}
        tensors["elites/x"] = self.x
        if self.c is not None:
            tensors["elites/c"] = self.c
        best = [list(pair) for pair in zip(self.smiles, self.scores, strict=True)]
        return {KEY: {"best": best, "figures": self.figures, "missing": self.missing}}, tensors

    @classmethod
    def load(cls, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Elites | None:
        """The inverse of :meth:`state`; None where there was no search."""
        if KEY not in config:
            return None
        kept, x, c = config[KEY], tensors["elites/x"], tensors.get("elites/c")
        surrogate = Surrogate(x.shape[1], 0 if c is None else c.shape[1])
        weights = {
            k.removeprefix(SURROGATE): v for k, v in tensors.items() if k.startswith(SURROGATE)
        }
        surrogate.load_state_dict(weights)
        surrogate.requires_grad_(False)
        smiles, scores = ([pair[i] for pair in kept["best"]] for i in (0, 1))
        return cls(surrogate, x, c, smiles, scores, kept["figures"], kept["missing"])
