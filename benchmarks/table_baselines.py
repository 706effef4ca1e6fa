"""Short synthesisers of tables: columns drawn independently, a Gaussian copula, sequential trees.

Each is ``fit(train, seed) -> draw``. Trees are CART as in synthpop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
from scipy.stats import norm, rankdata
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from gankit_tabular.data.arrow import numbers, plain

MANY = 200
"""A tree for a column with more values than this predicts the number of a value, not its class."""

Draw = Callable[[int, Mapping[str, str]], pa.Table]
"""``draw(n, where)``: n rows, with the requested values where the model supports conditions."""
Synthesiser = Callable[[pa.Table, int], Draw]
"""``fit(train, seed) -> draw``."""


def independent(train: pa.Table, seed: int) -> Draw:
    rng = np.random.default_rng(seed)

    def draw(n: int, where: Mapping[str, str]) -> pa.Table:
        columns = [c.take(pa.array(rng.integers(len(train), size=n))) for c in train.columns]
        return pa.table(columns, schema=train.schema)

    return draw


def copula(train: pa.Table, seed: int) -> Draw:
    """Ranks of all columns as normal scores, their covariance, and quantiles back."""
    rng = np.random.default_rng(seed)
    codes, back = _coded(train, by_frequency=True)
    scores = np.stack([norm.ppf((rankdata(c) - 0.5) / len(c)) for c in codes.T], 1)
    correlation = np.nan_to_num(np.corrcoef(scores.T))  # of constants

    def draw(n: int, where: Mapping[str, str]) -> pa.Table:
        u = norm.cdf(rng.multivariate_normal(np.zeros(len(correlation)), correlation, size=n))
        made = [np.quantile(c, v, method="lower") for c, v in zip(codes.T, u.T, strict=True)]
        return _table(np.stack(made, 1), back, train.schema)

    return draw


def trees(train: pa.Table, seed: int) -> Draw:
    """Each column from those before it: a tree, then a draw from the rows of its leaf."""
    rng = np.random.default_rng(seed)
    codes, back = _coded(train)
    fitted = []
    for j in range(1, codes.shape[1]):
        words = back[j]
        few = isinstance(words, np.ndarray) and len(words) <= MANY
        kind = DecisionTreeClassifier if few else DecisionTreeRegressor
        tree = kind(min_samples_leaf=5, random_state=seed).fit(codes[:, :j], codes[:, j])
        leaf = tree.apply(codes[:, :j])
        order = np.argsort(leaf, kind="stable")
        fitted.append((tree, order, *np.unique(leaf[order], return_index=True, return_counts=True)))

    def draw(n: int, where: Mapping[str, str]) -> pa.Table:
        made = np.empty((n, codes.shape[1]))
        made[:, 0] = rng.choice(codes[:, 0], n)
        for j, (tree, order, leaves, start, count) in enumerate(fitted, 1):
            place = np.searchsorted(leaves, tree.apply(made[:, :j]))
            drawn = start[place] + (rng.random(n) * count[place]).astype(int)
            made[:, j] = codes[order[drawn], j]
        return _table(made, back, train.schema)

    return draw


def is_number(field: pa.Field) -> bool:
    t = field.type
    return bool(pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_temporal(t))


Back = list[np.ndarray | float]
"""How a column comes back: the words of its codes, or the number that stands for a missing one."""


def _coded(table: pa.Table, by_frequency: bool = False) -> tuple[np.ndarray, Back]:
    codes, back = [], Back()
    for name in table.column_names:
        column = plain(table.column(name))
        if is_number(table.schema.field(name)):
            values = numbers(column)
            missing = float(np.nanmin(values) - 1)
            codes.append(np.nan_to_num(values, nan=missing))
            back.append(missing)
        else:
            words = np.array([str(v) for v in column.to_pylist()])
            known, index, counts = np.unique(words, return_inverse=True, return_counts=True)
            order = np.argsort(-counts) if by_frequency else np.arange(len(known))
            codes.append(np.argsort(order)[index].astype(float))
            back.append(known[order])
    return np.stack(codes, 1), back


def _table(codes: np.ndarray, back: Back, schema: pa.Schema) -> pa.Table:
    columns = []
    for values, how, field in zip(codes.T, back, schema, strict=True):
        if isinstance(how, np.ndarray):
            words = how[values.astype(int)].tolist()
            column = pa.array([None if w == "None" else w for w in words])
        else:
            column = pa.array(values, mask=values == how)
        if pa.types.is_temporal(field.type):
            column = column.cast(pa.int64(), safe=False)
        columns.append(column.cast(field.type, safe=False))
    return pa.table(columns, schema=schema)
