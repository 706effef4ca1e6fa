"""What surrounds the training loop: the disk, callbacks, and the run's status."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from gankit import config as configuration
from gankit.contract import Callback
from gankit.errors import GankitError
from gankit.kit.pictures import film
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
    opened = Path.open

    def refusing(self, mode="r", *given, **named):
        if what in self.parts and set(mode) & set("wa") and (tmp_path / "run" / "model").exists():
            raise OSError(code, "No space left on device", str(self))
        return opened(self, mode, *given, **named)

    if what == "checkpoints":
        monkeypatch.setattr(
            "gankit.engine.checkpoint.save_file",
            lambda tensors, file: refusing(file, "w") if "160" in str(file) else file.touch(),
        )
    monkeypatch.setattr(Path, "open", refusing)
    with pytest.raises(GankitError) as error:
        run(vectors, tmp_path / "run")
    assert error.value.message.startswith("cannot write ")
    assert what in error.value.message
    assert "free some space and run the same command again" in error.value.hint
    monkeypatch.undo()
    # The log has its first line after the training, and the status is written before it.
    assert status(tmp_path / "run") == ("done" if what == "log.txt" else "failed")


def test_a_full_disk_when_all_is_done(vectors, tmp_path, monkeypatch):
    """As the film is written, which is the last thing."""

    def full(previews, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr("gankit.runs.recorder.film", full)
    with pytest.raises(GankitError, match="cannot write .*progress.gif: No space left"):
        run(vectors, tmp_path / "run")
    monkeypatch.setattr("gankit.runs.recorder.film", film)
    assert run(vectors, tmp_path / "run") == "done"


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
        ("tick", 80),
        ("preview", "000000000080.json"),
        ("tick", 160),
        ("preview", "000000000160.json"),
        ("finished", "done"),
    ]
    assert status(tmp_path / "run") == "done"
