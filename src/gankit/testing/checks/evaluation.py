"""Checks of features and scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from gankit.contract import (
    EvaluationData,
    Evaluator,
    HasBaselines,
    quiet,
)
from gankit.metrics import GaussianStats, frechet_distance
from gankit.testing.checks.base import FEW, expect
from gankit.testing.checks.shared import untrained_samples
from gankit.testing.subject import BATCH, NotApplicable, Subject


def features(s: Subject) -> None:
    """Features are finite, one row per item, and a row depends on its item only."""
    items = s.items(BATCH)
    for extractor in s.extractors:
        name = extractor.name
        extractor.fit(s.dataset.items)
        expect(name and extractor.fingerprint, f"{name!r}: no name or fingerprint", "Set both")
        left = sum(not extractor.accepts(item) for item in items)
        expect(
            not left,
            f"{name} does not accept {left} real items",
            "Accept every item that read returns",
        )
        rows, again, part = map(extractor.features, (items, items, items[:3]))
        fits = rows.ndim == 2 and len(rows) == len(items) and rows.dtype == np.float64
        expect(fits, f"{name}: {rows.dtype} of shape {rows.shape}", "Return float64 (N, D)")
        expect(np.isfinite(rows).all(), f"{name}: not finite", "Guard roots, logs and empty items")
        same = np.array_equal(rows, again)
        expect(same, f"{name}: two calls differ", "Draw weights from a fixed seed, in eval mode")
        alone = np.allclose(rows[:3], part, rtol=1e-3, atol=1e-4)
        expect(
            alone, f"{name}: a row changes with its neighbours", "Do not normalise over the batch"
        )


def distances(s: Subject) -> None:
    """Real items are nearer to real ones than an untrained generator's samples are."""
    if s.codec.is_learned:
        raise NotApplicable("the codec is trained: it decodes noise to plausible items")
    n = min(FEW, len(s.dataset.items) // 2)
    real, more, noise = s.items(n), s.items(n, skip=n), [x.item for x in untrained_samples(s, n)]
    for extractor in s.extractors:
        taken = [[x for x in items if extractor.accepts(x)] for items in (real, more, noise)]
        if len(taken[2]) < 2:
            continue  # an untrained generator's samples are not valid items
        reference, same, other = (GaussianStats.of(extractor.features(x)) for x in taken)
        baseline, found = frechet_distance(reference, same), frechet_distance(reference, other)
        what = f"{extractor.name}: real items are {baseline:.3g} apart, and {found:.3g} from noise"
        expect(baseline < found, what, "Use features that separate real items from noise")


def evaluators(s: Subject) -> None:
    """Scores are finite or absent, details are a table, and baselines give n items."""
    n = min(FEW, len(s.dataset.items) // 2)
    if isinstance(s.modality, HasBaselines):
        for name, items in s.modality.baselines(s.items(n), s.settings, n, 0, quiet).items():
            what = f"baseline {name} gives {len(items)} items instead of {n}"
            expect(len(items) == n, what, "Return n items")
    own = [e for e in s.evaluators if isinstance(e, Evaluator)]
    if not own:
        raise NotApplicable("the modality has no evaluator")
    data = EvaluationData(untrained_samples(s, n), s.items(n), s.items(n, skip=n))
    for evaluator in own:
        expect(evaluator.name, f"{type(evaluator).__name__} has no name", "Set it")
        scores: dict[str, Any] = {**evaluator.evaluate(data, np.random.default_rng(0))}
        odd = [k for k, v in scores.items() if not isinstance(v, float) or not np.isfinite(v)]
        fix = "Leave a score out where it does not apply; return floats otherwise"
        expect(not odd, f"{evaluator.name}: {', '.join(odd)} is not a finite number", fix)
        rows = evaluator.details(data, np.random.default_rng(0))
        named = all(isinstance(next(iter(row.values())), str) for row in rows)
        alike = named and all([*row] == [*rows[0]] for row in rows)
        fix = "Return mappings with the same keys, the first of which names the part"
        expect(alike, f"{evaluator.name}: the rows of details differ in form", fix)
