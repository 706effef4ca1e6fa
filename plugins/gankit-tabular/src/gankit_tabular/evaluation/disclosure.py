"""What generated rows reveal about the training rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from gankit_tabular.data.arrow import Floats, Ints
from gankit_tabular.evaluation.vectors import is_number, values

QUERIES = 2000
"""Rows of each kind whose nearest row is searched."""

Points = tuple[Tensor, Tensor]
"""Ranks of numbers (N, numbers) and codes of categories (N, categories)."""


class Gower:
    """Gower's distance (1971): mean over columns of the difference of ranks, or of mismatches. A
    missing number ranks above all others.

    Args:
        tables: the tables that define ranks and codes.
    """

    def __init__(self, tables: Sequence[pa.Table]) -> None:
        self.columns: list[tuple[str, Callable[[np.ndarray], Floats | Ints], bool]] = []
        for name in tables[0].column_names:
            known = np.concatenate([values(t, name) for t in tables])
            number = is_number(tables[0], name)
            self.columns.append((name, _ranks(known) if number else _codes(known), number))

    def points(self, table: pa.Table) -> Points:
        """Rows as points, for :meth:`nearest`."""
        parts: dict[bool, list[Floats | Ints]] = {True: [], False: []}
        for name, place, number in self.columns:
            parts[number].append(place(values(table, name)))
        empty = np.zeros((len(table), 0))
        both = (np.stack(p, 1) if p else empty for p in (parts[True], parts[False]))
        ranks, codes = (torch.from_numpy(p.astype(np.float32)) for p in both)
        return ranks, codes

    def nearest(self, of: Points, among: Points, *, same: bool = False) -> tuple[Floats, Ints]:
        """Distance to the nearest row, in [0, 1], and its index.

        Args:
            same: whether each row of ``of`` is one of ``among``, and not its own neighbour.
        """
        found = []
        for ranks, codes in zip(*(torch.split(part, 256) for part in of), strict=True):
            distances = torch.cdist(ranks, among[0], p=1) + torch.cdist(codes, among[1], p=0)
            least, index = distances.topk(1 + same, largest=False)
            found.append((least[:, -1] / len(self.columns), index[:, -1]))
        least, index = (torch.cat(part) for part in zip(*found, strict=True))
        return least.double().numpy(), index.numpy()


def _ranks(known: Floats) -> Callable[[np.ndarray], Floats]:
    # Percentiles, not rows: training rows on a grid of their own could be recognised by it.
    finite = known[np.isfinite(known)]
    level = np.linspace(0, 1, 101)
    grid = np.quantile(finite, level) if len(finite) else level
    return lambda v: np.nan_to_num(np.interp(v, grid, level), nan=1.0)


def _codes(known: np.ndarray) -> Callable[[np.ndarray], Ints]:
    words = np.unique(known)

    def codes(v: np.ndarray) -> Ints:
        at = np.searchsorted(words, v).clip(0, len(words) - 1)
        return np.asarray(np.where(words[at] == v, at, -1))

    return codes


def exact_copies(train: pa.Table, other: pa.Table) -> float:
    """Share of rows that are rows of the training table."""
    known = {tuple(row.values()) for row in train.to_pylist()}
    rows = other.to_pylist()
    return sum(tuple(row.values()) in known for row in rows) / max(len(rows), 1)


def closest_records(
    gower: Gower, train: pa.Table, other: pa.Table, rng: np.random.Generator
) -> dict[str, float]:
    """How close rows are to training rows.

    Returns:
        ``dcr_median`` and ``dcr_p5``, median and 5th percentile of the distance to the closest
        training record; ``authenticity`` (Alaa et al. 2022), the share of rows that
        are farther from their closest record than that one is from another record. Empty for
        fewer than 10 rows.
    """
    if min(len(train), len(other)) < 10:
        return {}
    records = gower.points(train)
    distance, closest = gower.nearest(gower.points(_some(other, rng)), records)
    # topk may return the row itself or a duplicate: the second distance is to another row anyway.
    own = torch.from_numpy(closest)
    apart, _ = gower.nearest((records[0][own], records[1][own]), records, same=True)
    return {
        "dcr_median": float(np.median(distance)),
        "dcr_p5": float(np.quantile(distance, 0.05)),
        "authenticity": float((distance > apart).mean()),
    }


def membership_auc(
    gower: Gower,
    train: pa.Table,
    heldout: pa.Table,
    fake: pa.Table,
    rng: np.random.Generator,
) -> float:
    """Area under the ROC curve of guessing whether a real row was trained on, from its distance to
    the nearest generated row.
    """
    from sklearn.metrics import roc_auc_score

    n = min(len(train), len(heldout), QUERIES)
    if n < 10:
        return float("nan")
    rows = pa.concat_tables([_some(train, rng, n), _some(heldout, rng, n)])
    made = gower.points(_some(fake, rng, 10_000))
    distance, _ = gower.nearest(gower.points(rows), made)
    return float(roc_auc_score(np.r_[np.ones(n), np.zeros(n)], -distance))


def _some(table: pa.Table, rng: np.random.Generator, n: int = QUERIES) -> pa.Table:
    return table.take(rng.permutation(len(table))[:n])
