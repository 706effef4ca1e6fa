"""Ticks as scalars, previews as images, settings and warnings as text, all in the run's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.contract import Callback

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
GROUPS = {
    "logits": ("d_real", "d_fake", "d_sign"),
    "variety": ("real_std", "fake_std"),
    "schedule": ("lr", "augment_p"),
    "time": ("steps", "seconds", "samples_per_second"),
}
"""Values by heading; all others belong to a loss."""
PICTURES = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
"""Formats that browsers can show."""


class TensorBoard(Callback):
    """Writes event files to ``RUN/tensorboard``; steps are samples seen."""

    def __init__(self) -> None:
        self.writer: SummaryWriter | None = None
        self.samples, self.guard = 0, ""

    def started(self, run: Path, config: dict[str, Any]) -> None:
        import tomli_w
        from torch.utils.tensorboard import SummaryWriter

        self.samples, self.guard = last_tick(run), ""
        # Points after the checkpoint that training resumes from are trained and logged again.
        first = self.samples + 1 if self.samples else 0
        self.writer = SummaryWriter(str(run / FOLDER), purge_step=first)
        self._text("settings", f"```toml\n{tomli_w.dumps(config)}```")

    def tick(self, values: dict[str, Any]) -> None:
        if self.writer is None:
            return
        self.samples = int(values["samples"])
        for name, value in values.items():
            if isinstance(value, int | float) and name != "samples":
                self.writer.add_scalar(tag(name), value, self.samples)
        if (guard := str(values.get("guard", ""))) != self.guard:
            self.guard = guard
            self._text("guard", guard)
        self.writer.flush()

    def preview(self, file: Path) -> None:
        """Logs the file unchanged, including its metadata."""
        if self.writer is None or self.writer.file_writer is None:
            return
        from PIL import Image, UnidentifiedImageError
        from tensorboard.compat.proto.summary_pb2 import Summary

        try:
            with Image.open(file, formats=PICTURES) as picture:
                (width, height), bands = picture.size, len(picture.getbands())
        except UnidentifiedImageError:
            return
        image = Summary.Image(
            width=width, height=height, colorspace=bands, encoded_image_string=file.read_bytes()
        )
        step = int(file.stem) if file.stem.isdigit() else self.samples
        self.writer.file_writer.add_summary(
            Summary(value=[Summary.Value(tag="preview", image=image)]), step
        )

    def warning(self, message: str) -> None:
        self._text("warning", message)

    def finished(self, status: str) -> None:
        self._text("status", status)
        if self.writer is not None:
            self.writer.close()

    def _text(self, name: str, text: str) -> None:
        if self.writer is not None:
            self.writer.add_text(name, text, self.samples)


def tag(name: str) -> str:
    """The name of a value with its heading, unless the name has one."""
    if "/" in name:
        return name
    group = next((group for group, names in GROUPS.items() if name in names), "loss")
    return f"{group}/{name}"


def last_tick(run: Path) -> int:
    """Samples at the last tick that a resumed run keeps; 0 for a new run."""
    file = run / "metrics.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return int(json.loads(lines[-1])["samples"]) if lines else 0
