"""Previews and films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from gankit_toy.modality import ToyModality, ToySettings
from gankit_toy.pictures import SIDE
from gankit_toy.points import Point, draw


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        assert picture.size == (SIDE, SIDE)
        return np.asarray(picture.convert("RGB")).astype(int)


def test_a_preview_has_fixed_axes_and_marks_the_modes(tmp_path: Path) -> None:
    modality = ToyModality()
    modality.fit_codec(draw("grid25", 500, 0.05), ToySettings(), lambda what, done, total: None)
    middle = modality.preview([Point(0.0, 0.0)], tmp_path / "0001.5")
    corner = modality.preview([Point(4.0, 4.0), Point(900.0, 0.0)], tmp_path / "0002")
    assert middle.name == "0001.5.png"
    dark_in_middle, dark_in_corner = (
        np.argwhere(pixels(file).sum(2) < 450).mean(0) for file in (middle, corner)
    )
    assert np.abs(dark_in_middle - SIDE / 2).max() < 3
    row, column = dark_in_corner
    assert row < SIDE / 4  # y points upwards
    assert column > 3 * SIDE / 4
    faint = np.argwhere((pixels(middle).sum(2) > 500) & (pixels(middle).sum(2) < 700))
    assert len({tuple(place // 48) for place in faint}) >= 24


def test_a_preview_needs_no_codec(tmp_path: Path) -> None:
    file = ToyModality().preview(draw("spiral", 50, 0.05), tmp_path / "real")
    assert pixels(file).min() < 200


def test_a_film_has_every_preview(tmp_path: Path) -> None:
    modality = ToyModality()
    previews = [modality.preview(draw("ring8", n, 0.2), tmp_path / str(n)) for n in (10, 50, 99)]
    film = modality.animate(previews, tmp_path / "training")
    assert film == tmp_path / "training.gif"
    with Image.open(film) as frames:
        assert (getattr(frames, "n_frames", 1), frames.size) == (3, (SIDE, SIDE))
    assert modality.animate([], tmp_path / "none") is None
