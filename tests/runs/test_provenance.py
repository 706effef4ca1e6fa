from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from gankit.contract import Sample
from gankit.errors import GankitError, PluginError
from gankit.plugins.registry import Plugins
from gankit.runs.provenance import write_generated

SAMPLES = [Sample((1.5, 0), 7, {}), Sample((2.5, 1), 8, {})]


def write(vectors, target, samples=SAMPLES, plugins=None, **given):
    given = {"format": "folder", "run": "r", "record": {"seeds": [7, 8]}} | given
    return write_generated(
        vectors.modality, iter(samples), target, plugins=plugins or Plugins([]), **given
    )


def test_folder_says_what_it_is(vectors, tmp_path):
    write(vectors, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert record["generated"] is True
    assert record["digital_source_type"].endswith("trainedAlgorithmicMedia")
    assert record["count"] == 2
    assert record["seeds"] == [7, 8]
    content = (tmp_path / "out" / "numbers.jsonl").read_bytes()
    assert record["files"] == {"numbers.jsonl": hashlib.sha256(content).hexdigest()}


def test_what_a_plugin_counts_is_kept(vectors, tmp_path, monkeypatch):
    assert "counted" not in write(vectors, tmp_path / "none")
    monkeypatch.setattr(vectors.modality, "write", lambda *_: {"seen": np.int64(2)})
    assert write(vectors, tmp_path / "some")["counted"] == {"seen": 2}
    monkeypatch.setattr(vectors.modality, "write", lambda *_: "a path")  # no counts
    assert "counted" not in write(vectors, tmp_path / "other")
    for odd in ("many", 0.5):
        monkeypatch.setattr(vectors.modality, "write", lambda *_, odd=odd: {"seen": odd})
        with pytest.raises(PluginError, match="write counted .* no whole numbers"):
            write(vectors, tmp_path / "odd")
        assert not (tmp_path / "odd").exists()


def test_nothing_is_overwritten_unasked(vectors, tmp_path):
    write(vectors, tmp_path / "out")
    with pytest.raises(GankitError, match="exists already"):
        write(vectors, tmp_path / "out")
    write(vectors, tmp_path / "out", SAMPLES[:1], overwrite=True)
    assert json.loads((tmp_path / "out" / "provenance.json").read_text())["count"] == 1


def test_failure_leaves_nothing_behind(vectors, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vectors.modality, "write", full)
    with pytest.raises(GankitError, match="No space left"):
        write(vectors, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_unknown_format(vectors, tmp_path):
    with pytest.raises(GankitError, match="cannot write format 'jpeg'. Known: folder"):
        write(vectors, tmp_path / "out", format="jpeg")


def test_outputs_pass_through_the_hook(vectors, tmp_path):
    """Where signing will happen: before the hashes are taken and the folder appears."""
    from gankit.contract import hookimpl

    class Notice:
        @hookimpl
        def gankit_outputs(self, folder, record):
            (folder / "NOTICE").write_text(record["software"])

    plugins = Plugins([])
    plugins.manager.register(Notice())
    record = write(vectors, tmp_path / "out", plugins=plugins)
    assert "NOTICE" in record["files"]
