"""How much scores would change with other samples."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.contract import EvaluationData, Extractor, Sample
from gankit.metrics import GaussianStats, evaluate, frechet_distance, manifold_scores
from gankit.metrics.intervals import (
    GROUPS,
    frechet_without,
    groups_of,
    manifold_without,
    memorisation_without,
    spreads,
)
from gankit.metrics.manifold import balls
from gankit.metrics.memorisation import Distances, memorisation_scores


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(("samples", "width"), [(200, 6), (45, 60)])
def test_scores_without_a_group_are_those_of_the_others(rng, samples, width):
    real, unseen = rng.normal(size=(300, width)), rng.normal(size=(samples, width))
    made = rng.normal(size=(samples, width)) + 0.3
    groups, radii = groups_of(samples, rng), balls(real, 5)
    found = {
        **frechet_without(GaussianStats.of(real), made, groups),
        **manifold_without(real, made, groups, 5, radii),
        **memorisation_without(Distances.of(real, made, unseen), groups),
    }
    for group in (0, GROUPS - 1):
        kept = made[groups != group]
        others = {
            "frechet": frechet_distance(GaussianStats.of(real), GaussianStats.of(kept)),
            **manifold_scores(real, kept),
            **memorisation_scores(real, kept, unseen),
        }
        for name, values in found.items():
            assert values[group] == pytest.approx(others[name], rel=1e-6), name
    assert "recall" not in found


def test_the_standard_error_is_that_of_other_samples(rng):
    real = rng.normal(size=(500, 4))
    values, errors = [], []
    for _ in range(60):
        made = rng.normal(size=(200, 4)) * 0.9 + 0.2
        value = frechet_distance(GaussianStats.of(real), GaussianStats.of(made))
        left = frechet_without(GaussianStats.of(real), made, groups_of(200, rng))
        spread = spreads({"frechet": value}, left)["frechet"]
        assert spread.interval[0] <= value <= spread.interval[1]
        values.append(value)
        errors.append(spread.error)
    assert 0.7 < np.mean(errors) / np.std(values) < 1.4


def test_few_samples_and_those_that_do_not_vary_have_none(rng):
    assert groups_of(2 * GROUPS - 1, rng) is None
    assert not spreads({"copies": 0.0}, {"copies": np.zeros(GROUPS)})


class Identity(Extractor):
    name, fingerprint = "identity", "1"

    def features(self, items):
        return np.stack(items)


def test_scores_of_features_have_intervals(rng):
    def some(n):
        return list(rng.normal(size=(n, 3)))

    made = [Sample(x, i, {}) for i, x in enumerate(some(80))]
    scores = {s.name: s for s in evaluate([Identity()], EvaluationData(made, some(200), some(80)))}
    frechet = scores["frechet/identity"]
    assert frechet.interval[0] < frechet.value < frechet.interval[1]
    assert frechet.as_dict()["interval"] == list(frechet.interval)
    assert scores["coverage/identity"].interval[0] >= 0
    assert scores["recall/identity"].interval is None
    assert scores["kernel/identity"].interval is None
