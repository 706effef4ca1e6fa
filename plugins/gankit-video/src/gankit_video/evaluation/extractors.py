"""Features of clips: what frames look like, and what changes between them, apart.

An I3D network hardly notices disturbed time, and so hides what is missing. Here the features of
frames see each frame on its own, and those of differences between frames see what changes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Extractor
from gankit.metrics import fingerprint_weights
from gankit_video.data.fitting import in_mode
from gankit_video.data.items import Clip, Values

BATCH = 32
"""Clips per forward pass."""
SIDE = 32
"""Larger frames are reduced to this side, which costs little and keeps what moves."""


class RandomConv(nn.Module):
    """Untrained convolutions; mean and standard deviation of every layer's channels over the clip.

    Sensitive to contrast and texture, and with differences to speed and direction; not to objects.
    Drawn from a seed, so that no download is needed.

    Args:
        differences: whether it sees differences of neighbouring frames, by kernels of 3×3×3, in
            place of frames, by kernels of 1×3×3, for which their order is nothing.
    """

    widths = (3, 16, 32, 64)

    def __init__(self, differences: bool, seed: int = 0) -> None:
        super().__init__()
        self.differences = differences
        self.depth = 3 if differences else 1
        draw = torch.Generator().manual_seed(seed)
        for i, (fan, width) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            shape = (width, fan, self.depth, 3, 3)
            scale = (2.0 / (9 * self.depth * fan)) ** 0.5
            weight = torch.randn(shape, generator=draw) * scale
            self.register_buffer(f"weight{i}", weight)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (N, 3, T, H, W) in [-1, 1] to features (N, 224)."""
        if self.differences:
            x = (x[:, :, 1:] - x[:, :, :-1]) * 2  # of about the frames' own contrast
        moments = []
        for i in range(len(self.widths) - 1):
            padding = (self.depth // 2, 1, 1)
            x = F.relu(F.conv3d(x, self.get_buffer(f"weight{i}"), padding=padding))
            moments += [x.mean((2, 3, 4)), x.std((2, 3, 4))]
            x = F.avg_pool3d(x, (2 if self.differences and x.shape[2] >= 4 else 1, 2, 2))
        return torch.cat(moments, 1)


class VideoExtractor(Extractor[Clip]):
    """A network's features of clips.

    Args:
        name: of its scores, ``frechet/NAME``.
        network: ``(N, 3, T, H, W)`` in [-1, 1] to ``(N, D)``.
        side: frames are scaled to this side, if that is smaller or ``always``.
    """

    def __init__(
        self, name: str, network: nn.Module, side: int, recipe: str, *, always: bool = False
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint_weights(network, f"{name} {side}px {recipe}")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._network = network.eval().to(self._device)
        self._side, self._always = side, always

    def features(self, items: Sequence[Clip]) -> Values:
        parts = []
        with torch.inference_mode():
            for start in range(0, len(items), BATCH):
                x = as_input(items[start : start + BATCH], self._side, always=self._always)
                parts.append(self._network(x.to(self._device)).double().cpu())
        features: Values = torch.cat(parts).numpy()
        return features


def as_input(clips: Sequence[Clip], side: int, *, always: bool = False) -> Tensor:
    """Clips as (N, 3, T, H, W) in [-1, 1], cut to the shortest, in the first one's size or of at
    most ``side`` pixels."""
    frames = min(len(clip.frames) for clip in clips)
    _, height, width, _ = clips[0].frames.shape
    smaller = always or max(height, width) > side
    size = (side, side) if smaller else (height, width)
    found = []
    for clip in clips:
        pixels = in_mode(clip.frames[:frames], 3)
        x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
        if tuple(x.shape[2:]) != size:
            x = F.interpolate(x, size=size, mode="bilinear", antialias=True, align_corners=False)
        found.append(x.transpose(0, 1))
    return torch.stack(found) / 127.5 - 1


def frames() -> VideoExtractor:
    """Appearance: 224 features of random 2-D convolutions on each frame."""
    return VideoExtractor("frames-random2d", RandomConv(differences=False), SIDE, "seed 0")


def motion() -> VideoExtractor:
    """Motion: 224 features of random 3-D convolutions on differences of frames."""
    return VideoExtractor(
        "motion-random3d", RandomConv(differences=True), SIDE, "seed 0, differences"
    )
