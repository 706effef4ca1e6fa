"""Shared by tests of steps and runs: loss weights in doubles, a stop, warnings, the last state."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from gankit.contract import Callback
from gankit.engine.step import LossWeights


def weights(r1: float = 0.0, r2: float = 0.0, gp: float = 0.0, p: float = 0.0) -> LossWeights:
    return LossWeights(*(torch.tensor(v, dtype=torch.float64) for v in (r1, r2, gp, p)))


def final_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The newest checkpoint of a run."""
    newest = sorted((folder / "checkpoints").glob("0*"))[-1]
    return load_file(newest / "state.safetensors"), json.loads((newest / "state.json").read_text())


class StopAt(Callback):
    """Ctrl-C at the first tick at or beyond a number of samples."""

    def __init__(self, samples: float) -> None:
        self.samples = samples

    def tick(self, values: dict[str, Any]) -> None:
        if values["samples"] >= self.samples:
            self.samples = float("inf")
            os.kill(os.getpid(), signal.SIGINT)


class Heard(Callback):
    """Keeps what a run warns of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)
