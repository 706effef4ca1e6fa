"""The generator: gankit-image's compact generator for each frame, with time between its blocks."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Layout
from gankit.kit.layers import SLOPE
from gankit_image.networks.compact import CompactGenerator, widths
from gankit_video.networks.image_settings import as_image
from gankit_video.networks.layers import MotionCode, Shift, TemporalConv
from gankit_video.settings import VideoSettings

GROUPS = 4
"""Groups of channels that move each on their own: an object before its background."""
REACH = 0.25
"""What a shift of 1 means, in sides of a frame."""


class VideoGenerator(CompactGenerator):
    """``(z (N, latent + motion), c (N, width) | None)`` to clips (N, T, C, H, W), unbounded.

    The first ``latent`` numbers of z are what the image generator takes. In each frame an offset is
    added to them, and features are shifted before they are refined at full resolution. Modules that
    the image generator has keep its names, so that its weights fit; all others start at zero: with
    an image generator's weights, every frame of a clip is its image of the same z.
    """

    def __init__(self, layout: Layout, settings: VideoSettings) -> None:
        frames, *image = layout.shape
        own = as_image(settings)
        super().__init__(Layout(tuple(image), layout.condition), own)
        self.frames, self.latent = frames, settings.latent
        # A clip has one z, though an image generator may mix one for each stage.
        self.depth, self.stages = self.stages, 1
        inputs = settings.latent + (settings.embedding if layout.condition else 0)
        last = widths(own, self.canvas.doublings)[-1]
        groups = math.gcd(GROUPS, last)
        self.motion = MotionCode(inputs, settings.motion, frames, inputs, 2 * groups)
        self.shift = Shift(groups)
        self.reach = REACH * max(self.canvas.size) / 2  # of half the resolution
        self.temporal = nn.ModuleList(TemporalConv(w) for w in widths(own, self.canvas.doublings))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        z, motion = z[:, : self.latent], z[:, self.latent :]
        if self.embed is not None:
            z = torch.cat([z, self.embed(c)], 1)
        offset, shift = self.motion(z, motion)
        each = (z[:, None] + offset).flatten(0, 1)
        x = self.modulated[0](self.basis(each), each)
        x = self.temporal[0](x, self.frames)
        for up, stage, in_time in zip(self.ups, self.modulated[1:], self.temporal[1:], strict=True):
            x = in_time(stage(up(x), each), self.frames)
        x = self.shift(x, self.reach * shift.flatten(0, 1))
        x = F.leaky_relu(self.refine(self.to_fine(x)), SLOPE)
        pictures: Tensor = self.canvas.crop(self.to_image(x))
        return pictures.view(-1, self.frames, *pictures.shape[1:])
