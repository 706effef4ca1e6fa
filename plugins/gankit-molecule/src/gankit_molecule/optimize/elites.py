"""What a codec keeps of a search: the best molecules' latents, and what foretells a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gankit.contract import Batch, Layout
from gankit_molecule.optimize.search import Found, described
from gankit_molecule.optimize.surrogate import Aimed, Surrogate

KEY = "optimised"


class Optimised:
    """The best molecules of a search, in place of the data's."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self._there: dict[torch.device, tuple[Tensor, Tensor | None]] = {}

    @property
    def c(self) -> Tensor | None:
        """The conditions of the best, (elites, told)."""
        return self.found.c

    def layout(self, layout: Layout) -> Aimed:
        """The layout with what foretells scores, for the generator's reward."""
        return Aimed(layout.shape, layout.condition, self.found.surrogate)

    def instead_of(self, batch: Batch, share: float) -> Batch:
        """A batch with so many of its samples, drawn, put aside for drawn ones of the best."""
        x, c = self._on(batch.x.device)
        n, device = len(batch), batch.x.device
        drawn = torch.randint(len(x), (n,), device=device)
        theirs = torch.rand(n, 1, device=device) < share
        told = None if batch.c is None or c is None else torch.where(theirs, c[drawn], batch.c)
        return Batch(torch.where(theirs, x[drawn], batch.x), told)

    def _on(self, device: torch.device) -> tuple[Tensor, Tensor | None]:
        if device not in self._there:
            c = self.found.c
            self._there[device] = self.found.x.to(device), None if c is None else c.to(device)
        return self._there[device]

    def describe(self) -> list[dict[str, str]]:
        """What the search found, in lines."""
        return described(self.found.figures, self.found.missing)

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """JSON and tensors, beside the codec's others."""
        found = self.found
        tensors = {f"surrogate/{k}": v.cpu() for k, v in found.surrogate.state_dict().items()}
        tensors["elites/x"] = found.x
        if found.c is not None:
            tensors["elites/c"] = found.c
        best = [list(pair) for pair in zip(found.smiles, found.scores, strict=True)]
        return {KEY: {"best": best, "figures": found.figures, "missing": found.missing}}, tensors

    @classmethod
    def load(cls, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Optimised | None:
        """What :meth:`state` described; None where there was no search."""
        if KEY not in config:
            return None
        kept, x, c = config[KEY], tensors["elites/x"], tensors.get("elites/c")
        surrogate = Surrogate(x.shape[1], 0 if c is None else c.shape[1])
        start = "surrogate/"
        weights = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
        surrogate.load_state_dict(weights)
        surrogate.requires_grad_(False)
        smiles, scores = ([pair[i] for pair in kept["best"]] for i in (0, 1))
        return cls(Found(surrogate, x, c, smiles, scores, kept["figures"], kept["missing"]))
