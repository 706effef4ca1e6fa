"""What a run leaves behind while it trains: configuration, provenance, metrics, log, film."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gankit.workflows.data import Data

import json
from pathlib import Path
from typing import Any

from gankit.config import Config
from gankit.contract import Callback
from gankit.errors import GankitError
from gankit.kit.files import read_json, write_json
from gankit.plugins.registry import (
    LoadedModality,
)
from gankit.plugins.write_guard import confined
from gankit.runs import provenance
from gankit.runs.directory import LOG, METRICS, write_config


class Recorder(Callback):
    """Writes what a run leaves behind: configuration, provenance, metrics, log, film."""

    def __init__(
        self, folder: Path, plugin: LoadedModality, config: Config, data: Data, device: str
    ) -> None:
        self.folder, self.plugin, self.config = folder, plugin, config
        issues = [{"location": p.location, "reason": p.reason} for p in data.source.issues]
        self.record: dict[str, Any] = {
            "software": provenance.software(),
            "versions": provenance.versions(plugin.distribution),
            "command": provenance.command_line(),
            "created": provenance.now(),
            "device": device,
            "seed": config.engine.train.seed,
            "data": {
                "source": config.as_table()["run"].get("data"),
                "description": data.source.description,
                "licence": data.source.licence,
                "fingerprint": data.source.fingerprint,
                "train": len(data.train),
                "heldout": len(data.heldout),
                "left_out": len(issues),
                "issues": issues[:100],
            },
        }

    def begin(self, samples: int) -> None:
        """Writes configuration and provenance, or checks them when resuming.

        Raises:
            GankitError: the data is not what the run was begun with, or the disk refuses.
        """
        file = self.folder / provenance.RECORD
        if samples and file.is_file():
            before = read_json(file)
            if before["data"]["fingerprint"] != self.record["data"]["fingerprint"]:
                raise GankitError(
                    f"the data has changed since {self.folder} was begun",
                    "Restore it, or train afresh with another --out",
                )
            self.record = {**before, "resumed": [*before.get("resumed", []), provenance.now()]}
        try:
            write_config(self.folder, self.config)
            self._status("training")
            metrics = self.folder / METRICS
            lines = metrics.read_text().splitlines() if samples and metrics.is_file() else []
            kept = [line for line in lines if json.loads(line)["samples"] <= samples]
            metrics.write_text("".join(line + "\n" for line in kept))
        except OSError as error:
            raise GankitError(
                f"cannot write {self.folder}: {error.strerror}",
                "Choose another --out, or make room",
            ) from error
        self.say(f"{'resumed at' if samples else 'began at'} {samples} samples")

    def tick(self, values: dict[str, Any]) -> None:
        with (self.folder / METRICS).open("a") as file:
            file.write(json.dumps(values) + "\n")

    def finished(self, status: str) -> None:
        self._status(status)
        self.say(status)
        previews = sorted((self.folder / "previews").glob("0*"))
        if status == "done" and len(previews) > 1:
            with confined(self.plugin.info.name, self.folder / "previews"):
                self.plugin.modality.animate(previews, self.folder / "previews" / "progress")

    def warning(self, message: str) -> None:
        self.say(f"warning: {message}")

    def say(self, line: str) -> None:
        with (self.folder / LOG).open("a") as file:
            file.write(f"{provenance.now()} {line}\n")

    def _status(self, status: str) -> None:
        write_json(self.folder / provenance.RECORD, {**self.record, "status": status})
