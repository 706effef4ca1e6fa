"""Inception-v3, the network of FID and KID."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Extractor
from gankit.errors import GankitError
from gankit.metrics import read_weights
from gankit_image.data.images import Image
from gankit_image.evaluation.extractors import NetworkExtractor

if TYPE_CHECKING:
    from gankit_image.codec.image_codec import ImageCodec

FID_CLASSES = 1008
"""Outputs of the network of 2015 that published FIDs use; torchvision's has 1000."""


class _InceptionFeatures(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.network(x / 127.5 - 1.0)
        return features


def inception_v3(weights: str, codec: ImageCodec | None = None) -> Extractor[Image]:
    """2048 pooled features of Inception-v3 at 299×299 pixels.

    Two networks have that name, with different weights and scores. Published FIDs use TensorFlow's
    of December 2015; its port to torchvision's layout has 1008 outputs, and only its scores are
    named ``fid`` and ``kid``. With torchvision's own ImageNet weights the extractor is
    ``inception-v3-torchvision`` and its scores have no other name.

    Args:
        weights: path of a state dict (``.safetensors``, or ``.pth`` that holds only tensors), or
            ``download`` for torchvision's own.
        codec: the run's, for images whose values are not 0 to 255.

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
        name = "inception-v3-torchvision"
        return NetworkExtractor(name, network, 299, codec=codec, backbone="inception-v3")
    return NetworkExtractor(
        "inception-v3",
        network,
        299,
        antialias=False,  # as in published FIDs
        aliases={"frechet": "fid", "kernel": "kid", "kernel_std": "kid_std"},
        codec=codec,
        backbone="inception-v3",
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
    """The network up to its pooled features."""
    if "fc.weight" not in state or "Mixed_7c.branch_pool.conv.weight" not in state:
        raise GankitError(
            f"inception_weights={weights}: not Inception-v3 in torchvision's layout",
            "Expected a state dict with the keys Conv2d_1a_3x3.conv.weight to fc.bias",
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
    """Changes the blocks' pooling branches to the pooling of TensorFlow's 2015 network, in place.

    There, averages exclude the padding, and the last block uses the maximum. Torchvision pools in
    its blocks' ``forward``, so hooks replace the input of the branch's convolution.
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
