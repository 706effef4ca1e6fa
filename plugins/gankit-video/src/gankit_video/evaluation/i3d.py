"""I3D (Carreira & Zisserman 2017, arXiv 1705.07750), in whose outputs the Fréchet distance is FVD
(Unterthiner et al. 2018, arXiv 1812.01717). Its weights come from a path: no package has them.

Inception-v1 whose filters are inflated along time, padded as TensorFlow's SAME does. Modules have
the names of the published state dicts of its RGB network for Kinetics-400 in PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.errors import GankitError
from gankit.metrics import read_weights
from gankit_video.evaluation.extractors import VideoExtractor

SIDE = 224
FEWEST = 10
"""Frames that I3D needs at least; shorter clips rest on their last frame."""
CLASSES = 400
Size = tuple[int, int, int]

_MIXED: dict[str, tuple[int, Sequence[int]]] = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}
"""Inputs of each block, and channels of its convolutions (Szegedy et al. 2015, table 1)."""
_POOLED: dict[str, tuple[Size, Size]] = {
    "Mixed_3b": ((1, 3, 3), (1, 2, 2)),
    "Mixed_4b": ((3, 3, 3), (2, 2, 2)),
    "Mixed_5b": ((2, 2, 2), (2, 2, 2)),
}
"""Kernel and stride of the pooling before a block."""


class Unit(nn.Module):
    """A convolution with batch normalisation and ReLU, or with neither."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: Size = (1, 1, 1),
        stride: int = 1,
        *,
        plain: bool = False,
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, (stride,) * 3
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=plain)
        self.bn = None if plain else nn.BatchNorm3d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv3d(_same(x, self.kernel, self.stride))
        return y if self.bn is None else F.relu(self.bn(y))


class Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        one, before, three, narrow, five, pooled = widths
        self.b0 = Unit(inputs, one)
        self.b1a, self.b1b = Unit(inputs, before), Unit(before, three, (3, 3, 3))
        self.b2a, self.b2b = Unit(inputs, narrow), Unit(narrow, five, (3, 3, 3))
        self.b3b = Unit(inputs, pooled)

    def forward(self, x: Tensor) -> Tensor:
        pooled = _pool(x, (3, 3, 3), (1, 1, 1))
        each = [self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)]
        return torch.cat(each, 1)


class I3D(nn.Module):
    """``(N, 3, T, 224, 224)`` in [-1, 1] to the means of its logits over time (N, 400)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, (7, 7, 7), 2)
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, (3, 3, 3))
        for name, (inputs, widths) in _MIXED.items():
            setattr(self, name, Mixed(inputs, widths))
        self.logits = Unit(1024, CLASSES, plain=True)

    def forward(self, x: Tensor) -> Tensor:
        if (lacking := FEWEST - x.shape[2]) > 0:
            x = torch.cat([x, x[:, :, -1:].expand(-1, -1, lacking, -1, -1)], 2)
        x = _pool(self.Conv3d_1a_7x7(x), (1, 3, 3), (1, 2, 2))
        x = self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x))
        for name in _MIXED:
            if name in _POOLED:
                x = _pool(x, *_POOLED[name])
            x = self.get_submodule(name)(x)
        x = self.logits(F.avg_pool3d(x, (2, 7, 7), 1))
        return x.mean((2, 3, 4))


def _same(x: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Padded with zeros so that the output has ceil(size / stride) positions."""
    sides: list[int] = []
    for size, k, s in zip(x.shape[4:1:-1], kernel[::-1], stride[::-1], strict=True):
        lacking = max((-(-size // s) - 1) * s + k - size, 0)
        sides += [lacking // 2, lacking - lacking // 2]
    return F.pad(x, sides)


def _pool(x: Tensor, kernel: Size, stride: Size) -> Tensor:
    return F.max_pool3d(_same(x, kernel, stride), kernel, stride)


def i3d(path: str) -> VideoExtractor:
    """I3D's logits with the weights in a file; its Fréchet distance is called ``fvd``.

    Raises:
        GankitError: no path, or a file without these weights.
    """
    if not path:
        raise GankitError(
            "extractors=i3d: its weights are in no package",
            "Set i3d_weights to a state dict of I3D (RGB, Kinetics-400), .safetensors or .pt",
        )
    given = read_weights(path, "i3d_weights")
    with torch.device("meta"):  # draws no random numbers, so that the run's stay the same
        network = I3D()
    wanted = network.state_dict()
    weights = {name: given[name] for name in wanted if name in given}
    unlike = [n for n, w in wanted.items() if n not in weights or weights[n].shape != w.shape]
    unlike = [name for name in unlike if not name.endswith("num_batches_tracked")]
    if unlike:
        raise GankitError(
            f"i3d_weights={path}: {len(unlike)} of {len(wanted)} weights are missing or of another "
            f"shape, such as {unlike[0]}",
            "Give the state dict of I3D's RGB network for Kinetics-400",
        )
    for name in wanted.keys() - weights.keys():
        weights[name] = torch.zeros((), dtype=torch.int64)
    network.load_state_dict(weights, assign=True)
    found = VideoExtractor("i3d", network, SIDE, "logits", always=True)
    found.aliases = {"frechet": "fvd"}
    return found
