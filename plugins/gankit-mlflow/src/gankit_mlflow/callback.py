"""One MLflow run per gankit run, even if that is interrupted and resumed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gankit.contract import Callback

RECORD = "mlflow.json"
"""The file in a run's folder with its id at MLflow."""
ENABLED_BY = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME")
STATUS = {"done": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
LONGEST_KEY, LONGEST_VALUE, BATCH = 250, 500, 100
"""Limits of every tracking server: characters of a parameter, and parameters per request."""


class MLflow(Callback):
    """Logs to MLflow if ``MLFLOW_TRACKING_URI`` or ``MLFLOW_EXPERIMENT_NAME`` is set."""

    def __init__(self) -> None:
        self.client: Any = None
        self.run_id, self.logged = "", -1

    def started(self, run: Path, config: dict[str, Any]) -> None:
        self.client = None
        if not any(os.environ.get(name) for name in ENABLED_BY):
            return
        # By default MLflow also reports usage to its developers.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient
        from mlflow.entities import Param

        client, file = MlflowClient(), run / RECORD
        known = found(client, file)
        if known is None:
            known = client.create_run(experiment(client), run_name=run.resolve().name)
            file.write_text(json.dumps({"run_id": known.info.run_id}) + "\n", encoding="utf-8")
        else:
            client.update_run(known.info.run_id, status="RUNNING")
        self.client, self.run_id = client, known.info.run_id
        self.logged = int(known.data.metrics.get("samples", -1))

        before, now = known.data.params, dict(flat(config))
        new = [Param(key, value) for key, value in now.items() if key not in before]
        for start in range(0, len(new), BATCH):
            client.log_batch(self.run_id, params=new[start : start + BATCH])
        for key in before.keys() & now.keys():
            if before[key] != now[key]:  # parameters cannot change; a longer budget becomes a tag
                client.set_tag(self.run_id, key, now[key])

    def tick(self, values: dict[str, Any]) -> None:
        step = int(values["samples"])
        if self.client is None or step <= self.logged:
            return  # trained again after a crash, and in MLflow already
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [
            Metric(name, float(value), now, step)
            for name, value in values.items()
            if isinstance(value, int | float)
        ]
        self.client.log_batch(self.run_id, metrics=metrics)

    def preview(self, file: Path) -> None:
        if self.client is not None:
            self.client.log_artifact(self.run_id, str(file), "previews")

    def warning(self, message: str) -> None:
        if self.client is not None:
            self.client.set_tag(self.run_id, "warning", message[:LONGEST_VALUE])

    def finished(self, status: str) -> None:
        if self.client is not None:
            self.client.set_terminated(self.run_id, STATUS.get(status, "FAILED"))


def found(client: Any, file: Path) -> Any:
    """The MLflow run of a gankit run; None if this store has none."""
    from mlflow.exceptions import MlflowException

    if not file.is_file():
        return None
    try:
        run = client.get_run(json.loads(file.read_text(encoding="utf-8"))["run_id"])
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # it is in another store
            return None
        raise
    return run if run.info.lifecycle_stage == "active" else None


def experiment(client: Any) -> str:
    """The id of the experiment that the user named; created if it does not exist."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "gankit"
    known = client.get_experiment_by_name(name)
    return str(known.experiment_id if known else client.create_experiment(name))


def flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings with dotted names, cut to MLflow's limits."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"[:LONGEST_KEY], str(value)[:LONGEST_VALUE]
