"""A headless Chromium, and what its tests look at."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser; skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the group browser")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages in a window of its own; their errors fail the test."""
    contexts, said = [], []

    def make(width: int = 1280, height: int = 900, **options: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not said, said


@pytest.fixture(scope="session")
def violations() -> Callable[[Any], list[str]]:
    """What axe-core finds wrong with a page; skips where npm has not installed it."""
    if not AXE.is_file():
        pytest.skip("needs axe-core: make .venv/.browser")
    script = AXE.read_text()

    def check(page: Any) -> list[str]:
        page.evaluate(script)
        found = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
        assert len(found["passes"]) > 5
        return [f"{v['id']}: {v['nodes'][0]['target']}" for v in found["violations"]]

    return check
