"""A run in a local store, read back; nothing is written unless it is enabled."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gankit
from gankit.contract import Callback
from gankit.plugins.registry import installed
from gankit.testing import check_plugin

pytest.importorskip("mlflow")
PLUGIN = "mlflow"
SMALL = {"hidden": 8, "count": 400, "train__batch": 32, "train__threads": 1, "log__every": 64}
pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    # MLflow leaves connections to its database to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def not_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture(autouse=True)
def faults_show(enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raises this plugin's exceptions; other plugins are loaded before."""
    installed()
    monkeypatch.setenv("GANKIT_STRICT_PLUGINS", "1")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder for all tests, since MLflow takes seconds to create its database."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def enabled_here(monkeypatch: pytest.MonkeyPatch, place: Path, tmp_path: Path) -> None:
    """The store that MLflow creates in the working folder if only an experiment is named."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", tmp_path.name)


class EndsAtHalfTime(Callback):
    def __init__(self, end: Callable[[], None]) -> None:
        self.end = end

    def tick(self, values: dict[str, Any]) -> None:
        if values["samples"] == 320:
            self.end()


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def power_cut() -> None:
    raise RuntimeError("power cut")


def client() -> Any:
    from mlflow import MlflowClient

    return MlflowClient()


def logged() -> list[Any]:
    """The runs of this test's experiment."""
    experiment = client().get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
    return list(client().search_runs([experiment.experiment_id]))


def test_nothing_is_written_unless_enabled(followed_run, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "mlflow", None)  # it is not even imported
    _, metrics = followed_run()
    assert len(metrics) == 11  # the first is that of a check
    assert not list(tmp_path.rglob("mlflow*"))
    assert not list(tmp_path.rglob("mlruns"))


def test_it_passes_the_checks_of_callbacks() -> None:
    record = installed().record("mlflow")
    assert record is not None
    results = {r.check.name: r.status for r in check_plugin(record, installed())}
    assert results == {"light-hooks": "passed", "callbacks": "passed"}


@pytest.mark.parametrize(
    ("end", "raised", "status"),
    [(ctrl_c, KeyboardInterrupt, "KILLED"), (power_cut, RuntimeError, "FAILED")],
)
def test_a_resumed_run_is_one_run(
    end, raised, status, followed_run, enabled_here: None, tmp_path: Path
) -> None:
    run, callbacks = tmp_path / "run", [EndsAtHalfTime(end)]
    with pytest.raises(raised):
        gankit.fit("toy", out=run, callbacks=callbacks, train__samples=640, **SMALL)
    (first,) = logged()
    assert first.info.status == status

    _, metrics = followed_run(out=run)
    (found,) = logged()
    assert found.info.run_id == json.loads((run / "mlflow.json").read_text())["run_id"]
    assert found.info.run_name == "run"
    assert found.info.status == "FINISHED"
    assert found.data.params["run.plugin"] == "toy"
    assert found.data.params["train.batch"] == "32"
    history = client().get_metric_history(found.info.run_id, "d_loss")
    assert {m.step: m.value for m in history} == {m["samples"]: m["d_loss"] for m in metrics}
    assert len(history) == len(metrics) == 11
    names = {Path(a.path).name for a in client().list_artifacts(found.info.run_id, "previews")}
    assert names == {file.name for file in (run / "previews").glob("0*")}


def test_a_longer_budget_becomes_a_tag(followed_run, enabled_here: None) -> None:
    run, _ = followed_run(samples=320)
    followed_run(samples=640, out=run)
    (found,) = logged()
    assert found.data.params["train.samples"] == "320"
    assert found.data.tags["train.samples"] == "640"


def test_a_run_that_is_not_in_the_store_is_created_again(
    followed_run, enabled_here: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, _ = followed_run(samples=320)
    before = json.loads((run / "mlflow.json").read_text())["run_id"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "another").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    followed_run(samples=640, out=run)
    (found,) = logged()
    assert found.info.run_id == json.loads((run / "mlflow.json").read_text())["run_id"] != before


def test_long_settings_are_cut_and_many_are_sent_in_batches(
    enabled_here: None, tmp_path: Path
) -> None:
    from gankit_mlflow.callback import MLflow

    callback = MLflow()
    many = {f"n{i}": i for i in range(250)}
    callback.started(tmp_path, {"data": {"labels": ["label"] * 1000}, "many": many})
    callback.warning("look out")
    callback.finished("failed")
    (found,) = logged()
    assert len(found.data.params) == 251
    assert len(found.data.params["data.labels"]) == 500
    assert found.data.params["many.n249"] == "249"
    assert found.data.tags["warning"] == "look out"
    assert found.info.status == "FAILED"
