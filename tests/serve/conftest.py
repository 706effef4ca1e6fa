"""Served runs: a conditional one of points."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import gankit

SMALL = {"train__samples": 320, "train__batch": 32, "train__threads": 1, "hidden": 8}


@pytest.fixture(scope="session")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on points of two labels, beside its data."""
    folder = tmp_path_factory.mktemp("served")
    rows = [f"{i % 7 + i / 400},{i % 5 + i / 300},{'ab'[i % 2]}" for i in range(200)]
    (folder / "real.csv").write_text("x,y,label\n" + "\n".join(rows) + "\n")
    given: dict[str, Any] = {"conditional": True, **SMALL}
    return gankit.fit("toy", folder / "real.csv", out=folder / "points", **given).path


@pytest.fixture
def opened() -> Iterator[Callable[..., Any]]:
    """Makes a client of a server with these runs, in this process."""
    from starlette.testclient import TestClient

    from gankit.serve.app import create_app
    from gankit.serve.served import served_runs

    with contextlib.ExitStack() as stack:

        def make(*paths: Path, cache: int = 2**20, html: bool = True, **options: Any) -> TestClient:
            app = create_app(served_runs(paths, "cpu", cache), **options)
            client = TestClient(app, follow_redirects=False)
            if html:
                client.headers["accept"] = "text/html"
            return stack.enter_context(client)

        yield make


@pytest.fixture(scope="session")
def rows_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on rows with a number, a category and a date."""
    folder = tmp_path_factory.mktemp("rows")
    jobs = ["cook", "judge", "pilot"]
    rows = [f"{20 + i % 41},{jobs[i % 3]},2020-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(300)]
    (folder / "people.csv").write_text("age,job,joined\n" + "\n".join(rows) + "\n")
    small = {**SMALL, "hidden": 16}
    return gankit.fit("tabular", folder / "people.csv", out=folder / "rows", **small).path


@pytest.fixture(scope="session")
def keys_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on rows with a key of few values."""
    folder = tmp_path_factory.mktemp("keys")
    rows = [f"K{i:03},{i % 7}" for i in range(60, 160)]
    (folder / "keys.csv").write_text("key,value\n" + "\n".join(rows) + "\n")
    small = {**SMALL, "hidden": 16, "constraints": ("unique: key",), "log__preview_count": 40}
    return gankit.fit("tabular", folder / "keys.csv", out=folder / "keys", **small).path
