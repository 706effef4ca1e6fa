"""Snapshots of a training, from which an interrupted one resumes."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gankit.kit.cache import Cache


class Snapshots:
    """Weights, the optimiser's moments, and the number of steps, in one file.

    Args:
        file: None keeps nothing.
    """

    def __init__(
        self,
        module: nn.Module,
        optimiser: torch.optim.Optimizer,
        cache: Cache,
        file: Path | None,
    ) -> None:
        self.module, self.optimiser, self.cache, self.file = module, optimiser, cache, file

    def save(self, done: int, loss: float) -> None:
        """Replaces the last snapshot."""
        if self.file is None:
            return
        tensors = {f"weights/{k}": v.contiguous() for k, v in self.module.state_dict().items()}
        for i, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"moments/{i}/{k}": v for k, v in moments.items()}
        with self.cache.writing(self.file) as part:
            save_file(tensors, part, {"done": str(done), "loss": repr(loss)})

    def restore(self) -> tuple[int, float]:
        """Steps done and the last loss; 0 and NaN where there is no file, or a damaged one."""
        if self.file is None or not self.file.is_file():
            return 0, math.nan
        try:
            with safe_open(self.file, "pt") as file:
                about = file.metadata()
            tensors = load_file(self.file)
            weights, moments = {}, dict[int, dict[str, Tensor]]()
            for key, value in tensors.items():
                kind, _, name = key.partition("/")
                if kind == "weights":
                    weights[name] = value
                else:
                    number, _, name = name.partition("/")
                    moments.setdefault(int(number), {})[name] = value
            self.module.load_state_dict(weights)
            state = self.optimiser.state_dict() | {"state": moments}
            self.optimiser.load_state_dict(state)
            return int(about["done"]), float(about["loss"])
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError):
            return 0, math.nan

    def delete(self) -> None:
        """Training is done."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)
