"""The score of a run of guard.py, by the features of the plugin's first extractor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from guard_runs import FAILING, HEALTHY, Values, healthy_of

import gankit
from gankit.contract import Codec, Extractor
from gankit.contract.subsets import take
from gankit.metrics.manifold import manifold_scores
from gankit.metrics.memorisation import memorisation_scores
from gankit.workflows.data import read_data
from gankit.workflows.scoring import evaluators_of

MOST, MOST_TRAINING = 500, 5_000
"""Samples that are scored; training items that the classifier and originality are computed from."""
Record = dict[str, Any]


def scored(name: str, folder: Path, weights: str = "best") -> Record:
    """The score of a run and its parts."""
    failing = FAILING.get(name)
    read = failing.data if failing and failing.data else HEALTHY[healthy_of(name)].data
    data, networks = read(), failing.networks if failing else None
    run = gankit.load(folder, networks=networks, data=data, weights=weights)
    split, settings = read_data(run.plugin, run.config, data), run.config.settings
    n = min(len(split.heldout) // 2, MOST)
    made = list(run.stream(n))
    codec = run.sampler("cpu").codec
    sources = evaluators_of(run.plugin.modality, codec, settings, ())
    extractor = next(one for one in sources if isinstance(one, Extractor))
    rng = np.random.default_rng(0)
    order = rng.permutation(len(split.heldout))
    known = rng.permutation(len(split.train))[:MOST_TRAINING]
    real, other = (take(split.heldout, sorted(order[i * n : (i + 1) * n])) for i in (0, 1))
    train = take(split.train, sorted(known))
    extractor.fit(split.train)
    made = [sample for sample in made if extractor.accepts(sample.item)]
    if len(made) < n // 10:
        return {"score": 0.0, "n": n}
    features = {
        key: extractor.features(list(items))
        for key, items in {"real": real, "other": other, "train": train}.items()
    }
    fake = extractor.features([sample.item for sample in made])
    parts = {"coverage": [], "original": [], "agreement": []}  # type: dict[str, list[float]]
    classify = _classifier(codec, features["train"], train)
    for x in (fake, features["other"]):
        parts["coverage"].append(manifold_scores(features["real"], x)["coverage"])
        closer = memorisation_scores(features["train"], x, features["other"])["closer_to_train"]
        parts["original"].append(min(2 * (1 - closer), 1.0))
    if classify is not None:
        field = codec.layout.condition
        assert field is not None
        wanted = np.array([np.argmax(field.encode(sample.condition)) for sample in made])
        parts["agreement"] = [
            float((classify.predict(x) == c).mean())
            for x, c in ((fake, wanted), (features["other"], _classes(codec, other)))
        ]
    shares = {k: min(v[0] / v[1], 1.0) for k, v in parts.items() if v}
    score = float(np.prod(list(shares.values()))) * len(made) / n
    found = {k: [round(x, 4) for x in v] for k, v in parts.items() if v}
    return {"score": round(score, 4), "n": n, **found}


def _classes(codec: Codec[Any], items: Sequence[Any]) -> Values:
    c = codec.encode(list(items), np.random.default_rng(0)).c
    assert c is not None
    return c.argmax(1).numpy()


def _classifier(codec: Codec[Any], features: Values, items: Sequence[Any]) -> Any:
    """A linear one; None where items have no classes, or other conditions too."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    condition = codec.layout.condition
    if condition is None or len(condition.fields) > 1 or condition.width < 2:
        return None
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, tol=1e-2))
    return model.fit(features, _classes(codec, items))
