"""DINO's vision transformer as an extractor (Caron et al. 2021, arXiv 2104.14294): features that
were learned without labels, which judge diversity and realism closer to people than those of
classifiers (Stein et al. 2023, arXiv 2306.04675).

A forward pass of its own for the published state dict of ViT-S/16 or another plain ViT (Dosovitskiy
et al. 2021, arXiv 2010.11929): blocks of pre-normalised attention and MLP.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

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

HEAD = 64
"""Features of an attention head."""
EPS = 1e-6
"""Of layer normalisation."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's channels, in [0, 1]."""
EXPECTED = "Expected a backbone of DINO: the keys cls_token, patch_embed.proj.weight to norm.bias"


class VisionTransformer(nn.Module):
    """``(N, 3, side, side)`` in [0, 255] to the class token ``(N, D)``; depth, width, patches and
    side are those of the weights.

    Raises:
        KeyError, RuntimeError: weights of another layout.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.weights = nn.ParameterDict(
            {k.replace(".", "/"): nn.Parameter(v, requires_grad=False) for k, v in weights.items()}
        )
        self.register_buffer("mean", 255 * torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", 255 * torch.tensor(STD)[:, None, None], persistent=False)
        self.width, _, self.patch, _ = weights["patch_embed.proj.weight"].shape
        self.depth = len({k.split(".")[1] for k in weights if k.startswith("blocks.")})
        patches = weights["pos_embed"].shape[1] - 1
        self.side = math.isqrt(patches) * self.patch

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / self.std
        patch = "patch_embed.proj"
        tokens = F.conv2d(x, self._at(f"{patch}.weight"), self._at(f"{patch}.bias"), self.patch)
        tokens = tokens.flatten(2).transpose(1, 2)
        first = self._at("cls_token").expand(len(x), -1, -1)
        h = torch.cat([first, tokens], 1) + self._at("pos_embed")
        for i in range(self.depth):
            block = f"blocks.{i}"
            h = h + self._attend(self._normalise(h, f"{block}.norm1"), f"{block}.attn")
            inner = F.gelu(self._linear(self._normalise(h, f"{block}.norm2"), f"{block}.mlp.fc1"))
            h = h + self._linear(inner, f"{block}.mlp.fc2")
        return self._normalise(h[:, 0], "norm")

    def _at(self, name: str) -> Tensor:
        key = name.replace(".", "/")
        if key not in self.weights:
            raise KeyError(name)
        found: Tensor = self.weights[key]
        return found

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self._at(f"{name}.weight"), self._at(f"{name}.bias"))

    def _normalise(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._at(f"{name}.weight"), self._at(f"{name}.bias")
        return F.layer_norm(x, (self.width,), weight, bias, EPS)

    def _attend(self, x: Tensor, name: str) -> Tensor:
        n, length, _ = x.shape
        joint = self._linear(x, f"{name}.qkv").view(n, length, 3, self.width // HEAD, HEAD)
        query, key, value = joint.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self._linear(mixed.transpose(1, 2).reshape(n, length, -1), f"{name}.proj")


def dino(weights: str, codec: ImageCodec | None = None) -> Extractor[Image]:
    """The class token of DINO's vision transformer: 384 features for ViT-S/16, at 224×224 pixels.

    Args:
        weights: path of a state dict, ``.safetensors`` or a ``.pth`` that holds only tensors; of
            the backbone, or of a whole training with it under ``teacher``.
        codec: the run's, for images whose values are not 0 to 255.

    Raises:
        GankitError: the file is missing, or holds something else.
    """
    if not weights:
        raise GankitError(
            "extractors=dino needs dino_weights", "Give the path of the weights of its backbone"
        )
    state = read_weights(weights, "dino_weights")
    found = state.get("teacher", state)
    kept = {
        re.sub(r"^(module\.)?(backbone\.)?", "", str(k)): v.float()
        for k, v in (found.items() if isinstance(found, dict) else ())
        if isinstance(v, Tensor)
    }
    kept = {k: v for k, v in kept.items() if not k.startswith("head.")}
    try:
        network = VisionTransformer(kept).eval()
        with torch.inference_mode():
            network(torch.zeros(1, 3, network.side, network.side))
    except (KeyError, RuntimeError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0].strip("'\"")
        raise GankitError(f"dino_weights={weights}: no DINO ({reason})", EXPECTED) from error
    return NetworkExtractor("dino", network, network.side, codec=codec, backbone="dino")
