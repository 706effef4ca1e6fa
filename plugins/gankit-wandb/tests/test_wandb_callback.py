"""Offline files of a run for W&B, read back; nothing is written unless it is enabled."""

from __future__ import annotations

import contextlib
import json
import signal
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gankit
from gankit.contract import Callback
from gankit.plugins.registry import installed
from gankit.testing import check_plugin

pytest.importorskip("wandb")
PLUGIN = "wandb"
SMALL = {"hidden": 8, "count": 400, "train__batch": 32, "train__threads": 1, "log__every": 64}


@pytest.fixture(autouse=True)
def not_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_PROJECT", "WANDB_MODE", "WANDB_NAME", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def faults_show(enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raises this plugin's exceptions; other plugins are loaded before."""
    installed()
    monkeypatch.setenv("GANKIT_STRICT_PLUGINS", "1")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")


class CtrlCAtHalfTime(Callback):
    def tick(self, values: dict[str, Any]) -> None:
        if values["samples"] == 320:
            signal.raise_signal(signal.SIGINT)


def records(run: Path) -> list[list[Any]]:
    """The records in the ``.wandb`` file of each part of a run, in order of time."""
    return [records_of(file) for file in sorted((run / "wandb").glob("offline-run-*/*.wandb"))]


def records_of(file: Path) -> list[Any]:
    """The records of one file, after W&B's own process has written the last one."""
    from google.protobuf.message import DecodeError
    from wandb.proto.wandb_internal_pb2 import Record

    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.suppress(DecodeError):  # an incomplete record
            found = [Record.FromString(one) for one in payloads(file.read_bytes())]
            if found and found[-1].WhichOneof("record_type") == "exit":
                return found
        time.sleep(0.05)
    raise AssertionError(f"{file} has no end")


def payloads(log: bytes) -> Iterator[bytes]:
    """The payloads of a LevelDB log: blocks of 32 KiB, each chunk with checksum, length, kind."""
    at, payload = 7, b""  # W&B's own header has seven bytes
    while at + 7 <= len(log):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = struct.unpack_from("<HB", log, at + 4)
        payload += log[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # all of it, or its last chunk
            yield payload
            payload = b""


def history(part: list[Any]) -> list[dict[str, Any]]:
    rows = [record.history for record in part if record.WhichOneof("record_type") == "history"]
    return [
        {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in row.item}
        for row in rows
    ]


@pytest.mark.parametrize("mode", [None, "disabled"])
def test_nothing_is_written_unless_enabled(mode, followed_run, monkeypatch) -> None:
    if mode:
        monkeypatch.setenv("WANDB_MODE", mode)
        monkeypatch.setenv("WANDB_PROJECT", "digits")
    monkeypatch.setitem(sys.modules, "wandb", None)  # it is not even imported
    run, metrics = followed_run()
    assert len(metrics) == 11  # the first is that of a check
    assert not list(run.glob("wandb*"))


def test_it_passes_the_checks_of_callbacks() -> None:
    record = installed().record("wandb")
    assert record is not None
    results = {r.check.name: r.status for r in check_plugin(record, installed())}
    assert results == {"light-hooks": "passed", "callbacks": "passed"}


def test_a_resumed_run_is_one_run(followed_run, offline: None, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        gankit.fit("toy", out=run, callbacks=[CtrlCAtHalfTime()], train__samples=640, **SMALL)
    time.sleep(1)  # W&B names the parts of a run by the second
    _, metrics = followed_run(out=run)

    parts = records(run)
    known = json.loads((run / "wandb.json").read_text())["id"]
    about = [next(r.run for r in part if r.WhichOneof("record_type") == "run") for part in parts]
    assert [(one.run_id, one.project, one.display_name) for one in about] == [
        (known, "gankit", "run")
    ] * 2
    settings = {item.key: json.loads(item.value_json) for item in about[0].config.update}
    assert settings["run"]["plugin"] == "toy"
    assert settings["train"]["batch"] == 32
    codes = [r.exit.exit_code for p in parts for r in p if r.WhichOneof("record_type") == "exit"]
    assert codes == [255, 0]

    rows = [row for part in parts for row in history(part) if "d_loss" in row]
    assert [row["_step"] for row in rows] == [line["samples"] for line in metrics]
    assert [row["d_loss"] for row in rows] == [line["d_loss"] for line in metrics]
    assert {row["guard"] for row in rows} <= {"healthy", "converged"}
    shown = [row["_step"] for part in parts for row in history(part) if "preview.path" in row]
    files = sorted((run / "previews").glob("0*.png"))
    assert shown == [int(file.stem) for file in files]
    kept = {file.read_bytes() for file in (run / "wandb").rglob("media/images/*.png")}
    assert kept == {file.read_bytes() for file in files}  # including their metadata


def test_the_callers_own_run_continues(followed_run, offline: None, tmp_path: Path) -> None:
    import wandb

    own = wandb.init(project="mine", dir=str(tmp_path))
    followed_run()
    assert wandb.run is own
    own.log({"still": 1})
    own.finish()


def test_known_steps_are_not_sent_again() -> None:
    from gankit_wandb.callback import WeightsAndBiases

    class Resumed:
        step = 321  # W&B has seen 320

        def __init__(self) -> None:
            self.steps: list[int] = []

        def log(self, values: dict[str, Any], step: int) -> None:
            self.steps.append(step)

    callback = WeightsAndBiases()
    callback.run = Resumed()
    callback.first = callback.run.step
    for samples in (256, 320, 384):
        callback.tick({"samples": samples})
    assert callback.run.steps == [384]


@pytest.mark.parametrize(("status", "code"), [("done", 0), ("interrupted", 255), ("failed", 1)])
def test_the_status_is_the_exit_code(status, code, offline: None, tmp_path: Path) -> None:
    from gankit_wandb.callback import WeightsAndBiases

    callback = WeightsAndBiases()
    callback.started(tmp_path, {})
    callback.warning("look out")
    (tmp_path / "a.svg").write_text("<svg/>")
    callback.preview(tmp_path / "a.svg")
    callback.finished(status)
    (part,) = records(tmp_path)
    assert [r.exit.exit_code for r in part if r.WhichOneof("record_type") == "exit"] == [code]
    assert not history(part)
    summary = {
        item.key or ".".join(item.nested_key): json.loads(item.value_json)
        for record in part
        if record.WhichOneof("record_type") == "summary"
        for item in record.summary.update
    }
    assert summary["status"] == status
    assert summary["warning"] == "look out"
