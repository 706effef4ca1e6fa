"""Points from and to files."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from gankit.contract import Problem, Sample
from gankit.errors import GankitError, did_you_mean
from gankit_toy.points import Point

Row = Mapping[str, object]
COLUMNS = ("x", "y", "label")


def read_points(source: object, need_label: bool) -> tuple[list[Point], list[Problem]]:
    """The points of a CSV file, an ``.npy`` file, or an array or list of rows; and the bad rows.

    A CSV file has the columns x, y and perhaps label, in this order where it has no header. An
    array is of shape (N, 2).

    Args:
        source: a path, or rows.
        need_label: whether a row without a label is a bad row.

    Raises:
        GankitError: the file is not there, or is of another kind.
    """
    points, problems = [], []
    for where, row in _rows(source):
        try:
            points.append(_point(row, need_label))
        except (ValueError, TypeError) as error:
            problems.append(Problem(where, str(error)))
    return points, problems


def write_csv(samples: Iterable[Sample[Point]], target: Path) -> None:
    """One row a sample; the column ``_synthetic`` says in every row that it is generated."""
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "seed", "_synthetic"])
        for sample in samples:
            x, y, label = sample.item
            writer.writerow([x, y, label or "", sample.seed, 1])


def _rows(source: object) -> Iterator[tuple[str, Row]]:
    if not isinstance(source, str | Path):
        for i, values in enumerate(_iterable(source)):
            yield f"row {i}", dict(zip(COLUMNS, values, strict=False))
        return
    path = Path(source)
    try:
        if path.suffix == ".npy":
            array = np.load(path, allow_pickle=False)
            if array.ndim != 2 or array.shape[1] != 2:
                raise GankitError(f"{path} has shape {array.shape}", "Points need shape (N, 2)")
            yield from _rows(array)
        elif path.suffix == ".csv":
            with path.open(newline="", encoding="utf-8-sig") as file:
                yield from _csv_rows(path, csv.reader(file))
        else:
            raise GankitError(f"{path}: not a file of points", "Give a .csv or .npy file")
    except (OSError, ValueError, csv.Error) as error:
        raise GankitError(f"cannot read {path}: {error}", "Check the path and the file") from None
