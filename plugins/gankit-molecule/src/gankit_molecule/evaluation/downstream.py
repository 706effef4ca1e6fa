"""The downstream model: gradient boosting on fingerprints and properties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gankit.contract import DownstreamModel
from gankit.errors import GankitError
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.properties import PROPERTIES
from gankit_molecule.evaluation.fingerprints import BITS, fingerprint_of, unpacked
from gankit_molecule.evaluation.memo import Memo
from gankit_molecule.settings import MoleculeSettings

Floats = np.ndarray[Any, np.dtype[np.float64]]
Labels = np.ndarray[Any, np.dtype[np.str_]]

MAX_TRAINING = 10_000
"""Molecules that are trained on."""
MIN_BIT_SHARE = 0.01
"""Share of molecules that must have, and lack, a bit of the fingerprint; other bits are dropped."""


class FingerprintModel(DownstreamModel[Molecule]):
    """Histogram gradient boosting with scikit-learn's defaults, on Morgan fingerprints and the
    computed properties except the one to predict.

    The key is a column of the data or a computed property; molecules without a value are dropped.
    Scores for text, and for numbers with two values: accuracy, balanced accuracy, F1 (macro; for
    two classes, of the one that is rarer in the test set), area under the ROC curve (mean of
    one-vs-rest). For other numbers: R² and Spearman's correlation; the mitigations are for classes
    and do not apply.
    """

    mitigations = ("class-weights", "oversampling")

    def __init__(self, settings: MoleculeSettings) -> None:
        self._memo = Memo(settings.workers)

    def scores(
        self,
        train: Sequence[Molecule],
        test: Sequence[Molecule],
        key: str,
        mitigation: str,
        seed: int,
    ) -> dict[str, float]:
        computed = key in PROPERTIES and not any(key in m.values for m in (*train, *test))
        fit, known = self._with_values(train, key, computed)
        held, truth = self._with_values(test, key, computed)
        different = set(known)
        if len(different) < 2 or len(held) < 2:
            few = (
                "the training molecules have one value"
                if len(different) < 2
                else "fewer than two test molecules have it"
            )
            raise GankitError(f"{key} cannot be predicted: {few}", "Choose another key")
        rng = np.random.default_rng(seed)
        # A random nine tenths of the molecules for each seed, so that the intervals are meaningful;
        # the same for all mitigations, so that they are comparable.
        most = min(max(int(0.9 * len(fit)), 2), MAX_TRAINING)
        chosen = np.sort(rng.permutation(len(fit))[:most])
        if len({known[i] for i in chosen}) < 2:
            chosen = np.arange(len(fit))
        x, known = self._features([fit[i] for i in chosen], key), [known[i] for i in chosen]
        useful = _useful(x)
        x, x_test = x[:, useful], self._features(held, key)[:, useful]
        if all(isinstance(value, float) for value in different) and len(different) > 2:
            if mitigation:
                return {}
            y, wanted = np.array(known, np.float64), np.array(truth, np.float64)
            return _of_numbers(x, y, x_test, wanted, seed)
        labels, classes = np.array([_text(v) for v in known]), np.array([_text(v) for v in truth])
        seen = np.isin(classes, labels)
        if len(np.unique(labels)) > 50 or not seen.any():
            raise GankitError(
                f"{key} cannot be predicted: it has {len(np.unique(labels))} classes",
                "Choose a key with 2 to 50 classes that training and test share, or numbers",
            )
        if mitigation == "oversampling":
            rows = _oversampled(labels, rng)
            x, labels = x[rows], labels[rows]
        weights = "balanced" if mitigation == "class-weights" else None
        return _of_classes(x, labels, x_test[seen], classes[seen], weights, seed)

    def _with_values(
        self, molecules: Sequence[Molecule], key: str, computed: bool
    ) -> tuple[list[Molecule], list[str | float]]:
        """The molecules that have a value, and the values.

        Raises:
            GankitError: the data has it, and a generated molecule has none.
        """
        bits = self._memo.of(fingerprint_of, [m.smiles for m in molecules])
        real = [
            m for m, found in zip(molecules, bits, strict=True) if m.valid and found is not None
        ]
        values: list[str | float | None]
        if computed:
            values = list(self._memo.properties([m.smiles for m in real], [key])[:, 0].tolist())
        else:
            values = [m.values.get(key) for m in real]
            if any(not m.values for m in real) and any(v is not None for v in values):
                raise GankitError(
                    f"{key} cannot be predicted: not all molecules have values",
                    "Choose a computed property, or a column that the run is conditioned on",
                )
        given = [_known(v) for v in values]
        known = [(m, v) for m, v in zip(real, given, strict=True) if v is not None]
        return [m for m, _ in known], [v for _, v in known]

    def _features(self, molecules: Sequence[Molecule], key: str) -> Floats:
        smiles = [m.smiles for m in molecules]
        bits = unpacked(np.array(self._memo.of(fingerprint_of, smiles), np.uint8))
        names = list(PROPERTIES)
        properties = self._memo.properties(smiles, names)
        return np.concatenate([properties[:, [n != key for n in names]], bits], 1)


def _known(value: str | float | None) -> str | float | None:
    """A value as text or float; None where it is empty or not finite."""
    if value is None or isinstance(value, str):
        return value or None
    return float(value) if math.isfinite(value) else None


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _useful(x: Floats) -> list[int]:
    """Columns of properties, and of bits that are neither too rare nor too common."""
    share = x[:, -BITS:].mean(0)
    varying = np.flatnonzero((share >= MIN_BIT_SHARE) & (share <= 1 - MIN_BIT_SHARE))
    first = x.shape[1] - BITS
    return [*range(first), *(first + varying).tolist()]


def _oversampled(labels: Labels, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int64]]:
    """All rows, and random ones of the rarer classes until all classes have the same number."""
    classes, counts = np.unique(labels, return_counts=True)
    short = zip(classes, counts.max() - counts, strict=True)
    drawn = [rng.choice(np.flatnonzero(labels == c), n) for c, n in short]
    return np.concatenate([np.arange(len(labels)), *drawn])


def _of_numbers(x: Floats, y: Floats, x_test: Floats, truth: Floats, seed: int) -> dict[str, float]:
    from scipy.stats import rankdata
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.metrics import r2_score

    guess = HistGradientBoostingRegressor(random_state=seed).fit(x, y).predict(x_test)
    ranks = rankdata(truth), rankdata(guess)
    spread = all(np.ptp(r) > 0 for r in ranks)  # otherwise ranks are undefined
    return {
        "r2": float(r2_score(truth, guess)),
        "spearman": float(np.corrcoef(*ranks)[0, 1]) if spread else 0.0,
    }


def _of_classes(
    x: Floats, labels: Labels, x_test: Floats, truth: Labels, weights: str | None, seed: int
) -> dict[str, float]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score

    model = HistGradientBoostingClassifier(class_weight=weights, random_state=seed)
    p = model.fit(x, labels).predict_proba(x_test)
    names = model.classes_.tolist()
    guess = model.classes_[p.argmax(1)]
    present = [c for c in names if (truth == c).any()]
    rare = min(names, key=lambda c: int((truth == c).sum()))
    average = {"pos_label": rare, "average": "binary"} if len(names) == 2 else {"average": "macro"}
    scores = {
        "accuracy": float(accuracy_score(truth, guess)),
        "balanced_accuracy": float(
            recall_score(truth, guess, labels=present, average="macro", zero_division=0)
        ),
        "f1": float(f1_score(truth, guess, zero_division=0, **average)),
    }
    if len(present) > 1:
        areas = [roc_auc_score(truth == c, p[:, names.index(c)]) for c in present]
        scores["auc"] = float(np.mean(areas))
    return scores
