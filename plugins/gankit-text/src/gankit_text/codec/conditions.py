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
        fields.append(Categorical(LABEL, tuple(sorted(labels, key=natural_key)), optional=True))
    for name in items[0].values if items else ():
        values = [item.values[name] for item in items]
        mean = math.fsum(values) / len(values)
        scale = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
        fields.append(Continuous(name, mean, scale or 1.0))
    return Condition(tuple(fields)) if fields else None


def encoded(items: Sequence[Text], condition: Condition | None) -> Tensor:
    """Rows of ``c``, float32 (N, width); 0 for what an item lacks.

    Raises:
        GankitError: an item has a class that the training data has not.
    """
    if condition is None:
        return torch.zeros(len(items), 0)
    rows = []
    for item in items:
        row: list[float] = []
        for f in condition.fields:
            value: object = item.label if isinstance(f, Categorical) else item.values.get(f.name)
            row += [0.0] * f.width if value is None else f.encode(value)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float32).reshape(len(rows), condition.width)


def decoded(
    c: Tensor | None, condition: Condition | None, n: int
) -> list[Mapping[str, str | float]]:
    """The named conditions of each row; empty mappings without any."""
    if c is None or condition is None:
        return [{} for _ in range(n)]
    return [condition.decode(row) for row in c.tolist()]


def conformed(
    items: Sequence[Text], condition: Condition | None, paired: bool, strict: bool
) -> Conformed[Text]:
    """Texts of another data set.

    Args:
        strict: whether they need all that the run is conditioned on.

    Raises:
        GankitError: something is missing, or there is a class that the training data has not.
    """
    warnings = []
    for f in condition.fields if condition else ():
        if isinstance(f, Categorical):
            known = {item.label for item in items if item.label is not None}
            if unknown := sorted(known - {*f.values}):
                raise GankitError(
                    f"label {unknown[0]!r}: the run's data has no such class",
                    did_you_mean(unknown[0], f.values),
                )
            lacking = sum(item.label is None for item in items)
        else:
            lacking = sum(f.name not in item.values for item in items)
        if lacking and strict:
            how = "label=COLUMN" if f.name == LABEL else f"conditions=[{f.name}]"
            raise GankitError(
                f"the run is conditioned on {f.name!r}, which {lacking:,} of {len(items):,} texts "
                "lack",
                f"Name the column with {how}, or complete it",
            )
        if lacking:
            warnings.append(
                f"{lacking:,} of {len(items):,} texts lack {f.name!r}, on which the run is "
                "conditioned: they are used without"
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
