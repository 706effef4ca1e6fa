"""Generated entities and rows that equal training ones."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from gankit_tabular.evaluation.trees.parts import Part


def entity_copies(train: Sequence[Part], other: Sequence[Part]) -> float:
    """The share of trees that equal a training one in all scored columns of all rows."""
    known, found = set(_whole(train)), _whole(other)
    return sum(tree in known for tree in found) / max(len(found), 1)


def row_copies(train: Sequence[Part], other: Sequence[Part]) -> float:
    """The share of rows, of all tables but the first, that equal a training row of their table."""
    same = total = 0
    for ours, theirs in zip(train[1:], other[1:], strict=True):
        known = set(_rows(ours))
        rows = _rows(theirs)
        same, total = same + sum(row in known for row in rows), total + len(rows)
    return same / max(total, 1)


def _rows(part: Part) -> list[tuple[Hashable, ...]]:
    columns = [c.to_pylist() for c in part.table.columns]
    return list(zip(*columns, strict=True)) if columns else [()] * len(part)


def _whole(parts: Sequence[Part]) -> list[tuple[tuple[int, tuple[Hashable, ...]], ...]]:
    trees: dict[int, list[tuple[int, tuple[Hashable, ...]]]] = {}
    for i, part in enumerate(parts):
        for owner, row in zip(part.owner.tolist(), _rows(part), strict=True):
            trees.setdefault(owner, []).append((i, row))
    return [tuple(rows) for rows in trees.values()]
