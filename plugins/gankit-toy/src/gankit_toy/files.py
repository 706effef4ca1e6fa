"""Reading and writing files of points."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from gankit.contract import Issue, Sample
from gankit.errors import GankitError
from gankit.kit.folders import no_such_path
from gankit_toy.points import Point

Row = Mapping[str, object]
COLUMNS = ("x", "y", "label")
SUFFIXES = (".csv", ".npy")


def read_points(source: object, need_label: bool) -> tuple[list[Point], list[Issue]]:
    """The points of a source, and the rows that were skipped.

    Args:
        source: a ``.csv`` file with columns x, y and optionally label (in this order if there is no
            header), an ``.npy`` file of shape (N, 2), a folder of such files, or an array or list
            of such rows.
        need_label: whether to skip rows without a label.

    Raises:
        GankitError: the source does not exist, or cannot be read.
    """
    points, issues = [], []
    for where, row in _rows(source):
        try:
            points.append(_point(row, need_label))
        except ValueError as error:
            issues.append(Issue(where, str(error)))
    return points, issues


def write_csv(samples: Iterable[Sample[Point]], target: Path) -> None:
    """One row per sample; the column ``_synthetic`` marks every row as synthetic."""
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "seed", "_synthetic"])
        for sample in samples:
            x, y, label = sample.item
            writer.writerow([x, y, label or "", sample.seed, 1])


def _rows(source: object) -> Iterator[tuple[str, Row]]:
    """Each row with its location, as a mapping from column to value."""
    if isinstance(source, Iterable) and not isinstance(source, str):
        for number, row in enumerate(source):
            values = row if isinstance(row, Iterable) else ()
            yield f"row {number}", dict(zip(COLUMNS, values, strict=False))
        return
    path = Path(str(source))
    if not path.exists():
        raise no_such_path(path)
    try:
        if path.is_dir():
            for inside in sorted(p for p in path.iterdir() if p.suffix in SUFFIXES):
                yield from _rows(inside)
        elif path.suffix == ".csv":
            with path.open(newline="", encoding="utf-8-sig") as file:
                yield from _csv_rows(path, csv.reader(file))
        elif path.suffix == ".npy":
            array = np.load(path, allow_pickle=False)
            if array.ndim != 2 or array.shape[1] != 2:
                raise GankitError(f"{path} has shape {array.shape}", "Expected (N, 2)")
            yield from _rows(array)
        else:
            raise GankitError(f"{path} is not a file of points", "Use a .csv or .npy file")
    except (OSError, ValueError, EOFError, csv.Error) as error:
        raise GankitError(f"cannot read {path}: {error}", "Check the file") from None


def _csv_rows(path: Path, reader: Iterable[list[str]]) -> Iterator[tuple[str, Row]]:
    columns: Sequence[str] = COLUMNS
    for line, values in enumerate(reader, start=1):
        if line == 1 and "x" in (header := [name.strip().lower() for name in values]):
            columns = header
            if "y" not in columns:
                raise GankitError(f"{path} has no column 'y'", "The columns x and y are required")
        elif values:
            yield f"{path.name}, line {line}", dict(zip(columns, values, strict=False))


def _point(row: Row, need_label: bool) -> Point:
    """The row as a point.

    Raises:
        ValueError: it is not a point; the message says why.
    """
    given = row.get("label")
    label = None if given is None else str(given).strip() or None
    if need_label and label is None:
        raise ValueError("no label, which conditional=true requires")
    return Point(_number(row, "x"), _number(row, "y"), label)


def _number(row: Row, name: str) -> float:
    text = str(row.get(name, "")).strip()
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}, not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} is {text}, not finite")
    return value
