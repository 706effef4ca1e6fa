"""Scores of a set of clips in the features of an extractor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gankit.contract import EvaluationData, Evaluator, Extractor
from gankit.metrics import (
    different_bins,
    frechet_extrapolated,
)
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.selection import (
    Scores,
    Selection,
    Values,
    class_key,
    classes_of,
    enough,
    sample_indices,
)

MEANINGS = {
    "frechet_infinity": "Fréchet distance to the training clips, extrapolated to infinitely many "
    "generated ones",
    "different_bins": "share of the training data's clusters with too many or too few samples",
    "diversity_within_class": "distance of two samples of a class, relative to two training "
    "clips of it: near 0 all sound the same",
    "diversity_within_worst_class": "the same of the class where it is lowest",
}
FEWEST = 5
"""Fewest clips of a class for its diversity."""


class Distribution(Evaluator[Clip]):
    """Scores of a whole set of clips, in the features of an extractor.

    - ``frechet_infinity/<extractor>``: the Fréchet distance to the training clips, extrapolated to
      infinitely many generated ones;
    - ``different_bins/<extractor>``: share of the training data's clusters that hold significantly
      more or fewer generated clips;
    - ``diversity_within_class/<extractor>``: mean distance of two generated clips of a
      class, relative to two training clips of it, averaged over classes; the lowest of them is
      ``diversity_within_worst_class/<extractor>``. Near 0 all clips of a class sound the same.
    """

    def __init__(self, extractor: Extractor[Clip]) -> None:
        self.extractor = extractor
        self.name = f"distribution/{extractor.name}"
        self.fingerprint = extractor.fingerprint
        names = ("frechet_infinity", "different_bins")
        self.lower_is_better = {f"{name}/{extractor.name}": True for name in names}
        self.meanings = {f"{name}/{extractor.name}": text for name, text in MEANINGS.items()}

    def evaluate(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Scores:
        """The scores, with baselines from as many held-out clips; diversity needs classes."""
        if not enough(data):
            return {}
        chosen = Selection(data, rng)
        n = min(len(chosen.generated), len(chosen.heldout))
        chosen.generated = [
            chosen.generated[i] for i in sample_indices(n, len(chosen.generated), rng)
        ]
        chosen.heldout = [chosen.heldout[i] for i in sample_indices(n, len(chosen.heldout), rng)]
        train, made, heldout = chosen.of(self.extractor.features)
        scores: Scores = {}
        seed = int(rng.integers(2**32))  # the same draws for a score and its baseline
        for end, other in (("", made), ("_real", heldout)):
            name = self.extractor.name
            fixed = np.random.default_rng(seed)
            scores[f"frechet_infinity/{name}{end}"] = frechet_extrapolated(train, other, fixed)[0]
            scores[f"different_bins/{name}{end}"] = different_bins(train, other, fixed)
        return scores | self._diversity(chosen, train, made, heldout)

    def _diversity(self, chosen: Selection, train: Values, made: Values, heldout: Values) -> Scores:
        data = chosen.data
        key = class_key(data)
        labels = classes_of(data.train, chosen.train, key)
        requested = [v if isinstance(v, str) else None for v in chosen.requested(key)]
        known = classes_of(data.heldout, chosen.heldout, key)
        reference = _spread(train, labels)
        scores: Scores = {}
        for end, features, classes in (("", made, requested), ("_real", heldout, known)):
            found = _spread(features, classes)
            ratios = [found[c] / reference[c] for c in found if reference.get(c, 0.0) > 0]
            if not ratios:
                return {} if not end else scores
            name = self.extractor.name
            scores[f"diversity_within_class/{name}{end}"] = float(np.mean(ratios))
            scores[f"diversity_within_worst_class/{name}{end}"] = float(min(ratios))
        return scores


def _spread(features: Values, classes: Sequence[str | None]) -> dict[str, float]:
    """The mean distance of two clips of a class, for each class with enough clips."""
    found = {}
    names = np.array(["" if c is None else c for c in classes])
    for name in dict.fromkeys(c for c in classes if c is not None):
        x = features[names == name][:300]
        if len(x) >= FEWEST:
            squares = np.square(x).sum(1)
            distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0.0))
            np.fill_diagonal(distances, 0.0)
            found[name] = float(distances.sum() / (len(x) * (len(x) - 1)))
    return found
