"""One MLflow run for each of gankit's, however often it is interrupted."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gankit.hookspecs import Callback

RECORD = "mlflow.json"
STATUS = {"done": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
LONGEST = 500
"""Characters of a parameter that every tracking server takes."""


class MLflow(Callback):
    """Logs to MLflow where the user asked for it, by ``MLFLOW_TRACKING_URI`` or
    ``MLFLOW_EXPERIMENT_NAME``.
    """

    def __init__(self) -> None:
        self.client: Any = None
        self.run_id = ""

    def started(self, run: Path, config: dict[str, Any]) -> None:
        if not any(os.environ.get(f"MLFLOW_{v}") for v in ("TRACKING_URI", "EXPERIMENT_NAME")):
            return
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        self.client = MlflowClient()
        file = run / RECORD
        if file.is_file():
            self.run_id = json.loads(file.read_text(encoding="utf-8"))["run_id"]
            self.client.update_run(self.run_id, status="RUNNING")
            return
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "gankit")
        found = self.client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self.client.create_experiment(name)
        made = self.client.create_run(experiment, run_name=run.resolve().name)
        self.run_id = made.info.run_id
        file.write_text(json.dumps({"run_id": self.run_id}), encoding="utf-8")
        params = [Param(key, str(value)[:LONGEST]) for key, value in flat(config)]
        for start in range(0, len(params), 100):
            self.client.log_batch(self.run_id, params=params[start : start + 100])

    def tick(self, values: dict[str, Any]) -> None:
        if self.client is None:
            return
        from mlflow.entities import Metric

        now, step = int(1000 * time.time()), int(values["samples"])
        numbers = {k: float(v) for k, v in values.items() if isinstance(v, int | float)}
        metrics = [Metric(key, value, now, step) for key, value in numbers.items()]
        self.client.log_batch(self.run_id, metrics=metrics)

    def preview(self, file: Path) -> None:
        if self.client is not None:
            self.client.log_artifact(self.run_id, str(file), "previews")

    def warning(self, message: str) -> None:
        if self.client is not None:
            self.client.set_tag(self.run_id, "warning", message)

    def finished(self, status: str) -> None:
        if self.client is not None:
            self.client.set_terminated(self.run_id, STATUS.get(status, "FAILED"))


def flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings with dotted names."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
