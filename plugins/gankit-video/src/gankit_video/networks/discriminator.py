"""The discriminator: image blocks on a few frames, and a branch that sees all motion.

A few frames a clip suffice to judge appearance (Skorokhodov et al. 2022, arXiv 2112.14683, section
3.2), and differences of frames hold what moves.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Layout
from gankit_image.networks.compact import CompactDiscriminator, widths
from gankit_video.networks.image_settings import as_image
from gankit_video.networks.layers import TemporalConv
from gankit_video.settings import VideoSettings


class VideoDiscriminator(CompactDiscriminator):
    """``(clips (N, T, C, H, W), c (N, width) | None)`` to logits (N, 2): of a few frames, and of
    the differences of all neighbouring frames.

    Modules that the image discriminator has keep its names, so that its weights fit; temporal
    convolutions start as the identity, and the first logit as the mean of the frames' logits. The
    second comes from a compact discriminator whose channels are the differences in their order.
    """

    chosen: Tensor

    def __init__(self, layout: Layout, settings: VideoSettings) -> None:
        frames, channels, height, width = layout.shape
        own = as_image(settings)
        super().__init__(Layout((channels, height, width), layout.condition), own)
        self.judged = min(settings.frames_judged, frames)
        evenly = (torch.arange(self.judged) + 0.5) * frames / self.judged
        self.register_buffer("chosen", evenly.long(), persistent=False)
        self.temporal = nn.ModuleList(
            TemporalConv(w) for w in widths(own, self.canvas.doublings)[::-1]
        )
        differences = Layout(((frames - 1) * channels, height, width), layout.condition)
        self.motion = CompactDiscriminator(differences, own)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        differences = (x[:, 1:] - x[:, :-1]).flatten(1, 2)
        return torch.stack([self._of_frames(x, c), self.motion(differences, c)], 1)

    def _of_frames(self, x: Tensor, c: Tensor | None) -> Tensor:
        h = x[:, self.chosen].flatten(0, 1)
        h = self.from_image(F.pixel_unshuffle(self.canvas.pad(h), 2))
        for i, (blocks, in_time) in enumerate(zip(self.blocks, self.temporal, strict=True)):
            h = in_time(blocks(self.downs[i - 1](h) if i else h), self.judged)
        each = None if c is None else c.repeat_interleave(self.judged, 0)
        logits: Tensor = self.head(h, each)
        return logits.view(-1, self.judged).mean(1)
