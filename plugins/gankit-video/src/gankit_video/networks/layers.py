"""Layers along time."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.kit.layers import SLOPE

HIDDEN = 128
"""Units of the network between z and what a frame does with it."""


class TemporalConv(nn.Module):
    """``x + depthwise (3, 1, 1) convolution of x``, initially the identity: what was learned on
    single frames is kept.

    Written as three shifted products, since PyTorch's second derivative of a grouped convolution
    loops over its groups. Frames beyond the ends are those at the ends.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, channels))

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """``x``: (N · frames, C, H, W), the frames of a clip next to each other."""
        clips = x.view(-1, frames, *x.shape[1:])
        before = torch.cat([clips[:, :1], clips[:, :-1]], 1)
        after = torch.cat([clips[:, 1:], clips[:, -1:]], 1)
        past, now, future = self.weight.to(x.dtype)[:, :, None, None]
        mixed = past * before + now * clips + future * after
        y: Tensor = x + mixed.flatten(0, 1)
        return y


class MotionCode(nn.Module):
    """What a clip's z and motion become in each frame: an offset of z, and shifts in pixels.

    The motion's numbers are a smooth random path: coefficients of the slowest cosines over the
    clip, which fall with their frequency. A small network sees z, the path's place and the frame's
    place in time. Its last layers start at zero, so that every frame is the image of z at first.

    Args:
        inputs: width of z, with the label's embedding.
        motion: width of the motion's part of z.
        outputs: width of the offset of z.
        shifts: numbers per frame beside it.
    """

    basis: Tensor
    time: Tensor

    def __init__(self, inputs: int, motion: int, frames: int, outputs: int, shifts: int) -> None:
        super().__init__()
        place = (torch.arange(frames) + 0.5) / frames
        waves = max(1, min(4, motion // 4))
        order = torch.arange(waves)
        basis = torch.cos(math.pi * place[:, None] * order) / (1 + order)
        self.waves, self.each = waves, -(-motion // waves)
        rates = math.pi * 2.0 ** torch.arange(3)
        angles = place[:, None] * rates
        # Not stored: they follow from the settings, and would not fit clips of another length.
        self.register_buffer("basis", basis, persistent=False)
        time = torch.cat([2 * place[:, None] - 1, torch.sin(angles), torch.cos(angles)], 1)
        self.register_buffer("time", time, persistent=False)
        hidden = HIDDEN
        self.read = nn.Linear(inputs + motion, hidden)
        self.follow = nn.Linear(self.each + time.shape[1], hidden, bias=False)
        self.mix = nn.Linear(hidden, hidden)
        self.offset = nn.Linear(hidden, outputs, bias=False)
        self.shift = nn.Linear(hidden + self.each, shifts, bias=False)
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, z: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """``z`` (N, inputs) and ``motion`` (N, motion) to offsets (N, T, outputs) and shifts
        (N, T, shifts)."""
        lacking = self.waves * self.each - motion.shape[1]
        filled = F.pad(motion, (0, lacking)).view(-1, self.waves, self.each)
        path = torch.einsum("tw,nwd->ntd", self.basis.to(z.dtype), filled)
        time = self.time.to(z.dtype).expand(len(z), -1, -1)
        clip = self.read(torch.cat([z, motion], 1))[:, None]
        h = F.leaky_relu(clip + self.follow(torch.cat([path, time], 2)), SLOPE)
        h = F.leaky_relu(self.mix(h), SLOPE)
        return self.offset(h), self.shift(torch.cat([h, path], 2))


class Shift(nn.Module):
    """Moves groups of channels over the plane, by bilinear interpolation; borders are repeated.

    What moves in a film is mostly the same a little further on. Convolutions have to draw it anew
    for each place; a shift learns the place alone (as the input's translation in Karras et al.
    2021, arXiv 2106.12423, section 3.2). By zero it changes nothing, to the last bit.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor, by: Tensor) -> Tensor:
        """``x`` (N, C, H, W) and ``by`` (N, 2 · groups), in pixels: rows, then columns."""
        n, channels, height, width = x.shape
        rows, columns = by.to(x.dtype).view(n, 2, self.groups, 1, 1).unbind(1)
        parts = x.view(n, self.groups, channels // self.groups, height, width)
        moved = _places(rows, height)[:, :, None] @ parts
        moved = moved @ _places(columns, width)[:, :, None].transpose(3, 4)
        return moved.view(x.shape)


def _places(by: Tensor, size: int) -> Tensor:
    """Matrices (N, G, size, size) that move a signal ``by`` (N, G, 1, 1) positions."""
    at = torch.arange(size, device=by.device, dtype=by.dtype)
    sources = (at[:, None] - by).clamp(0, size - 1)
    # clamp has a gradient at 0, where a ReLU has none: by = 0 is where training begins.
    return (1 - (sources - at).abs()).clamp(min=0)
