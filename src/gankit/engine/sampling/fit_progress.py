"""How far the density ratio's fitting has come, on disk: it may take half as long as training."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gankit.engine.adam import Adam
from gankit.engine.checkpoint import load_checkpoint, save_checkpoint
from gankit.engine.clock import Every
from gankit.engine.data import RealSamples
from gankit.engine.state import below, check_tensors, moments_below
from gankit.errors import GankitError

FOLDER = "ratio"
"""Among the checkpoints, until the run is done."""


@dataclass
class FitProgress:
    """Saves the fitting from time to time, and continues it where it was.

    Args:
        checkpoints: the run's folder of them.
        trained: samples that the generator has seen: the progress of another one is of no use.
        reals: whose position belongs to it.
        timer: when it is due.
    """

    checkpoints: Path
    trained: int
    reals: RealSamples
    timer: Every

    def begin(self, classifier: nn.Module, optimiser: Adam) -> tuple[int, float]:
        """Restores both, the position and torch's random state; the samples seen and the seconds
        spent so far, or zeros."""
        self.classifier, self.optimiser = classifier, optimiser
        self.seen, self.seconds = 0, 0.0
        folder = self.checkpoints / FOLDER
        try:
            load_checkpoint(folder, use=self._use)
        except GankitError:  # damaged, or another generator's
            shutil.rmtree(folder, ignore_errors=True)
        self.timer.start(self.seen)
        return self.seen, self.seconds

    def _use(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        if meta["trained"] != self.trained:
            raise ValueError("another generator's")
        seen, seconds, position = (meta[key] for key in ("seen", "seconds", "position"))
        if not (0 <= seen < 2**63 and 0 <= seconds < math.inf and 0 <= position < 2**63):
            raise ValueError("no such progress")
        parts = {"classifier": self.classifier}, {"moments": self.optimiser}
        check_tensors(tensors, *parts, self._random())
        torch.set_rng_state(tensors["random/cpu"])
        if self.reals.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random/device"], self.reals.device)
        self.classifier.load_state_dict(below(tensors, "classifier"))
        moments = moments_below(below(tensors, "moments"), self.optimiser.params)
        self.optimiser.load(moments)
        self.reals.seek(position)
        self.seen, self.seconds = int(seen), float(seconds)

    def _random(self) -> dict[str, Tensor]:
        """The states of torch's random generators."""
        found = {"random/cpu": torch.get_rng_state()}
        if self.reals.device.type == "cuda":
            found["random/device"] = torch.cuda.get_rng_state(self.reals.device)
        return found

    def save(self, seen: int, seconds: float) -> None:
        """Replaces what was saved before."""
        tensors = {f"classifier/{k}": v for k, v in self.classifier.state_dict().items()}
        for i, values in self.optimiser.state.items():
            tensors |= {f"moments/{i}/{k}": v for k, v in values.items()}
        tensors |= self._random()
        about = {"trained": self.trained, "position": self.reals.position}
        meta = about | {"seen": seen, "seconds": seconds}
        save_checkpoint(self.checkpoints / FOLDER, seen, tensors, meta, keep=1)
