"""One W&B run for each of gankit's, however often it is interrupted."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

from gankit.hookspecs import Callback

RECORD = "wandb.json"
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
EXIT_CODES = {"done": 0, "interrupted": 130, "failed": 1}


class WeightsAndBiases(Callback):
    """Logs to Weights & Biases where asked to, by ``WANDB_PROJECT`` or ``WANDB_MODE``."""

    def __init__(self) -> None:
        self.run: Any = None
        self.samples = 0

    def started(self, run: Path, config: dict[str, Any]) -> None:
        if not (os.environ.get("WANDB_PROJECT") or os.environ.get("WANDB_MODE")):
            return
        import wandb

        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "gankit"),
            name=run.resolve().name,
            id=stable_id(run),
            resume="allow",
            dir=str(run),
            config=config,
        )
        # Not W&B's own step: that must never go back, and a resumed run does.
        self.run.define_metric("*", step_metric="samples")

    def tick(self, values: dict[str, Any]) -> None:
        if self.run is not None:
            self.samples = int(values["samples"])
            self.run.log(dict(values))

    def preview(self, file: Path) -> None:
        if self.run is not None and file.suffix.lower() in PICTURES:
            import wandb

            self.run.log({"preview": wandb.Image(str(file)), "samples": self.samples})

    def warning(self, message: str) -> None:
        if self.run is not None:
            self.run.alert(title="gankit", text=message)

    def finished(self, status: str) -> None:
        if self.run is not None:
            self.run.summary["status"] = status
            self.run.finish(exit_code=EXIT_CODES.get(status, 1))


def stable_id(run: Path) -> str:
    """The id of the run at W&B: drawn once, then kept in the run's folder."""
    file = run / RECORD
    if file.is_file():
        return str(json.loads(file.read_text(encoding="utf-8"))["id"])
    drawn = uuid.uuid4().hex[:12]
    file.write_text(json.dumps({"id": drawn}), encoding="utf-8")
    return drawn
