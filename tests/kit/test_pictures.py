"""Pictures, pages and films carry the mark that they are synthetic."""

from __future__ import annotations

import io
import sys
from xml.etree import ElementTree

import PIL.Image
import pytest

from gankit.kit.pictures import (
    LAST_FRAME_MS,
    MADE_BY,
    MOST_FRAMES,
    data_uri,
    film,
    page,
    png,
    svg,
    synthetic,
)


def grey(level, side=8):
    return PIL.Image.new("L", (side, side), level)


def test_a_png_carries_its_metadata():
    with PIL.Image.open(io.BytesIO(png(grey(7), synthetic("a:type"), xmp="<x/>"))) as image:
        assert image.getpixel((0, 0)) == 7
        assert image.text["Source"] == MADE_BY
        assert image.text["DigitalSourceType"] == "a:type"
        assert image.text["XML:com.adobe.xmp"] == "<x/>"


def test_a_png_of_a_real_item_carries_none():
    with PIL.Image.open(io.BytesIO(png(grey(7)))) as image:
        assert not image.text


def test_an_svg_carries_its_metadata():
    document = svg("<svg xmlns='http://www.w3.org/2000/svg' width='9'><g/></svg>", {"A": "<&"})
    (element, _) = ElementTree.fromstring(document)
    assert element.tag.endswith("metadata")
    assert element.text == "A: <&"


def test_a_page_loads_nothing_from_a_network():
    text = page("a < b", "<p>x</p>", synthetic(), style="p{}", script="let a=1;")
    assert "<title>a &lt; b</title>" in text
    assert f'<meta name="source" content="{MADE_BY}">' in text
    assert "default-src 'none'" in text
    assert data_uri("image/png", b"\0\1") == "data:image/png;base64,AAE="


def previews(folder, count):
    files = [folder / f"{i:03d}.png" for i in range(count)]
    for i, file in enumerate(files):
        grey(i).save(file)
    return files


def test_a_film_has_every_preview_and_rests_on_the_last(tmp_path):
    target = tmp_path / "film.gif"
    assert film(previews(tmp_path, 5), target) == target
    with PIL.Image.open(target) as moving:
        assert moving.n_frames == 5
        assert MADE_BY in moving.info["comment"].decode()
        assert moving.info["loop"] == 0
        moving.seek(4)
        assert moving.info["duration"] == LAST_FRAME_MS


@pytest.mark.parametrize("count", [MOST_FRAMES, MOST_FRAMES + 1, 130])
def test_a_long_film_leaves_previews_out_evenly(tmp_path, count):
    film(previews(tmp_path, count), tmp_path / "film.gif")
    with PIL.Image.open(tmp_path / "film.gif") as moving:
        assert moving.n_frames == MOST_FRAMES
        moving.seek(moving.n_frames - 1)
        assert abs(moving.convert("L").getpixel((0, 0)) - (count - 1)) <= 2


def test_previews_of_another_size_are_brought_to_the_last_ones(tmp_path):
    files = previews(tmp_path, 2)
    grey(9, side=16).save(files[1])
    film(files, tmp_path / "film.gif")
    with PIL.Image.open(tmp_path / "film.gif") as moving:
        assert moving.size == (16, 16)


def test_a_film_needs_two_pictures(tmp_path):
    files = previews(tmp_path, 1)
    (tmp_path / "page.html").touch()
    several = [*files, tmp_path / "page.html", tmp_path / "gone.png"]
    assert film(several, tmp_path / "film.gif") is None
    assert not (tmp_path / "film.gif").exists()


def test_without_pillow_there_is_no_film(tmp_path, monkeypatch):
    files = previews(tmp_path, 3)
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert film(files, tmp_path / "film.gif") is None
