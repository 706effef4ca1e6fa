"""In which order the cascade draws digits, and what it computes from finished columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import QUANTILES, Column


def drawing_order(
    columns: Sequence[Column], blocks: Sequence[Block], after: Mapping[str, Sequence[str]]
) -> list[int]:
    """Indices of blocks: columns of few codes first, each one's digits together.

    Args:
        after: columns, by name, that are drawn after others.
    """
    of: dict[str, list[int]] = {}
    for i, b in enumerate(blocks):
        of.setdefault(columns[b.column].name, []).append(i)
    codes = {c.name: sum(c.choices) if c.cells else c.codes for c in columns}
    order: list[int] = []
    placed: set[str] = set()

    def place(name: str) -> None:
        if name in placed:
            return
        placed.add(name)
        for earlier in sorted(after.get(name, ()), key=lambda n: codes.get(n, 0)):
            if earlier in of:
                place(earlier)
        order.extend(of[name])

    for name in sorted(of, key=codes.__getitem__):
        place(name)
    return order


def value_table(column: Column) -> Tensor:
    """The rank and the standardised value of each pair of digits, (codes · max(cells, 1), 2); zeros
    for missing values, and for categories without an order.
    """
    second = max(column.cells, 1)
    table = np.zeros((column.codes, second, 2))
    if column.ranked:
        values, mass = _values(column, second)
        known = column.codes - column.missing
        v, m = values[:known].ravel(), mass[:known].ravel()
        v = v / max(np.abs(v).max(initial=0), 1e-300)  # squares of large numbers are infinite
        order = np.argsort(v, kind="stable")
        below = np.empty(len(v))
        below[order] = np.cumsum(m[order]) - m[order] / 2
        total = max(m.sum(), 1e-12)
        mean = (v * m).sum() / total
        std = np.sqrt(max(((v - mean) ** 2 * m).sum() / total, 1e-30))
        ranks = (below / total - 0.5) * np.sqrt(12)
        scaled = np.clip((v - mean) / std, -5, 5)
        table[:known] = np.stack([ranks, scaled], 1).reshape(known, second, 2)
    return torch.from_numpy(table).float().reshape(-1, 2)


def code_values(column: Column) -> np.ndarray:
    """What each pair of digits of a column of numbers stands for, (codes, max(cells, 1)); the
    middle of a cell, and 0 for missing values.
    """
    return _values(column, max(column.cells, 1))[0]


def _values(column: Column, second: int) -> tuple[np.ndarray, np.ndarray]:
    """The value and the share of rows of each pair of digits, (codes, second)."""
    values, mass = np.zeros((column.codes, second)), np.zeros((column.codes, second))
    frequency = np.array(column.frequency)
    for code, atom in enumerate(column.atoms):
        values[code] = code if column.ordered else atom
        mass[code, 0] = frequency[code]
    for i, quantiles in enumerate(column.bins):
        code, q = len(column.atoms) + i, np.array(quantiles)
        if column.cells and column.exact[i]:
            pairs = np.array(column.exact[i])
            values[code, : len(pairs)] = pairs[:, 0]
            values[code, len(pairs) :] = pairs[-1, 0]
            mass[code, : len(pairs)] = frequency[code] * pairs[:, 1] / pairs[:, 1].sum()
        elif column.cells:
            cells = len(q) - 1
            values[code, :cells], values[code, cells:] = q[1:] / 2 + q[:-1] / 2, q[-1]
            mass[code, :cells] = frequency[code] / cells
        else:
            values[code], mass[code] = q[QUANTILES // 2], frequency[code]
    return values, mass
