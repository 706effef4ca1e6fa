"""What all tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from vectors import MLP, VectorModality

from gankit.contract import Networks, PluginInfo
from gankit.plugins import LoadedModality

torch.set_num_threads(1)


@pytest.fixture
def vectors() -> LoadedModality:
    return LoadedModality(
        PluginInfo("vectors", "numbers", "tests:none"), VectorModality(), "gankit", "0"
    )


@pytest.fixture
def make_networks() -> Callable[..., Networks]:
    def make(batch_norm: bool = False) -> Networks:
        return Networks(MLP(4, 2, batch_norm), MLP(2, 1), latent_dim=4)

    return make


@pytest.fixture
def gankit(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line as a real process in an empty folder."""

    def run(
        *words: object, cwd: Path = tmp_path, timeout: float = 300, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gankit", *map(str, words)],
            cwd=cwd,
            text=True,
            capture_output=True,
            timeout=timeout,
            env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **environment},
        )

    return run


@pytest.fixture
def gankit_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in this process: the same door, without three seconds of start-up."""
    from gankit.cli import main

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["gankit", *map(str, words)])
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        assert isinstance(code, int)
        return subprocess.CompletedProcess(list(words), code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets that lies beside a checkout here; skips where it is absent."""
    folder = Path(__file__).resolve().parents[1] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real data sets in ../shared/data")
    return folder
