"""A local store, and silence unless it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gankit.plugins import installed
from gankit.testing import check_plugin

pytest.importorskip("mlflow")
PLUGIN = "mlflow"
pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's own


@pytest.fixture(autouse=True)
def nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def test_without_being_asked_nothing_is_written(followed_run) -> None:
    run, _ = followed_run()
    assert not list(run.glob("mlflow*"))


def test_it_keeps_the_contract_of_callbacks(enabled: None) -> None:
    record = installed().record("mlflow")
    assert record is not None
    results = {r.check.name: r.status for r in check_plugin(record, installed())}
    assert results == {"light-hooks": "passed", "callbacks": "passed"}


def test_a_resumed_run_is_one_run(
    followed_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    store = (tmp_path / "store").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "digits")
    first, _ = followed_run(samples=320)
    run, metrics = followed_run(samples=640, out=first)
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("digits")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.run_id == json.loads((run / "mlflow.json").read_text())["run_id"]
    assert found.info.status == "FINISHED"
    assert found.data.params["run.plugin"] == "toy"
    assert found.data.params["train.batch"] == "32"
    history = client.get_metric_history(found.info.run_id, "d_loss")
    assert sorted(m.step for m in history) == [line["samples"] for line in metrics]
    assert client.list_artifacts(found.info.run_id, "previews")
