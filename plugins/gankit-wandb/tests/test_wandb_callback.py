"""Offline, and silent unless it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gankit.plugins import installed
from gankit.testing import check_plugin

pytest.importorskip("wandb")
PLUGIN = "wandb"
pytestmark = pytest.mark.filterwarnings("ignore")  # of W&B's own


@pytest.fixture(autouse=True)
def nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_PROJECT", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)


def test_without_being_asked_nothing_is_written(followed_run) -> None:
    run, _ = followed_run()
    assert not list(run.glob("wandb*"))


def test_it_keeps_the_contract_of_callbacks(enabled: None) -> None:
    record = installed().record("wandb")
    assert record is not None
    results = {r.check.name: r.status for r in check_plugin(record, installed())}
    assert results == {"light-hooks": "passed", "callbacks": "passed"}


def test_a_resumed_run_is_one_run(followed_run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    first, _ = followed_run(samples=320)
    run, _ = followed_run(samples=640, out=first)
    known = json.loads((run / "wandb.json").read_text())["id"]
    parts = list((run / "wandb").glob("offline-run-*"))
    assert parts
    assert all(part.name.endswith(known) for part in parts)
    logs = [file for part in parts for file in part.glob("*.wandb")]
    content = b"".join(file.read_bytes() for file in logs)
    for expected in (b"d_loss", b"samples_per_second", b"toy"):
        assert expected in content
    assert list((run / "wandb").rglob("media/images/*.png"))


def test_the_id_is_drawn_once(tmp_path: Path) -> None:
    from gankit_wandb.callback import stable_id

    assert stable_id(tmp_path) == stable_id(tmp_path)
