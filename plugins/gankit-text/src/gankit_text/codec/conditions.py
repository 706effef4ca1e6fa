"""Conditions: the label and columns of numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gankit.contract import Categorical, Condition, Conformed, Continuous
from gankit.errors import GankitError, did_you_mean
from gankit.kit.folders import natural_key
from gankit_text.data.items import Text

LABEL = "label"


def condition_of(items: Sequence[Text]) -> Condition | None:
    """The conditions of training texts; None where they have none."""
    fields: list[Categorical | Continuous] = []
    labels = Counter(item.label for item in items if item.label is not None)
    if len(labels) > 1:
        fields.append(Categorical(LABEL, tuple(sorted(labels, key=natural_key))))
    for name in items[0].values if items else ():
        values = [item.values[name] for item in items]
        mean = math.fsum(values) / len(values)
        scale = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
        fields.append(Continuous(name, mean, scale or 1.0))
    return Condition(tuple(fields)) if fields else None


def encoded(items: Sequence[Text], condition: Condition | None, *, lacking: bool = False) -> Tensor:
    """Rows of ``c``, float32 (N, width).

    Args:
        lacking: whether items may lack what the run is conditioned on; it is then 0.

    Raises:
        GankitError: an item lacks a condition, or has a class that the training data has not.
    """
    if condition is None:
        return torch.zeros(len(items), 0)
    rows = []
    for item in items:
        row: list[float] = []
        for f in condition.fields:
            value: object = item.label if isinstance(f, Categorical) else item.values.get(f.name)
            if value is None and lacking:
                row += [0.0] * f.width
            elif value is None:
                raise _lacks(f.name)
            else:
                row += f.encode(value)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float32).reshape(len(rows), condition.width)


def _lacks(name: str) -> GankitError:
    column = "a label" if name == LABEL else f"the number {name!r}"
    how = "label=COLUMN" if name == LABEL else f"conditions=[{name}]"
    return GankitError(
        f"the run is conditioned on {name!r}, and the data has texts without {column}",
        f"Name the column with {how}, or complete it",
    )


def decoded(
    c: Tensor | None, condition: Condition | None, n: int
) -> list[Mapping[str, str | float]]:
    """The named conditions of each row; empty mappings without any."""
    if c is None or condition is None:
        return [{} for _ in range(n)]
    return [condition.decode(row) for row in c.tolist()]


def conformed(items: Sequence[Text], condition: Condition | None, paired: bool) -> Conformed[Text]:
    """Texts of another data set, which need what the run is conditioned on.

    Raises:
        GankitError: something is missing, or there is a class that the training data has not.
    """
    warnings = []
    for f in condition.fields if condition else ():
        if isinstance(f, Continuous):
            if any(f.name not in item.values for item in items):
                raise _lacks(f.name)
            continue
        if any(item.label is None for item in items):
            raise _lacks(f.name)
        if unknown := sorted({item.label for item in items if item.label} - {*f.values}):
            raise GankitError(
                f"label {unknown[0]!r}: the run's data has no such class",
                did_you_mean(unknown[0], f.values),
            )
    if any((item.pair is None) == paired for item in items):
        raise GankitError(
            "the run was trained on pairs of texts, and the data has none"
            if paired
            else "the data has pairs of texts, and the run was trained on single ones",
            "Name the second column with pair=COLUMN" if paired else "Leave out pair",
        )
    if condition is None and any(item.label is not None for item in items):
        warnings.append("the data has labels, and the run has none: they are not used")
    return Conformed(items, warnings)
