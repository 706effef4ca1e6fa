"""Publishing a model on a hub that stands in for Hugging Face's."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from hub import standing_in
from small_runs import toy_run

import gankit.workflows.hub
from gankit.errors import GankitError
from gankit.runs.directory import Run
from gankit.workflows.hub import publish

pytest.importorskip("huggingface_hub", reason="needs huggingface_hub")
# Of huggingface_hub's own call of its HTTP client.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(toy_run(tmp_path_factory.mktemp("hub") / "run").path)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The stand-in, which the client takes for the hub."""
    from huggingface_hub import HfApi

    with standing_in() as found:
        api = HfApi(endpoint=found.address, token="secret")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(gankit.workflows.hub, "_api", lambda: api)
        yield found


def test_the_model_is_uploaded_with_its_card_and_nothing_else(run, hub):
    said = []
    address = publish(run, "me/points", announce=lambda upload: said.extend(upload.lines()))
    assert address == f"{hub.address}/me/points/commit/1"
    assert hub.private == {"me/points": True}
    files = hub.repositories["me/points"]
    assert files.keys() == {
        *("README.md", "model.json", "generator.safetensors", "codec.safetensors")
    }
    for name, content in files.items():
        assert content == (run.model_folder / name).read_bytes()
    assert "me/points (new repositories are private)" in said[0]
    assert said[1].startswith("4 files, 0.0 MB: README.md, model.json")
    publish(run, "me/points")  # again: an update


def test_a_public_repository_is_requested(run, hub):
    publish(run, "me/shown", public=True)
    assert hub.private == {"me/shown": False}


def test_what_the_hub_refuses(run, hub):
    hub.repositories["me/other"] = {"weights.bin": b""}
    with pytest.raises(GankitError, match="me/other exists and holds no gankit model, but weights"):
        publish(run, "me/other")
    hub.tokens = {"another"}
    with pytest.raises(GankitError, match=r"refused \(403\): this token may only read"):
        publish(run, "me/new")
    assert "me/new" not in hub.repositories
    with pytest.raises(GankitError, match="--hub digits: not a repository"):
        publish(run, "digits")


def test_nothing_is_sent_before_it_is_announced(run, hub):
    def stop(upload):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(run, "me/points", announce=stop)
    assert hub.requests == []


def test_a_hub_that_cannot_be_reached_and_no_token(run, tmp_path, monkeypatch):
    """As a user types it."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    words = [sys.executable, "-m", "gankit", "export", str(run.path), "--hub", "me/points"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no token of the Hugging Face hub")
    monkeypatch.setenv("HF_TOKEN", "secret")
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines[0].startswith("uploading to http://127.0.0.1:9/me/points")
    assert lines[-1].startswith("error: http://127.0.0.1:9 cannot be reached: ")
    assert len(lines) == 3


def test_links_are_not_uploaded(run, hub, tmp_path):
    shutil.copytree(run.model_folder, tmp_path / "model")
    (tmp_path / "model" / "ratio.safetensors").symlink_to("/etc/hostname")
    with pytest.raises(GankitError, match=r"ratio.safetensors is a link"):
        publish(Run(tmp_path / "model"), "me/points")
    assert not hub.repositories
