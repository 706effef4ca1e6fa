"""The generator: gankit-image's compact generator for each frame, with time between its blocks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Layout
from gankit.kit.layers import SLOPE
from gankit_image.networks.compact import CompactGenerator
from gankit_video.networks.image_settings import as_image
from gankit_video.networks.layers import MotionCode, TemporalConv
from gankit_video.settings import VideoSettings

HIDDEN = 128
"""Units of the network between z and a frame's offset."""


class VideoGenerator(CompactGenerator):
    """``(z (N, latent + motion), c (N, width) | None)`` to clips (N, T, C, H, W), unbounded.

    The first ``latent`` numbers of z are what the image generator takes; a frame's own offset is
    added to them. Modules that the image generator has keep its names, so that its weights fit; all
    others start at zero: with an image generator's weights, every frame of a clip is its image of
    the same z.
    """

    def __init__(self, layout: Layout, settings: VideoSettings) -> None:
        frames, *image = layout.shape
        super().__init__(Layout(tuple(image), layout.condition), as_image(settings))
        self.frames, self.latent = frames, settings.latent
        # A clip has one z, though an image generator may mix one for each stage.
        self.depth, self.stages = self.stages, 1
        inputs = settings.latent + (settings.embedding if layout.condition else 0)
        self.motion = MotionCode(inputs, settings.motion, frames, inputs, HIDDEN)
        self.temporal = nn.ModuleList(
            TemporalConv(stage.blocks[0].expand.weight.shape[0]) for stage in self.modulated
        )

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        z, motion = z[:, : self.latent], z[:, self.latent :]
        if self.embed is not None:
            z = torch.cat([z, self.embed(c)], 1)
        each = (z[:, None] + self.motion(z, motion)).flatten(0, 1)
        x = self.modulated[0](self.basis(each), each)
        x = self.temporal[0](x, self.frames)
        for up, stage, in_time in zip(self.ups, self.modulated[1:], self.temporal[1:], strict=True):
            x = in_time(stage(up(x), each), self.frames)
        x = F.leaky_relu(self.refine(self.to_fine(x)), SLOPE)
        x = self.canvas.crop(self.to_image(x))
        return x.unflatten(0, (-1, self.frames))
