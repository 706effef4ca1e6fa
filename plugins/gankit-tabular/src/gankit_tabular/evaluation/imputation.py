"""How good imputations are, at cells that were removed from real rows on purpose.

One draw is no best guess: its squared error is about twice that of the mean (for a perfect model
exactly, at each cell), while it keeps the distribution, which the mean does not. Both are scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.data.arrow import Flags, Floats, numbers, plain

NOMINAL = 0.9
"""The share of cells that an interval between draws should cover."""


def remove_cells(
    table: pa.Table,
    share: float,
    mechanism: str,
    rng: np.random.Generator,
    keep: Sequence[str] = (),
) -> dict[str, Flags]:
    """Which cells to remove, by column.

    Args:
        share: of the cells, on average.
        mechanism: ``random`` for completely at random; ``values``: a cell is removed with a
            probability proportional to the rank of its own value, numbers by size and others by
            rarity, so that large numbers and rare categories are removed most (missing not at
            random).
        keep: columns of which nothing is removed.
    """
    found = {}
    for name in table.column_names:
        values = plain(table.column(name))
        p = np.full(len(table), share)
        if mechanism == "values":
            p = np.minimum(2 * share * _ranks(values), 1)
        removed = rng.random(len(table)) < p
        removed &= np.asarray(values.is_valid().to_numpy(zero_copy_only=False))
        found[name] = removed & (name not in keep)
    return found


def without(table: pa.Table, removed: Mapping[str, Flags]) -> pa.Table:
    """A table with cells removed."""
    return pa.table({
        name: pc.if_else(pa.array(removed[name]), pa.scalar(None, table.column(name).type),
                         table.column(name))
        for name in table.column_names
    })  # fmt: skip


def imputation_scores(
    real: pa.Table, removed: Mapping[str, Flags], filled: Sequence[pa.Table]
) -> dict[str, float]:
    """Scores of one imputation or several, means over columns.

    Args:
        real: the table before cells were removed.
        removed: which cells, by column.
        filled: imputations of it, of the same rows.

    Returns:
        ``rmse`` (of numbers, in units of the column's standard deviation) and ``accuracy`` (of
        others) of one imputation; ``rmse_mean`` and ``accuracy_mode`` of the mean and the mode of
        all; ``distance``, between removed and filled values: Wasserstein, in the same units, or
        total variation; ``coverage``, the share of numbers within the interval that leaves
        5 % of a perfect model's draws on either side, where there are 19 imputations or more.
    """
    found: dict[str, list[float]] = {}
    for name, cells in removed.items():
        if not cells.any():
            continue
        truth = plain(real.column(name)).filter(pa.array(cells))
        draws = [plain(t.column(name)).filter(pa.array(cells)) for t in filled]
        if is_number(truth.type):
            scored = _of_numbers(numbers(truth), [numbers(d) for d in draws],
                                 numbers(plain(real.column(name))))  # fmt: skip
        else:
            scored = _of_categories(truth, draws)
        for score, value in scored.items():
            found.setdefault(score, []).append(value)
    return {score: float(np.mean(values)) for score, values in found.items()}


def is_number(t: pa.DataType) -> bool:
    return bool(pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t))


def _of_numbers(truth: Floats, draws: Sequence[Floats], all_: Floats) -> dict[str, float]:
    scale = max(float(np.nanstd(all_)), 1e-12)
    stack = np.stack(draws)
    found = {
        "rmse": float(np.sqrt(np.mean((stack[0] - truth) ** 2))) / scale,
        "rmse_mean": float(np.sqrt(np.mean((stack.mean(0) - truth) ** 2))) / scale,
        "distance": float(np.abs(np.sort(stack[0]) - np.sort(truth)).mean()) / scale,
    }
    if len(draws) >= 19:  # between the k-th least and the k-th greatest of m: 1 - 2k / (m + 1)
        k = round((1 - NOMINAL) * (len(draws) + 1) / 2)
        ordered = np.sort(stack, axis=0)
        inside = (ordered[k - 1] <= truth) & (truth <= ordered[-k])
        found["coverage"] = float(inside.mean())
    return found


def _of_categories(truth: pa.ChunkedArray, draws: Sequence[pa.ChunkedArray]) -> dict[str, float]:
    known = pc.unique(pa.chunked_array([c for v in (truth, *draws) for c in v.chunks]))
    codes = [
        pc.index_in(v, value_set=known).to_numpy(zero_copy_only=False) for v in (truth, *draws)
    ]
    real, stack = codes[0], np.stack(codes[1:])
    counts = np.stack([(stack == k).sum(0) for k in range(len(known))])
    shares = [np.bincount(c, minlength=len(known)) / len(c) for c in (real, stack[0])]
    return {
        "accuracy": float((stack[0] == real).mean()),
        "accuracy_mode": float((counts.argmax(0) == real).mean()),
        "distance": float(np.abs(shares[0] - shares[1]).sum() / 2),
    }


def _ranks(values: pa.ChunkedArray) -> Floats:
    """The rank of each value, on average over ties, in 0 to 1."""
    if is_number(values.type):
        order = numbers(values)
    else:
        coded = pc.dictionary_encode(values).combine_chunks()
        coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
        index = coded.indices.fill_null(0).to_numpy(zero_copy_only=False)
        order = -np.bincount(index)[index].astype(np.float64)
    _, at, counts = np.unique(order, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    return np.asarray((below[at] + counts[at] / 2) / len(order))
