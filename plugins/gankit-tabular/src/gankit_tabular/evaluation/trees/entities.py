"""Whole trees as rows of one table: the first table's columns, and summaries of the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from gankit.contract import Extractor
from gankit_tabular.data.arrow import Floats, Ints
from gankit_tabular.data.trees.items import Tree, as_trees
from gankit_tabular.evaluation.trees.parts import Part, TreeColumns, following, some_trees
from gankit_tabular.evaluation.vectors import is_number, labels, values

CATEGORIES = 8
"""The most frequent categories whose shares are features."""
ROOT_CATEGORIES = 50
"""Categories of the first table that are features."""


class Summaries:
    """A row for each tree.

    The first table's columns, and for every other table the number of rows; of its numbers mean,
    standard deviation, first, last and lag-1 autocorrelation, of its categories the share of each
    frequent one. A summary that is not defined, such as the deviation of one row, is missing.

    Args:
        train: the training trees' parts.
    """

    def __init__(self, train: Sequence[Part]) -> None:
        self.frequent: dict[tuple[int, str], list[str]] = {}
        for i, part in enumerate(train[1:], 1):
            for name in part.table.column_names:
                if not is_number(part.table, name):
                    words, counts = np.unique(labels(part.table, name), return_counts=True)
                    best = words[np.argsort(-counts, kind="stable")][:CATEGORIES]
                    self.frequent[i, name] = best.tolist()

    def table(self, parts: Sequence[Part], n: int) -> pa.Table:
        """The summaries of ``n`` trees."""
        root = parts[0]
        at = np.full(n, -1)
        at[root.owner[::-1]] = np.arange(len(root))[::-1]
        rows = pa.array(at, mask=at < 0)
        taken = {c: root.table.column(c).take(rows) for c in root.table.column_names}
        columns: dict[str, pa.ChunkedArray | Floats] = dict(taken)
        for i, part in enumerate(parts[1:], 1):
            of, prefix = part.owner, f"{part.name}: "
            columns[f"{prefix}rows"] = np.bincount(of, minlength=n).astype(np.float64)
            for name in part.table.column_names:
                about = f"{prefix}{name}"
                if (i, name) in self.frequent:
                    words = labels(part.table, name)
                    for word in self.frequent[i, name]:
                        columns[f"{about} = {word}"] = _mean(words == word, of, n)
                else:
                    found = _of_number(values(part.table, name), part, n)
                    columns |= {f"{about}, {what}": v for what, v in found.items()}
        return pa.table(
            {
                name: pa.array(c, from_pandas=True) if isinstance(c, np.ndarray) else c
                for name, c in columns.items()
            }
        )


def _mean(x: np.ndarray, of: Ints, n: int) -> Floats:
    """The mean over each tree's rows that have a value; NaN if none has."""
    known = np.isfinite(x.astype(np.float64))
    count = np.bincount(of[known], minlength=n)
    total = np.bincount(of[known], x[known].astype(np.float64), minlength=n)
    return np.asarray(np.divide(total, count, out=np.full(n, np.nan), where=count > 0))


def _of_number(x: Floats, part: Part, n: int) -> dict[str, Floats]:
    of, known = part.owner, np.isfinite(x)
    mean = _mean(x, of, n)
    centred = x - mean[of]
    variance = _mean(centred**2, of, n)
    count = np.bincount(of[known], minlength=n)
    first, last = np.full(n, np.nan), np.full(n, np.nan)
    last[of[known]] = x[known]
    first[of[known][::-1]] = x[known][::-1]
    early, late = following(part)
    both = known[early] & known[late]
    early, late = early[both], late[both]
    products = np.bincount(of[early], centred[early] * centred[late], minlength=n)
    total = variance * count
    enough = (count > 2) & (total > 1e-12 * np.maximum(mean**2, 1e-300) * count)
    lag = np.divide(products, total, out=np.full(n, np.nan), where=enough)
    spread = np.where(count > 1, np.sqrt(variance), np.nan)
    return {"mean": mean, "deviation": spread, "first": first, "last": last, "lag 1": lag}


class Entities(Extractor[Tree]):
    """Summaries of whole trees, each number as its rank among training ones and each category as a
    one-hot code: distances are between entities, not between rows.

    Args:
        kinds: of columns, that the user has set.
    """

    name = "entities"

    def __init__(self, kinds: Mapping[str, str] | None = None) -> None:
        self.kinds = kinds or {}
        self._columns: TreeColumns | None = None

    def fit(self, train: Sequence[Tree]) -> None:
        trees = some_trees(train, np.random.default_rng(0))
        self._columns = TreeColumns(trees, self.kinds)
        parts = self._columns.parts(trees)
        self._summaries = Summaries(parts)
        table = self._summaries.table(parts, len(trees))
        self._grids, self._words = dict[str, Floats](), dict[str, list[str]]()
        self._gaps = set[str]()
        for name in table.column_names:
            if is_number(table, name):
                known = values(table, name)
                finite = known[np.isfinite(known)]
                if len(finite) < len(known):
                    self._gaps.add(name)
                grid = np.quantile(finite, np.linspace(0, 1, 101)) if len(finite) else np.zeros(2)
                self._grids[name] = grid
            else:
                words, counts = np.unique(labels(table, name), return_counts=True)
                best = words[np.argsort(-counts, kind="stable")][:ROOT_CATEGORIES]
                self._words[name] = best.tolist()

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        assert self._columns is not None, "fit() comes before features() and fingerprint"
        about = [{k: v.tolist() for k, v in self._grids.items()}, self._words]
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]

    def features(self, items: Sequence[Tree]) -> Floats:
        assert self._columns is not None, "fit() comes before features() and fingerprint"
        table = self._summaries.table(self._columns.parts(as_trees(items)), len(items))
        parts = []
        for name in table.column_names:
            if name in self._grids:
                x, grid = values(table, name), self._grids[name]
                # The middle of the ranks of equal values, so that a frequent one is one place.
                rank = (np.searchsorted(grid, x, "left") + np.searchsorted(grid, x, "right")) / 2
                known = np.isfinite(x)
                parts.append(np.where(known, rank / len(grid), 0.5)[:, None])
                if name in self._gaps:
                    parts.append((~known).astype(np.float64)[:, None] / 2)
            else:
                words = labels(table, name)
                hot = words[:, None] == np.array(self._words[name])[None]
                parts.append(hot / np.sqrt(2))
        return np.concatenate(parts, 1)
