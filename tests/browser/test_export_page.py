"""The example page draws what torch computes."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gankit

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "examples" / "browser"
ORT = HERE / "node_modules" / "onnxruntime-web" / "dist"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, gankit.Run]]:
    """The page's address, and the run whose generator is next to it."""
    pytest.importorskip("onnxruntime")
    if not ORT.is_dir():
        pytest.skip("needs onnxruntime-web: make .venv/.browser")
    small = {"samples": 8, "train__batch": 8, "train__threads": 1, "width": (16,), "blocks": 1}
    run = gankit.fit("image", out=tmp_path / "run", architecture="compact", **small)
    place = tmp_path / "page"
    shutil.copytree(PAGE, place)
    (place / "ort").symlink_to(ORT)
    run.export(place / "model.onnx")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=place))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html", run
    server.shutdown()
    server.server_close()


def test_the_picture_is_that_of_torch(
    served: tuple[str, gankit.Run],
    opened_page: Callable[..., Any],
    violations: Callable[[Any], list[str]],
    tmp_path: Path,
) -> None:
    address, run = served
    page = opened_page(500, 700)
    page.goto(address)
    page.get_by_text("Seed 7: generated").wait_for()
    page.get_by_label("label").select_option("3")
    page.get_by_role("spinbutton").fill("12345678901234")
    page.get_by_role("button").click()
    page.get_by_text("Seed 12345678901234: generated").wait_for()
    drawn = page.evaluate(
        """() => { const c = document.querySelector("canvas");
        return [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data]; }"""
    )
    found = np.array(drawn).reshape(28, 28, 4)[:, :, 0]
    (item,) = run.sample(1, seed=12345678901234, where={"label": "3"})
    difference = np.abs(found - item.pixels[:, :, 0].astype(int))
    print("largest difference", difference.max(), "values that differ", (difference > 0).sum())
    assert difference.max() <= 1
    page.screenshot(path=tmp_path / "page.png")
    assert violations(page) == []
