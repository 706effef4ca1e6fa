"""One W&B run per gankit run, even if that is interrupted and resumed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gankit.contract import Callback

RECORD = "wandb.json"
"""The file in a run's folder with its id at W&B."""
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
EXIT_CODES = {"done": 0, "interrupted": 255}
"""W&B's codes for finished and stopped runs; failed runs have 1."""


class WeightsAndBiases(Callback):
    """Logs to Weights & Biases if ``WANDB_PROJECT`` or ``WANDB_MODE`` is set."""

    def __init__(self) -> None:
        self.run: Any = None
        self.samples = self.first = 0

    def started(self, run: Path, config: dict[str, Any]) -> None:
        self.run = None
        mode = os.environ.get("WANDB_MODE", "")
        if mode == "disabled" or not (mode or os.environ.get("WANDB_PROJECT")):
            return
        import wandb

        file = run / RECORD
        known = json.loads(file.read_text(encoding="utf-8"))["id"] if file.is_file() else None
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "gankit"),
            name=os.environ.get("WANDB_NAME") or run.resolve().name,
            id=known,
            resume=None if mode == "offline" else "allow",  # offline, the id joins the parts
            reinit="create_new",  # does not end the caller's own run
            dir=str(run),
            config=config,
            settings=wandb.Settings(console="off"),  # do not send the terminal's output
        )
        self.samples, self.first = 0, self.run.step
        file.write_text(json.dumps({"id": self.run.id}) + "\n", encoding="utf-8")

    def tick(self, values: dict[str, Any]) -> None:
        self.samples = int(values["samples"])
        # Sentences come as warnings too.
        self._log({k: v for k, v in values.items() if k != "events"}, self.samples)

    def preview(self, file: Path) -> None:
        if self.run is None or file.suffix.lower() not in PICTURES:
            return
        import wandb

        step = int(file.stem) if file.stem.isdigit() else self.samples
        self._log({"preview": wandb.Image(str(file)), "samples": step}, step)

    def warning(self, message: str) -> None:
        if self.run is not None:
            self.run.summary["warning"] = message

    def finished(self, status: str) -> None:
        if self.run is not None:
            self.run.summary["status"] = status
            self.run.finish(exit_code=EXIT_CODES.get(status, 1))

    def _log(self, values: dict[str, Any], step: int) -> None:
        # Steps in W&B cannot decrease: after a crash, known steps are not sent again.
        if self.run is not None and step >= self.first:
            self.run.log(values, step=step)
