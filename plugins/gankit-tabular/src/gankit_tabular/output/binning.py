"""Columns of two tables divided into the same few parts, for charts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gankit_tabular.codec.columns import RARE
from gankit_tabular.data.arrow import Floats, Ints, temporal_text
from gankit_tabular.evaluation.vectors import MISSING, is_number, labels, values


@dataclass(frozen=True)
class BinnedColumn:
    """The parts' names, and each row's part; -1 for a missing number."""

    names: list[str]
    number: bool
    generated: Ints
    real: Ints | None

    def shares(self) -> tuple[Floats, Floats | None]:
        """Each part's share of the generated and of the real rows."""
        k = len(self.names)
        real = None if self.real is None else part_shares(self.real, k)
        return part_shares(self.generated, k), real

    @property
    def ticks(self) -> list[tuple[str, float]]:
        """Texts along an axis and their places: both ends of numbers, the middle of categories."""
        if self.number:
            first, last = self.names[0].split(" to ")[0], self.names[-1].split(" to ")[-1]
            return [(first, 0.0), (last, 1.0)]
        return [(name, (i + 0.5) / len(self.names)) for i, name in enumerate(self.names)]


def part_shares(parts: Ints, k: int) -> Floats:
    """The share of rows in each of k parts; rows in none count too."""
    return np.bincount(parts[parts >= 0], minlength=k) / max(len(parts), 1)


def bin_column(
    generated: pa.Table, real: pa.Table | None, name: str, bins: int, categories: int
) -> BinnedColumn:
    """A column divided into intervals, or into its frequent categories and others.

    Args:
        bins: intervals of a number.
        categories: categories that are not among the others.
    """
    tables = [generated] if real is None else [generated, real]
    number = all(is_number(table, name) for table in tables)
    if number:
        t = generated.schema.field(name).type
        names, parts = _intervals([values(table, name) for table in tables], bins, t)
    else:
        names, parts = _most_frequent([labels(table, name) for table in tables], categories)
    return BinnedColumn(names, number, parts[0], None if real is None else parts[1])


def with_real_columns(generated: pa.Table, real: pa.Table) -> pa.Table:
    """The columns that both tables have, with the real types if the values allow it."""
    columns = {}
    for name in real.column_names:
        if name in generated.column_names:
            column, t = generated.column(name), real.schema.field(name).type
            try:
                columns[name] = column.cast(t)
            except pa.ArrowException:
                columns[name] = column
    return pa.table(columns)


def _intervals(found: Sequence[Floats], bins: int, t: pa.DataType) -> tuple[list[str], list[Ints]]:
    """Equal intervals between the 1st and 99th percentile of the last table, or a little more, the
    outermost ones with all values beyond; a few frequent values are parts of their own. Neither
    shows a value that few rows have.
    """
    basis = found[-1][np.isfinite(found[-1])]
    distinct, counts = np.unique(basis, return_counts=True)
    if len(distinct) <= bins and (counts >= RARE).all():
        edges = (distinct[1:] + distinct[:-1]) / 2
        names = [printed(v, t) for v in distinct] or ["nothing"]
    else:
        tail = min(max(0.01, RARE / len(basis)), 0.5)
        low, high = np.quantile(basis, [tail, 1 - tail], method="nearest")
        if low == high:
            low, high = distinct[0], distinct[-1]
        last = int((distinct == np.round(distinct)).all())
        step = step_of((high - low + last) / bins, whole=bool(last))
        first = np.floor(low / step)
        every = step * (first + np.arange(max(int(np.floor(high / step) - first) + 1, 1) + 1))
        edges = every[1:-1]
        names = [f"{printed(a, t)} to {printed(b - last, t)}" for a, b in itertools.pairwise(every)]
    return names, [np.where(np.isfinite(v), np.digitize(v, edges), -1) for v in found]


def step_of(least: float, *, whole: bool) -> float:
    """A round number that is as large at least, or a whole one."""
    if whole:
        return float(np.ceil(least))
    if not least:
        return 1.0
    unit = 10.0 ** (np.floor(np.log10(least)) - 1)
    return float(np.ceil(round(least / unit, 6)) * unit)


def printed(value: float, t: pa.DataType) -> str:
    """A number, or the day of a date or time."""
    if pa.types.is_temporal(t):
        return temporal_text(value, t)[:10]
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _most_frequent(found: Sequence[np.ndarray], most: int) -> tuple[list[str], list[Ints]]:
    """The most frequent categories of the last table, and all others as one part, rare ones in any
    case.
    """
    words, counts = np.unique(found[-1], return_counts=True)
    frequent = words[np.argsort(-counts, kind="stable")][: int((counts >= RARE).sum())].tolist()
    rest = len(set(np.concatenate(list(found)).tolist()) - set(frequent))
    shown = frequent if rest + len(frequent) <= most + 1 else frequent[:most]
    rest += len(frequent) - len(shown)
    place = {w: i for i, w in enumerate(shown)}
    parts = [np.array([place.get(w, len(shown)) for w in v.tolist()], np.int64) for v in found]
    names = ["missing" if w == MISSING else w for w in shown]
    return names + [f"{rest:,} other{'s' * (rest > 1)}"] * (rest > 0), parts
