"""Reports and comparisons in a browser: wide and narrow, light and dark, with a keyboard."""

from __future__ import annotations

import pytest
from small_runs import toy_run

from gankit.report.comparison import write_comparison
from gankit.runs.comparison import compare


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The report of a run, and the page that compares it with another."""
    folder = tmp_path_factory.mktemp("pages")
    runs = [toy_run(folder / name) for name in ("one", "two")]
    for run in runs:
        run.evaluate(n=60).report(run.path / "report.html")
    write_comparison(compare([run.path for run in runs]), folder / "compare.html")
    return {"report": runs[0].path / "report.html", "comparison": folder / "compare.html"}


@pytest.mark.parametrize("name", ["report", "comparison"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_in_the_way_of_anybody(pages, opened_page, violations, name, scheme):
    page = opened_page(width=390, height=800, color_scheme=scheme)
    page.goto(pages[name].as_uri())
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_slider_goes_through_the_previews(pages, opened_page):
    page = opened_page()
    page.goto(pages["report"].as_uri())
    assert page.locator(".film img:visible").get_attribute("data-caption") == "96 samples"
    page.focus("#at")
    page.keyboard.press("Home")
    assert page.locator("#seen").inner_text() == "0 samples"
    assert page.locator(".film img:visible").get_attribute("data-caption") == "0 samples"
    page.keyboard.press("ArrowRight")
    assert page.locator("#seen").inner_text() == "32 samples"
