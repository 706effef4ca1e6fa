"""What ``--out`` and ``--format`` mean together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gankit.errors import GankitError
from gankit.runs.output import Target
from gankit.runs.targets import resolve_target


@pytest.fixture
def tables(vectors, monkeypatch):
    """A modality that writes one file."""
    monkeypatch.setattr(vectors.modality, "formats", ("csv", "parquet", "csv24"))
    return dataclasses.replace(
        vectors, info=dataclasses.replace(vectors.info, suffixes=(".csv", ".parquet", ".xlsx"))
    )


@pytest.fixture
def pictures(vectors, monkeypatch):
    """A modality that writes a file per item."""
    monkeypatch.setattr(vectors.modality, "formats", ("folder", "zip", "parquet"))
    return dataclasses.replace(
        vectors, info=dataclasses.replace(vectors.info, suffixes=(".png", ".jpg", ".zip"))
    )


@pytest.mark.parametrize(
    ("out", "format", "kept"),
    [
        ("people", None, ("csv", False, "")),
        ("run.v2", None, ("csv", False, "")),
        ("people.2024", "parquet", ("parquet", False, "")),
        ("people.csv", None, ("csv", True, "")),
        ("people.CSV", None, ("csv", True, "")),
        ("people.csv", "CSV", ("csv", True, "")),
        ("people.csv", ".csv", ("csv", True, "")),
        ("people.csv", "csv24", ("csv24", True, "")),
        ("people.csv.gz", None, ("csv", True, "gz")),
        ("people.csv.xz", None, ("csv", True, "xz")),
        ("people.parquet", None, ("parquet", True, "")),
        ("people.zip", None, ("csv", True, "zip")),
        ("people.zip", "parquet", ("parquet", True, "zip")),
        ("people.csv/", None, ("csv", False, "")),
    ],
)
def test_one_file(tables, out, format, kept):
    target = resolve_target(tables, out, format)
    assert (target.format, target.single_file, target.packing) == kept
    assert not target.stdout


def test_pictures(pictures):
    assert resolve_target(pictures, "x.zip") == Target(Path("x.zip"), "zip", single_file=True)
    assert resolve_target(pictures, "x.zip", "parquet").packing == "zip"
    assert resolve_target(pictures, "x.png").ending == "png"
    assert resolve_target(pictures, "x.zip", None, "parquet").format == "zip"


def test_standard_output(tables):
    assert resolve_target(tables, "-").stdout
    assert resolve_target(tables, "-", None, "parquet").format == "parquet"
    assert not resolve_target(tables, "./-").stdout


def test_the_home_folder(tables, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_target(tables, "~/a.csv").path == tmp_path / "a.csv"
    assert resolve_target(tables, "~/made").path == tmp_path / "made"
    with pytest.raises(GankitError, match="~nobody-there/x"):
        resolve_target(tables, "~nobody-there/x")


def test_a_folder_that_is_there(tables, tmp_path):
    (tmp_path / "people.csv").mkdir()
    assert not resolve_target(tables, tmp_path / "people.csv").single_file


@pytest.mark.parametrize(
    ("out", "format", "message"),
    [
        ("people.xlsx", None, "it has no format 'xlsx'"),
        ("people.json", None, "it has no format 'json'"),
        ("people.pdf", None, "it has no format 'pdf'"),
        ("people.tar.gz", None, "it has no format 'tar'"),
        ("people.gz", None, "it has no format before .gz"),
        ("people.csv.zst", None, "it has no format 'zst'"),
        ("people", "xlsx", "unknown format 'xlsx'. Known: csv, parquet, csv24"),
        ("people.parquet", "csv", "--format csv contradict each other"),
        ("people.csv.gz", "parquet", "--format parquet contradict each other"),
    ],
)
def test_refused(tables, out, format, message):
    with pytest.raises(GankitError, match=message.replace(".", r"\.")):
        resolve_target(tables, out, format)
