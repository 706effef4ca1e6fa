"""What surrounds the training loop: the disk, callbacks, and the run's status."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from gankit import config as configuration
from gankit.contract import Callback
from gankit.errors import GankitError
from gankit.workflows.train import train

WORDS = ["train.batch=16", "train.threads=1", "train.samples=160", "log.preview_count=4"]


def run(vectors, folder, *words, callbacks=()):
    config = configuration.resolve(
        vectors.info, vectors.modality.Settings, overrides=[*WORDS, *words]
    )
    return train(vectors, config, folder, device="cpu", callbacks=callbacks)


def status(folder):
    return json.loads((folder / "provenance.json").read_text())["status"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("what", ["previews", "metrics.jsonl", "log.txt", "checkpoints"])
def test_a_full_disk_is_one_line_whatever_is_written(vectors, tmp_path, monkeypatch, code, what):
    opened, opened_by_system = Path.open, os.open

    def refuse(path):
        if what in path.parts and (tmp_path / "run" / "model").exists():
            raise OSError(code, "No space left on device", str(path))

    def refusing(self, mode="r", *given, **named):
        if set(mode) & set("wa"):
            refuse(self)
        return opened(self, mode, *given, **named)

    def refusing_by_system(path, flags, *given, **named):
        if flags & os.O_APPEND:
            refuse(Path(path))
        return opened_by_system(path, flags, *given, **named)

    if what == "checkpoints":
        monkeypatch.setattr(
            "gankit.engine.checkpoint.save_file",
            lambda tensors, file: refusing(file, "w") if "160" in str(file) else file.touch(),
        )
    monkeypatch.setattr(Path, "open", refusing)
    monkeypatch.setattr(os, "open", refusing_by_system)
    with pytest.raises(GankitError) as error:
        run(vectors, tmp_path / "run")
    assert error.value.message.startswith("cannot write ")
    assert what in error.value.message
    assert "free some space and run the same command again" in error.value.hint
    monkeypatch.undo()
    # The log has its first line after the training, and the status is written before it.
    assert status(tmp_path / "run") == ("done" if what == "log.txt" else "failed")


def test_a_film_that_cannot_be_written_is_a_warning(vectors, tmp_path, monkeypatch):

    def full(previews, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr("gankit.runs.recorder.film", full)
    assert run(vectors, tmp_path / "run") == "done"
    assert "no film of the previews: No space left" in (tmp_path / "run" / "log.txt").read_text()
    assert status(tmp_path / "run") == "done"


def test_other_errors_keep_their_traceback(vectors, tmp_path, monkeypatch):
    def gone(items, codec, real=()):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "a.png")

    monkeypatch.setattr(vectors.modality, "preview", gone)
    with pytest.raises(FileNotFoundError):
        run(vectors, tmp_path / "run")
    assert status(tmp_path / "run") == "failed"


def test_callbacks_follow_the_run(vectors, tmp_path):
    class Following(Callback):
        def __init__(self):
            self.seen = []

        def started(self, run, config):
            self.seen.append(("started", run.name, config["train"]["samples"]))

        def tick(self, values):
            self.seen.append(("tick", values["samples"]))

        def preview(self, file):
            self.seen.append(("preview", file.name))

        def finished(self, status):
            self.seen.append(("finished", status))

    following = Following()
    run(vectors, tmp_path / "run", "log.every=80", "log.preview=80", callbacks=[following])
    assert following.seen == [
        ("started", "run", 160),
        ("preview", "000000000000.json"),
        ("tick", 16),  # the guard's first check
        ("tick", 80),
        ("preview", "000000000080.json"),
        ("tick", 160),
        ("preview", "000000000160.json"),
        ("finished", "done"),
    ]
    assert status(tmp_path / "run") == "done"
