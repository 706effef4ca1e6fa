"""Features of a classifier of the data's own labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.contract import EvaluationData, Sample
from gankit.metrics import evaluate
from gankit_image.data.images import Image
from gankit_image.evaluation import label_features
from gankit_image.evaluation.class_agreement import ClassAgreement
from gankit_image.evaluation.label_features import LabelFeatures


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_features, "STEPS", 20)
    monkeypatch.setattr(label_features, "SIDE", 16)


def stripes(n: int, seed: int = 0, labelled: bool = True) -> list[Image]:
    """Images of horizontal and of vertical stripes, in noise."""
    rng, found = np.random.default_rng(seed), []
    for i in range(n):
        wave = 60 * np.sin(np.arange(16) * 1.5 + rng.uniform(0, 6))
        wave = wave[:, None] if i % 2 else wave[None]
        pixels = 128 + wave[..., None] + rng.normal(0, 20, (16, 16, 1))
        label = ("vertical", "horizontal")[i % 2] if labelled else None
        found.append(Image(pixels.clip(0, 255).astype(np.uint8), label))
    return found


def test_classes_lie_apart_and_nothing_random_is_disturbed() -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    extractor = LabelFeatures()
    extractor.fit(stripes(60))
    found = extractor.features(stripes(40, seed=1))
    assert found.shape == (40, label_features.FEATURES)
    a, b = found[::2], found[1::2]
    apart = np.linalg.norm(a.mean(0) - b.mean(0))
    assert apart > np.sqrt(a.var(0).sum() + b.var(0).sum())
    again = LabelFeatures()
    again.fit(stripes(60))
    assert again.fingerprint == extractor.fingerprint != ""
    again.fit(stripes(60, seed=2))
    assert again.fingerprint != extractor.fingerprint
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("train", [stripes(18), stripes(60, labelled=False), stripes(60)[::2]])
def test_without_two_classes_of_ten_there_are_no_scores(train: list[Image]) -> None:
    extractor = LabelFeatures()
    extractor.fit(train)
    assert not extractor.accepts(train[0])
    samples = [Sample(item, i, {"label": "x"}) for i, item in enumerate(train)]
    data = EvaluationData(samples, train, train)
    assert evaluate([extractor, ClassAgreement(extractor)], data, only=["frechet"]) == []


def test_class_agreement_can_use_them() -> None:
    extractor = LabelFeatures()
    extractor.fit(stripes(60))
    made = [
        Sample(item, i, {"label": ("vertical", "horizontal")[i % 2]})
        for i, item in enumerate(stripes(30, seed=3))
    ]
    agreement = ClassAgreement(extractor)
    # Grey images this small are compared by pixels; larger ones by features.
    agreement._grey = lambda images, side: extractor.features(images)  # type: ignore[method-assign]
    data = EvaluationData(made, stripes(60), stripes(30, seed=4))
    found = agreement.evaluate(data, np.random.default_rng(0))
    assert found["class_agreement"] > 0.9
    assert agreement.fingerprint == extractor.fingerprint
    rows = agreement.details(data, np.random.default_rng(0))
    assert [row["class"] for row in rows] == ["horizontal", "vertical"]
    assert np.mean([row["agreement"] for row in rows]) == pytest.approx(found["class_agreement"])
    assert all(row["agreement_real"] > 0.9 for row in rows)
