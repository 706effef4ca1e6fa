"""How useful a table is for training a model, and whether a model can tell two tables apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gankit_tabular.data.arrow import Floats, Ints
from gankit_tabular.evaluation.vectors import (
    MISSING,
    MOST_CLASSES,
    design_matrices,
    is_continuous,
    labels,
    values,
)

FEWEST = 5
"""Classes with fewer test rows are left out."""


def train_and_test(train: pa.Table, test: pa.Table, target: str) -> dict[str, float]:
    """How well gradient boosting, trained on one table, predicts the target of another one.

    Returns:
        ``auc``, the area under the ROC curve, for more than two classes the mean of one against
        the rest; or ``r2``, the coefficient of determination, for a number of many values. Empty
        for other targets. Rows without a target do not count.
    """
    if is_continuous(test, target):
        train, test = (t.filter(t.column(target).is_valid()) for t in (train, test))
        return {"r2": _r2(train, test, target)} if len(train) else {}
    truth = labels(test, target)
    classes, counts = np.unique(truth[truth != MISSING], return_counts=True)
    classes = classes[counts >= FEWEST]
    if not 2 <= len(classes) <= MOST_CLASSES:
        return {}
    return {"auc": _auc(train, test, target, classes)}


def _r2(train: pa.Table, test: pa.Table, target: str) -> float:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.metrics import r2_score

    (x, x_test), categorical = _features(train, test, target)
    model = HistGradientBoostingRegressor(categorical_features=categorical, random_state=0)
    model.fit(x, values(train, target))
    return float(r2_score(values(test, target), model.predict(x_test)))


def _auc(train: pa.Table, test: pa.Table, target: str, classes: np.ndarray) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    train, test = (t.filter(pa.array(np.isin(labels(t, target), classes))) for t in (train, test))
    y, truth = labels(train, target), labels(test, target)
    known, counts = np.unique(y, return_counts=True)
    if len(known) < 2 or counts.min() < 2:
        return 0.5  # one class cannot train a classifier
    (x, x_test), categorical = _features(train, test, target)
    model = HistGradientBoostingClassifier(categorical_features=categorical, random_state=0)
    p = dict(zip(known.tolist(), model.fit(x, y).predict_proba(x_test).T, strict=True))
    zero = np.zeros(len(truth))  # the score of a class without training rows
    return float(np.mean([roc_auc_score(truth == c, p.get(c, zero)) for c in classes.tolist()]))


def _features(
    train: pa.Table, test: pa.Table, target: str
) -> tuple[tuple[Floats, Floats], list[bool]]:
    (x, x_test), categorical = design_matrices(
        [train, test], [n for n in train.column_names if n != target]
    )
    return (x, x_test), categorical


def two_sample_auc(
    real: pa.Table,
    other: pa.Table,
    rng: np.random.Generator,
    groups: tuple[Ints, Ints] | None = None,
) -> float:
    """Cross-validated area under the ROC curve of a classifier of the two tables.

    Args:
        groups: a number for each row of the tables: rows with the same one are in the same fold.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_score

    n = min(len(real), len(other))
    if n < 20:
        return float("nan")
    chosen = [rng.permutation(len(t))[:n] for t in (real, other)]
    tables = [t.take(index) for t, index in zip((real, other), chosen, strict=True)]
    (x, z), categorical = design_matrices(tables, real.column_names)
    model = HistGradientBoostingClassifier(categorical_features=categorical, random_state=0)
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = kind(3, shuffle=True, random_state=0)
    y, of = np.r_[np.zeros(n), np.ones(n)], None
    if groups is not None:
        first, second = (g[index] for g, index in zip(groups, chosen, strict=True))
        of = np.r_[first, groups[0].max() + 1 + second]
        if min(len(np.unique(first)), len(np.unique(second))) < 3:
            return float("nan")
    both = np.concatenate([x, z])
    return float(cross_val_score(model, both, y, cv=folds, groups=of, scoring="roc_auc").mean())
