"""Ticks as scalars, previews as images, settings as text; all in the run's own folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.hookspecs import Callback

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
PACE = ("samples_per_second", "seconds", "steps", "lr", "augment_p")
"""What is about the run's course, not about the game."""


class TensorBoard(Callback):
    """Writes event files to ``RUN/tensorboard``; steps are samples seen."""

    def __init__(self) -> None:
        self.writer: SummaryWriter | None = None
        self.samples = 0
        self.guard = ""

    def started(self, run: Path, config: dict[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.samples = last_samples(run)
        # What an interrupted run wrote after its last checkpoint is shown no longer.
        self.writer = SummaryWriter(str(run / FOLDER), purge_step=self.samples + 1)
        if self.samples == 0:
            text = json.dumps(config, indent=2, default=str)
            self.writer.add_text("settings", f"```json\n{text}\n```", 0)

    def tick(self, values: dict[str, Any]) -> None:
        assert self.writer is not None
        self.samples = int(values["samples"])
        for name, value in values.items():
            if isinstance(value, int | float) and name != "samples":
                group = "pace" if name in PACE else "game"
                self.writer.add_scalar(f"{group}/{name}", value, self.samples)
        guard = str(values.get("guard", ""))
        if guard != self.guard:
            self.writer.add_text("guard", guard, self.samples)
            self.guard = guard
        self.writer.flush()

    def preview(self, file: Path) -> None:
        if self.writer is None or file.suffix.lower() not in PICTURES:
            return
        import numpy as np
        from PIL import Image

        with Image.open(file) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        self.writer.add_image("preview", pixels, self.samples, dataformats="HWC")

    def warning(self, message: str) -> None:
        if self.writer is not None:
            self.writer.add_text("warning", message, self.samples)

    def finished(self, status: str) -> None:
        if self.writer is not None:
            self.writer.add_text("status", status, self.samples)
            self.writer.close()


def last_samples(run: Path) -> int:
    """Where a run that is resumed goes on; 0 for a new one."""
    file = run / "metrics.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return int(json.loads(lines[-1])["samples"]) if lines else 0
