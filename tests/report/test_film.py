"""The previews of a run as a film."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

import gankit
from gankit.errors import GankitError
from gankit.kit.pictures import MOST_FRAMES
from gankit.report.film import training_film
from gankit.runs.directory import Run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with four previews."""
    folder = tmp_path_factory.mktemp("film") / "run"
    small = {"train.batch": 16, "train.threads": 1, "hidden": 8, "count": 100, "log.verdict": 0}
    settings = {**small, "log.preview": 16, "log.preview_count": 20}
    gankit.fit("toy/ring8", out=folder, samples=48, settings=settings)
    return folder


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("ending", [".gif", ".webp", ".apng"])
def test_each_preview_is_a_frame_and_says_how_far_it_is(run, tmp_path, ending):
    target = tmp_path / f"film{ending}"
    assert training_film(Run(run), target) == 4
    with Image.open(target) as film, Image.open(max((run / "previews").glob("*0*.png"))) as last:
        assert film.n_frames == 4
        assert (film.width, film.height - last.height) == (last.width, 22)
        bars = []
        for i in range(4):
            film.seek(i)
            bars.append(film.convert("L").crop((0, last.height, film.width, film.height)))
        assert len({bar.tobytes() for bar in bars}) == 4
    assert b"DigitalSourceType" in target.read_bytes() or ending == ".webp"
    assert b"rained" in target.read_bytes()


def test_many_previews_are_spread_evenly(run, tmp_path):
    previews = run / "previews"
    for i in range(100):
        shutil.copy(previews / f"{48:012d}.png", previews / f"{1000 + i:012d}.png")
    assert training_film(Run(run), tmp_path / "film.gif") == MOST_FRAMES


def test_nothing_is_overwritten(run, tmp_path):
    target = tmp_path / "film.gif"
    target.write_bytes(b"mine")
    with pytest.raises(GankitError, match="exists already"):
        training_film(Run(run), target)
    assert target.read_bytes() == b"mine"
    assert training_film(Run(run), target, overwrite=True) == 4


def test_a_film_needs_pictures(run, tmp_path):
    film, previews = tmp_path / "film.gif", run / "previews"
    for name, said in {"film.avi": "is no film", "no/film.gif": "there is no folder"}.items():
        with pytest.raises(GankitError, match=said):
            training_film(Run(run), tmp_path / name)
    with pytest.raises(GankitError, match="is a model without its run"):
        training_film(Run(run / "model"), film)
    damaged = previews / f"{32:012d}.png"
    damaged.write_bytes(b"no picture")
    with pytest.raises(GankitError, match=r"000032\.png cannot be read"):
        training_film(Run(run), film)
    for file in sorted(previews.glob("0*"))[1:]:
        file.unlink()
    with pytest.raises(GankitError, match=r"has 1 preview, a film needs two.*Train it longer"):
        training_film(Run(run), film)
    (previews / f"{0:012d}.png").rename(previews / f"{0:012d}.svg")
    with pytest.raises(GankitError, match="are no pictures that a film can show, but SVG files"):
        training_film(Run(run), film)
    shutil.rmtree(previews)
    with pytest.raises(GankitError, match="has 0 previews"):
        training_film(Run(run), film)
    assert not film.exists()
