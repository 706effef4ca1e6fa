"""The gallery in a browser: by keyboard, on a phone, for a screen reader, without JavaScript."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import gankit

SMALL = {"train__samples": 320, "train__batch": 32, "train__threads": 1}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Of a server of two runs: points of two labels, and rows."""
    from gankit.serve.server import prepare

    folder = tmp_path_factory.mktemp("browsed")
    points = [f"{i % 7 + i / 400},{i % 5 + i / 300},{'ab'[i % 2]}" for i in range(200)]
    rows = [f"{20 + i % 41},{['cook', 'judge'][i % 2]}" for i in range(200)]
    (folder / "points.csv").write_text("x,y,label\n" + "\n".join(points) + "\n")
    (folder / "rows.csv").write_text("age,job\n" + "\n".join(rows) + "\n")
    own = {"toy": {"hidden": 8, "conditional": True}, "tabular": {"hidden": 16}}
    data = {"toy": folder / "points.csv", "tabular": folder / "rows.csv"}
    runs = [
        gankit.fit(plugin, data[plugin], out=folder / plugin, **SMALL, **own[plugin]).path
        for plugin in own
    ]
    server = prepare(runs, port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.address.rstrip("/")
    server.stop()
    thread.join()


PAGES = [
    "/",
    "/run/toy?seed=1&n=4",
    "/run/toy?between=1:5",
    "/run/toy?seed=1&n=1",
    "/run/toy?where.label=z",
    "/run/toy/single?seed=1",
    "/run/tabular?seed=1&n=4",
    "/compare?seed=1&n=2",
    "/nowhere",
]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("place", PAGES)
def test_accessible_and_as_wide_as_the_window(address, chromium, violations, place, scheme, width):
    size = {"width": width, "height": 800}
    context = chromium.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(address + place)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def focused(page):
    return page.evaluate(
        "(({ tagName, name, textContent, href }) =>"
        " [tagName, name || '', textContent.trim().slice(0, 20), href || ''])"
        "(document.activeElement)"
    )


def test_by_keyboard_alone(address, opened_page):
    """From the top of the page to a condition, to new samples of it, to a permalink."""
    page = opened_page()
    page.goto(f"{address}/run/toy?n=3")
    page.keyboard.press("Tab")
    assert focused(page)[2] == "Skip to the samples"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    visited = []
    for _ in range(30):
        page.keyboard.press("Tab")
        visited.append(focused(page))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", visited[-1]
        if visited[-1][1] == "where.label":
            break
    assert visited[-1][1] == "where.label"
    page.keyboard.type("b")
    for _ in range(8):
        if focused(page)[2] == "New samples":
            break
        page.keyboard.press("Tab")
    assert focused(page)[2] == "New samples"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "where.label=b" in page.url
    assert "seed" not in page.url.partition("?")[2]
    assert page.locator("figcaption .about").first.inner_text() == "for label b"
    link = page.get_by_role("link", name="Link to these")
    link.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    first = page.locator(".grid img").evaluate_all("all => all.map(one => one.src)")
    page.reload()
    assert first == page.locator(".grid img").evaluate_all("all => all.map(one => one.src)")


def test_the_slider_walks_between_two_seeds(address, opened_page):
    page = opened_page()
    page.goto(f"{address}/run/toy?between=1:5&n=5")
    slider, picture = page.locator("#walk"), page.locator(".walk img")
    steps = page.locator(".grid img").evaluate_all("all => all.map(one => one.src)")
    assert picture.evaluate("one => one.src") == steps[0]
    slider.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert picture.evaluate("one => one.src") == steps[2]
    assert slider.get_attribute("aria-valuetext") == "step 3 of 5"
    page.keyboard.press("End")
    assert picture.evaluate("one => one.src") == steps[4]


def test_fresh_samples_at_every_reload(address, opened_page):
    page = opened_page(width=390, height=800)
    seen = []
    for _ in range(2):
        page.goto(f"{address}/run/toy/single")
        image = page.locator("img")
        assert image.evaluate("one => one.complete && one.naturalWidth > 0")
        seen.append(image.get_attribute("src"))
    assert seen[0] != seen[1]


def test_without_scripts(address, opened_page):
    page = opened_page(java_script_enabled=False)
    page.goto(f"{address}/run/toy?n=2")
    page.get_by_label("label").select_option("b")
    page.get_by_role("button", name="New samples").click()
    assert "where.label=b" in page.url
    assert page.locator(".grid img").count() == 2
    assert page.locator("select").input_value() == "b"


def test_a_download_is_saved(address, opened_page, tmp_path: Path):
    page = opened_page()
    page.goto(f"{address}/run/tabular?seed=4&n=3")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    assert started.value.suggested_filename == "tabular-4.zip"


def test_nothing_is_loaded_from_elsewhere(address, opened_page):
    page, asked = opened_page(), []
    page.on("request", lambda request: asked.append(request.url))
    for place in PAGES[:4]:
        page.goto(address + place, wait_until="networkidle")
    assert asked
    assert all(url.startswith(address) for url in asked)
