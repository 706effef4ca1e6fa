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
