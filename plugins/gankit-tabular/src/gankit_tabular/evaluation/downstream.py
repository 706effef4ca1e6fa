"""Gradient boosting as the downstream model, and common mitigations of class imbalance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gankit.contract import DownstreamModel
from gankit.errors import GankitError
from gankit_tabular.data.arrow import Floats, Ints
from gankit_tabular.data.rows import Row, table_of
from gankit_tabular.evaluation.scored import ScoredColumns
from gankit_tabular.evaluation.vectors import design_matrices, is_continuous, values

Labels = npt.NDArray[np.str_]
NEIGHBOURS = 5


class Boosting(DownstreamModel[Row]):
    """Histogram gradient boosting with scikit-learn's defaults.

    Scores for a column of few values: macro F1, balanced accuracy, area under the ROC curve (one
    against the rest); for two classes, F1 of the class that is rarer in the test rows. For a number
    of many values: R², without mitigations, which are for classes. Identifiers and constants do not
    predict anything.

    Args:
        kinds: of columns, that the user has set.
    """

    mitigations = ("class-weights", "oversampling", "smote-nc")

    def __init__(self, kinds: Mapping[str, str] | None = None) -> None:
        self._kinds = kinds or {}
        self._columns: ScoredColumns | None = None

    def scores(
        self, train: Sequence[Row], test: Sequence[Row], key: str, mitigation: str, seed: int
    ) -> dict[str, float]:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

        train, test = ([row for row in rows if row[key] is not None] for rows in (train, test))
        if not (train and test):
            raise GankitError(f"{key} is always missing", "Name another column: --target KEY")
        tables = [table_of(rows) for rows in (train, test)]
        if self._columns is None:  # those of the first training set, for all that are compared
            self._columns = ScoredColumns.of(tables[0], kinds=self._kinds)
        fit, held = (self._columns.table(table, [key]) for table in tables)
        names = [name for name in fit.column_names if name != key]
        if is_continuous(fit, key):
            return {} if mitigation else {"r2": _r2(fit, held, names, key, seed)}
        y, truth = (np.array([str(row[key]) for row in rows]) for rows in (train, test))
        classes = np.unique(y)
        if not 2 <= len(classes) <= 50:
            raise GankitError(
                f"{key} has {len(classes):,} {'value' if len(classes) == 1 else 'values'}: the "
                "downstream model needs 2 to 50 classes, or numbers",
                "Name another column: --target KEY",
            )
        known = np.isin(truth, classes)
        held, truth = held.filter(pa.array(known)), truth[known]
        (x, x_test), categorical = design_matrices([fit, held], names)
        rng = np.random.default_rng(seed)
        drawn = _subset(len(x), rng)
        x, y = x[drawn], y[drawn]
        if mitigation == "oversampling":
            x, y = oversample(x, y, rng)
        elif mitigation == "smote-nc":
            x, y = smote_nc(x, y, np.array(categorical), rng)
        weights = "balanced" if mitigation == "class-weights" else None
        model = HistGradientBoostingClassifier(
            categorical_features=categorical, class_weight=weights, random_state=seed
        )
        p = model.fit(x, y).predict_proba(x_test)
        guess = model.classes_[p.argmax(1)]
        two = len(classes) == 2
        rare = min(classes.tolist(), key=lambda c: int((truth == c).sum()))
        average = {"pos_label": rare, "average": "binary"} if two else {"average": "macro"}
        auc = (
            roc_auc_score(truth == rare, p[:, list(model.classes_).index(rare)])
            if two
            else roc_auc_score(truth, p, multi_class="ovr", labels=model.classes_)
        )
        return {
            "f1": float(f1_score(truth, guess, zero_division=0, **average)),
            "balanced_accuracy": float(balanced_accuracy_score(truth, guess)),
            "auc": float(auc),
        }


def _subset(n: int, rng: np.random.Generator) -> Ints:
    """A random 90 % of the rows: different for each seed, so that intervals cover this variation;
    the same for every mitigation, so that they are comparable.
    """
    return np.sort(rng.permutation(n)[: max(int(0.9 * n), 2)])


def _r2(train: pa.Table, test: pa.Table, names: Sequence[str], key: str, seed: int) -> float:
    """The coefficient of determination, without rows that have no value."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.metrics import r2_score

    train, test = (t.filter(t.column(key).is_valid()) for t in (train, test))
    truth = values(test, key)
    if len(np.unique(truth[np.isfinite(truth)])) < 2:
        raise GankitError(
            f"{key} is the same in all test rows", "Name another column: --target KEY"
        )
    (x, x_test), categorical = design_matrices([train, test], names)
    drawn = _subset(len(x), np.random.default_rng(seed))
    model = HistGradientBoostingRegressor(categorical_features=categorical, random_state=seed)
    model.fit(x[drawn], values(train, key)[drawn])
    return float(r2_score(truth, model.predict(x_test)))


def oversample(x: Floats, y: Labels, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """Repeats rows of rare classes until all classes have the same size."""
    classes, counts = np.unique(y, return_counts=True)
    missing = zip(classes, counts.max() - counts, strict=True)
    drawn = [rng.choice(np.flatnonzero(y == c), n) for c, n in missing]
    index = np.concatenate([np.arange(len(y)), *drawn])
    return x[index], y[index]


def _filled(x: Floats, categorical: npt.NDArray[np.bool_]) -> Floats:
    """Missing numbers as the mean of their column; categories without a code as the first."""
    known = np.isfinite(x)
    means = np.where(known, x, 0).sum(0) / np.maximum(known.sum(0), 1)
    return np.where(known, x, np.where(categorical, 0, means))


def smote_nc(
    x: Floats, y: Labels, categorical: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Floats, Labels]:
    """Adds rows between neighbours of a rare class (Chawla et al. 2002, section 6.1): numbers are
    interpolated, categories are the most frequent ones among the neighbours. A mismatch of
    categories counts as one standard deviation of a number.
    """
    from sklearn.neighbors import NearestNeighbors

    classes, counts = np.unique(y, return_counts=True)
    made_x, made_y = [x], [y]
    for c, n in zip(classes, counts, strict=True):
        own, missing = _filled(x[y == c], categorical), counts.max() - n
        if not missing or len(own) < 2:
            continue
        numbers, words = own[:, ~categorical], own[:, categorical]
        scale = numbers.std(0)
        scale[scale == 0] = 1
        hot = [(w[:, None] == np.unique(w)) / np.sqrt(2) for w in words.T]
        space = np.concatenate([numbers / scale, *hot], 1)
        k = min(NEIGHBOURS, len(own) - 1)
        near = NearestNeighbors(n_neighbors=k + 1).fit(space).kneighbors(space)[1][:, 1:]
        seed = rng.integers(len(own), size=missing)
        other = near[seed, rng.integers(k, size=missing)]
        new = np.empty((missing, x.shape[1]))
        way = rng.random((missing, 1))
        new[:, ~categorical] = numbers[seed] + way * (numbers[other] - numbers[seed])
        votes = words[near[seed]]
        same = (votes[:, :, None] == votes[:, None]).sum(2)
        best = same.argmax(1)
        new[:, categorical] = np.take_along_axis(votes, best[:, None], 1)[:, 0]
        made_x.append(new)
        made_y.append(np.full(missing, c))
    return np.concatenate(made_x), np.concatenate(made_y)
