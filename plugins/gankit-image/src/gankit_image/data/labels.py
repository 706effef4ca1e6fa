"""Labels: names of classes, or numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gankit.errors import GankitError

if TYPE_CHECKING:
    from gankit_image.settings import ImageSettings

LABEL = "label"
"""The name of the condition."""
MOST_NUMBERS = 512
"""Most numbers in one label."""


def numbers(labels: Sequence[str | None], settings: ImageSettings) -> np.ndarray[Any, Any] | None:
    """Labels as numbers (N, K), if that is what they are; None for classes or no labels.

    A label is one number (``30.5``) or a list of them (``[0.1, 0.9]``, as in StyleGAN's
    ``dataset.json``). With ``label_type=auto`` lists are numbers, and so are single ones where at
    least one is no integer.

    Raises:
        GankitError: ``label_type=number``, and a label is none; or lists of different lengths.
    """
    if settings.label_type == "class" or settings.conditional is False or not labels:
        return None
    forced = settings.label_type == "number"
    if not forced and (labels[0] is None or not _may_be_numbers(labels[0])):
        return None  # the usual case, at no cost
    rows: list[tuple[float, ...]] = []
    for label in labels:
        row = None if label is None else parse(label)
        if row is None:
            if forced:
                raise GankitError(
                    f"label_type=number: {'no label' if label is None else repr(label)} for one "
                    "of the images",
                    "Give every image a number, or remove label_type",
                )
            return None
        rows.append(row)
    if len({len(row) for row in rows}) > 1:
        raise GankitError(
            "labels are lists of numbers of different lengths",
            "Give every image as many numbers, or set conditional=false",
        )
    found = np.array(rows, np.float64)
    if not forced and found.shape[1] == 1 and (found == np.rint(found)).all():
        return None  # 0 to 9 are classes
    return found


def parse(label: str) -> tuple[float, ...] | None:
    """The numbers of a label; None where it is not numbers."""
    text = label.strip()
    try:
        values = json.loads(text) if text.startswith("[") else [float(text)]
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, list) or not 0 < len(values) <= MOST_NUMBERS:
        return None
    if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in values):
        return None
    row = tuple(map(float, values))
    return row if all(map(math.isfinite, row)) else None


def names(key: str, count: int) -> tuple[str, ...]:
    """The conditions' names: the label's key, or the key with a number for each of several."""
    return (key,) if count == 1 else tuple(f"{key}_{i}" for i in range(count))


def text(values: Sequence[float]) -> str:
    """Numbers as a label; the inverse of :func:`parse`."""
    return repr(values[0]) if len(values) == 1 else json.dumps(list(values))


def _may_be_numbers(label: str) -> bool:
    return label[:1] in "[+-.0123456789 "
