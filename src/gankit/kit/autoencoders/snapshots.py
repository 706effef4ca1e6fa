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
    """Weights, the optimiser's moments, and the number of steps, in a file of the cache.

    A training without a time limit has to be reproducible: it resumes only from steps that would
    have been the same without one. Others have a file of their own.
    """

    def __init__(
        self, module: nn.Module, optimiser: torch.optim.Optimizer, cache: Cache, key: str
    ) -> None:
        self.module, self.optimiser, self.cache = module, optimiser, cache
        self._same, self._limited = _files(cache, key)

    def save(self, done: int, loss: float, complete: bool) -> None:
        """Replaces the last snapshot.

        Args:
            complete: whether all steps were as without a time limit.
        """
        file = self._same if complete else self._limited
        if file is None:
            return
        tensors = {f"weights/{k}": v.contiguous() for k, v in self.module.state_dict().items()}
        for i, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"moments/{i}/{k}": v for k, v in moments.items()}
        with self.cache.writing(file) as part:
            save_file(tensors, part, {"done": str(done), "loss": repr(loss)})

    def restore(self, complete_only: bool) -> tuple[int, float, bool]:
        """Steps done, the last loss, and whether the steps were as without a time limit; 0, NaN and
        True where there is no usable snapshot. The one with more steps is taken.
        """
        files = [self._same] if complete_only else [self._limited, self._same]
        found = {file: _steps(file) for file in files if file is not None}
        for file in sorted(found, key=lambda file: -found[file]):
            if found[file] and (loss := self._load(file)) is not None:
                return found[file], loss, file == self._same
        return 0, math.nan, True

    def _load(self, file: Path) -> float | None:
        """Loads a snapshot; its loss, or None if it is damaged."""
        try:
            weights, moments = {}, dict[int, dict[str, Tensor]]()
            for key, value in load_file(file).items():
                kind, _, name = key.partition("/")
                if kind == "weights":
                    weights[name] = value
                else:
                    number, _, name = name.partition("/")
                    moments.setdefault(int(number), {})[name] = value
            self.module.load_state_dict(weights)
            state = self.optimiser.state_dict() | {"state": moments}
            self.optimiser.load_state_dict(state)
            return float(_about(file)["loss"])
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError):
            return None


def forget_snapshots(cache: Cache, key: str) -> None:
    """Deletes those of a training whose result is kept."""
    for file in _files(cache, key):
        if file is not None:
            file.unlink(missing_ok=True)


def _files(cache: Cache, key: str) -> tuple[Path | None, Path | None]:
    """With the steps that are as without a time limit, and with others."""
    same, limited = (f"{key}.safetensors", f"{key}-limited.safetensors")
    return cache.path("training", same), cache.path("training", limited)


def _about(file: Path) -> dict[str, str]:
    with safe_open(file, "pt") as opened:
        found: dict[str, str] = opened.metadata()
    return found


def _steps(file: Path) -> int:
    """The steps of a snapshot; 0 where there is none, or a damaged one."""
    try:
        return int(_about(file)["done"])
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return 0
