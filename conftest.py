"""What all tests share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch
from preforked import Preforked
from vectors import MLP, VectorModality

from gankit.contract import Networks, PluginInfo
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import installed

torch.set_num_threads(1)
# A first example may import half a library, and a machine may be busy.
hypothesis.settings.register_profile("gankit", deadline=None)
hypothesis.settings.load_profile("gankit")
# A shell that starts the tests in the background has them ignore Ctrl-C, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.environ["GANKIT_SIGN"] = "off"  # signatures differ each time; tests of them switch them on
os.environ["GANKIT_PLUGINS"] = ""  # only bundled plugins; a test may name more


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


@pytest.fixture(scope="session")
def preforked() -> Iterator[Preforked]:
    """Runs commands in forks of one process that has imported everything."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork, which this system lacks")
    process = Preforked()
    yield process
    process.close()


@pytest.fixture(scope="session")
def gankit_(preforked: Preforked) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in such a fork, and checks its exit code."""

    def run(
        *words: object, cwd: Path | None = None, code: int = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = preforked(["gankit", *map(str, words)], cwd or Path.cwd(), **environment)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def gankit_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in this process, without three seconds of start-up."""
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
    """The folder of real data sets next to the checkout; skips where it is absent."""
    folder = Path(__file__).resolve().parents[1] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real data sets in ../shared/data")
    return folder


@pytest.fixture
def enabled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Enables the plugin that a test module names in ``PLUGIN``."""
    monkeypatch.setenv("GANKIT_PLUGINS", request.module.PLUGIN)
    installed.cache_clear()
    yield
    installed.cache_clear()


@pytest.fixture
def followed_run(tmp_path: Path, enabled: None) -> Callable[..., Any]:
    """Trains the toy for a moment, as the enabled plugin follows it: the run and its metrics."""

    def train(samples: int = 640, out: Path | None = None) -> tuple[Path, list[dict[str, Any]]]:
        import gankit

        run = gankit.fit(
            "toy",
            out=out or tmp_path / "run",
            hidden=8,
            count=400,
            train__samples=samples,
            train__batch=32,
            train__threads=1,
            log__every=64,
        )
        return run.path, run.metrics()

    return train
