"""How the rows of a table belong to those of another one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gankit_tabular.data.arrow import Floats
from gankit_tabular.data.trees.items import Trees
from gankit_tabular.evaluation.fidelity import pair_similarities
from gankit_tabular.evaluation.trees.parts import Part, codes_of, joined, parent_rows
from gankit_tabular.evaluation.vectors import distance


def rows_each(parts: Sequence[Part], i: int) -> Floats:
    """How many rows of a table each row of its parent has."""
    above = parts[i].above
    return np.bincount(above[above >= 0], minlength=len(parts[parts[i].parent])).astype(np.float64)


def count_distance(real: Sequence[Part], other: Sequence[Part], i: int) -> float:
    """The Kolmogorov-Smirnov statistic of rows per parent."""
    return distance(rows_each(real, i), rows_each(other, i))


def childless(parts: Sequence[Part], i: int) -> float:
    """The share of the parent's rows without any in the table."""
    found = rows_each(parts, i)
    return float((found == 0).mean()) if len(found) else float("nan")


def cross_similarities(
    real: Sequence[Part], other: Sequence[Part], i: int
) -> dict[tuple[str, str], float]:
    """The similarity of each pair of a column of the parent and one of the table, 1 is best."""
    ours, theirs = joined(real, i), joined(other, i)
    if not (len(ours) and len(theirs)):
        return {}
    parent = real[real[i].parent].full("")
    found = pair_similarities(ours, theirs)
    return {
        pair: value
        for pair, value in found.items()
        if sum(name.startswith(parent) for name in pair) == 1
    }


def integrity(trees: Trees) -> dict[str, float]:
    """``referential_integrity``, the share of child rows whose parent exists, and ``unique_keys``,
    the share of parents' rows whose key no other row has; both 1 in a valid database.

    Of a sequence, the share of entities with a name of their own.
    """
    structure, found = trees.structure, dict[str, float]()
    if structure.is_sequence:
        name = structure.names[0]
        keys = codes_of(trees.tables[name].table.column(structure.entity))
        firsts = keys[trees.starts[name][:-1][trees.counts(name) > 0]]
        return {"unique_keys": _unique(firsts)}
    above = [parent_rows(trees, link) for link in structure.links if link.parent]
    rows = np.concatenate(above)
    if len(rows):
        found["referential_integrity"] = float((rows >= 0).mean())
    unique = {
        (link.parent, link.references): _unique(
            codes_of(trees.tables[link.parent].table.column(link.references))
        )
        for link in structure.links
        if link.parent
    }
    found["unique_keys"] = float(np.mean(list(unique.values())))
    return found


def _unique(keys: np.ndarray) -> float:
    """The share of keys that occur once, missing ones apart."""
    _, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return float(((counts[places] == 1) & (keys >= 0)).mean()) if len(keys) else 1.0
