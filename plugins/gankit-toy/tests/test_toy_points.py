"""Reading, drawing and writing points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gankit.config import validate
from gankit.contract import Dataset, Provenance, Sample, quiet
from gankit.errors import GankitError
from gankit_toy.codec import PointCodec
from gankit_toy.modality import ToyModality, ToySettings
from gankit_toy.points import Point, Shape, centres, coordinates, draw, modes

PROVENANCE = Provenance("gankit 0", "run-1", "2026-01-01T00:00:00Z", ToyModality.source_type)
ROWS = "".join(f"{i}.5,{-i},{'ab'[i % 2]}\n" for i in range(12))


def read(source: object, **settings: Any) -> Dataset[Point]:
    return ToyModality().read(source, ToySettings(**settings), quiet)


@pytest.mark.parametrize(("shape", "count"), [("ring8", 8), ("grid25", 25), ("spiral", 0)])
def test_drawn_clouds_are_the_same_every_time(shape: Shape, count: int) -> None:
    source = read(None, shape=shape, count=1000, sigma=0.01)
    assert len(source.items) == 1000
    assert source.items == read(None, shape=shape, count=1000, sigma=0.01).items
    assert len({p.label for p in source.items} - {None}) == count
    if count:
        own = centres(shape)[[int(str(p.label)) for p in source.items]]
        assert np.abs(coordinates(source.items) - own).max() < 0.06


def test_labels_are_modes_only_if_points_share_them() -> None:
    cloud = [Point(i, 2 * i, "ab"[i % 2]) for i in range(10)]
    assert modes(cloud) == {"a": (4.0, 8.0), "b": (5.0, 10.0)}
    assert modes([Point(i, i, str(i)) for i in range(10)]) == {}
    assert modes([Point(i, i, "a") for i in range(10)]) == {}


def test_spiral_is_even_along_its_line() -> None:
    turns = np.linalg.norm(coordinates(draw("spiral", 4000, 0.0)), axis=1) / 4
    share, _ = np.histogram(turns**2, bins=4, range=(0, 1))  # length grows as the radius squared
    assert share.min() > 900


@pytest.mark.parametrize("header", ["", "x,y,label\n", "X, Y ,label\n"])
def test_csv_with_and_without_header(tmp_path: Path, header: str) -> None:
    file = tmp_path / "points.csv"
    file.write_text(header + ROWS)
    source = read(file)
    assert source.items[3] == Point(3.5, -3.0, "b")
    assert len(source.items) == 12
    assert not source.issues
    assert "2 labels" in source.description
    assert "not conditioned" in source.description


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text("id,y,x\n" + "".join(f"{i},2,1\n" for i in range(12)))
    assert set(read(file).items) == {Point(1.0, 2.0)}


@pytest.mark.parametrize("kind", ["npy", "array", "list"])
def test_arrays(tmp_path: Path, kind: str) -> None:
    array = np.arange(40.0).reshape(20, 2)
    source: object = array if kind == "array" else [Point(*row) for row in array.tolist()]
    if kind == "npy":
        source = tmp_path / "points.npy"
        np.save(source, array)
    assert read(source).items[1] == Point(2.0, 3.0)


def test_the_fingerprint_depends_on_the_points_and_not_on_their_file(tmp_path: Path) -> None:
    for name, rows in (("a", ROWS), ("b", "x,y,label\n" + ROWS), ("c", ROWS + "0,0,a\n")):
        (tmp_path / f"{name}.csv").write_text(rows)
    a, b, c = (read(tmp_path / f"{name}.csv").fingerprint for name in "abc")
    assert a == b != c


def test_bad_rows_are_skipped_and_reported(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text(ROWS + "one,2,a\n\n1\nnan,0,a\n")
    source = read(file)
    assert len(source.items) == 12
    assert [(p.location, p.reason) for p in source.issues] == [
        ("points.csv, line 13", "x is 'one', not a number"),
        ("points.csv, line 15", "y is '', not a number"),
        ("points.csv, line 16", "x is nan, not finite"),
    ]


def test_a_row_without_a_label_is_skipped_only_if_labels_are_required(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text(ROWS + "1,2,\n")
    assert not read(file).issues
    (issue,) = read(file, conditional=True).issues
    assert "no label" in issue.reason


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, "missing.csv: no such file or folder"),
        ("few.csv", b"1,2\n3,4\nx,5\n", "2 usable points; few.csv, line 3"),
        ("columns.csv", b"x,z\n1,2\n", "no column 'y'"),
        ("points.txt", b"1 2\n", "not a file of points"),
        ("torn.npy", b"\x93NUMPY", "torn.npy"),
        ("latin.csv", b"\xff\xfe\n", "latin.csv"),
    ],
)
def test_unusable_sources_are_errors(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(GankitError, match=message):
        read(tmp_path / name)


def test_an_array_of_another_shape_is_an_error(tmp_path: Path) -> None:
    np.save(tmp_path / "cube.npy", np.zeros((20, 3)))
    with pytest.raises(GankitError, match=r"\(20, 3\)"):
        read(tmp_path / "cube.npy")
    with pytest.raises(GankitError, match="usable points"):
        read(np.zeros(20))


def test_an_array_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([[object()]]), allow_pickle=True)
    with pytest.raises(GankitError, match=r"objects\.npy"):
        read(tmp_path / "objects.npy")


@pytest.mark.parametrize("setting", [{"layers": 0}, {"count": -1}, {"sigma": -0.1}])
def test_impossible_settings_are_errors(setting: dict[str, Any]) -> None:
    with pytest.raises(GankitError, match=next(iter(setting))):
        validate(ToySettings, setting)


def test_written_points_can_be_read_again_and_are_marked_as_synthetic(tmp_path: Path) -> None:
    points = [Point(i / 7, -i / 3, "ab"[i % 2]) for i in range(12)]
    samples = (Sample(p, seed, {}) for seed, p in enumerate(points))
    codec = PointCodec.fit(points, conditional=False)
    ToyModality().write(samples, tmp_path, codec, PROVENANCE, "csv")
    header, *rows = (tmp_path / "points.csv").read_text().splitlines()
    assert header == "x,y,label,seed,_synthetic"
    assert all(row.endswith(f",{seed},1") for seed, row in enumerate(rows))
    assert read(tmp_path / "points.csv").items == points
    assert read(tmp_path).items == points
