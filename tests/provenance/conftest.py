"""Tests of signatures have a key of their own, in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from gankit.provenance import keys


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with a key."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANKIT_HOME", str(folder))
        assert keys.make_own()
    return folder


@pytest.fixture
def signing(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Signing is on, with that key."""
    monkeypatch.setenv("GANKIT_HOME", str(home))
    monkeypatch.setenv("GANKIT_SIGN", "on")
    return home
