"""A generator that ends in an inverse short-time Fourier transform.

``z`` and ``c`` give a short sequence of frames, which linear interpolation doubles in time, with
ConvNeXt blocks in between, until there is a frame for every quarter window. A head predicts log
magnitudes and phases of each frame (Siuzdak 2024, arXiv 2306.00814, section 3), and the inverse
transform turns them into samples. No convolution has a stride, which could cause tones at multiples
of rate / stride.

Phases are relative to those of steady tones at the frequencies of the bins, so that constant frames
are a steady tone. A learned texture, one value per channel and frame, lets phases vary from frame
to frame, as those of noise do.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Layout, Networks
from gankit.kit.layers import embedding
from gankit_audio.networks.critics import Critics
from gankit_audio.networks.fourier import OVERLAP, Fourier
from gankit_audio.networks.layers import (
    EMBEDDING,
    input_width,
    leaky,
    linear,
    power_of_two,
    width_of,
)
from gankit_audio.settings import AudioSettings

WIDTH = 256
CRITIC = 8
"""Ratio of the generator's width to that of the critics' first layer."""
WINDOW = 1 / 20
"""Approximate window length in seconds, rounded to a power of two in samples."""
LAST = 3
"""ConvNeXt blocks at full resolution; each coarser stage has one."""
EXPAND = 3
"""Expansion of channels inside a block."""
STYLE = 128
QUIET, LOUD = -3.0, 6.0
"""Natural logarithms of the initial and the highest magnitudes; those of white noise at the level
of the data are around 0."""
SCATTER = 3.0
"""Initial standard deviation of the phases, in radians."""
FADE = 0.002
"""Seconds of the fades at both ends."""


def build_istft(layout: Layout, settings: AudioSettings, rate: int) -> Networks:
    """Generator and discriminator for waveforms (C, T) of any level.

    Args:
        rate: samples per second, which determines the window lengths.
    """
    width = width_of(settings, WIDTH)
    return Networks(
        ISTFTGenerator(layout, settings, rate),
        Critics(layout, -(-width // CRITIC), rate),
        latent_dim=settings.latent,
    )


class ConvNeXt(nn.Module):
    """A residual block over frames (N, L, W) (Liu et al. 2022); its normalisation over channels is
    scaled and shifted by the style (N, STYLE)."""

    def __init__(self, width: int, share: float) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.film = linear(STYLE, 2 * width, gain=0.5)
        self.expand = linear(width, EXPAND * width)
        self.contract = linear(EXPAND * width, width)
        self.scale = nn.Parameter(torch.full((width,), share))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        h = self.mix(x.transpose(1, 2)).transpose(1, 2)
        scale, shift = self.film(style).unsqueeze(1).chunk(2, -1)
        h = F.layer_norm(h, h.shape[-1:]) * (1 + scale) + shift
        y: Tensor = x + self.scale * self.contract(F.gelu(self.expand(h)))
        return y


class ISTFTGenerator(nn.Module):
    """``(z (N, latent), c (N, width) | None)`` to waveforms (N, C, T) without DC offset.

    The ends are faded over 2 ms, unless the codec blends them into a loop (``settings.loop``).
    """

    fade: Tensor
    turn: Tensor

    def __init__(self, layout: Layout, settings: AudioSettings, rate: int) -> None:
        super().__init__()
        self.channels, length = layout.shape
        width = width_of(settings, WIDTH)
        self.fourier = Fourier(power_of_two(WINDOW, rate, length), length)
        self.bins = self.fourier.bins - 1  # without bin 0, the DC offset
        doublings = max(int(math.log2(self.fourier.frames / 8)), 0)
        self.steps = -(-self.fourier.frames // 2**doublings)

        condition = layout.condition
        self.embed = embedding(condition, EMBEDDING) if condition else None
        inputs = input_width(layout, settings)
        self.style = nn.ModuleList([linear(inputs, STYLE), linear(STYLE, STYLE)])
        self.start = linear(inputs, self.steps * width)
        blocks = doublings + LAST
        self.coarse = nn.ModuleList(ConvNeXt(width, 1 / blocks) for _ in range(doublings))
        self.fine = nn.ModuleList(ConvNeXt(width, 1 / blocks) for _ in range(LAST))
        self.texture = nn.Parameter(torch.randn(self.fourier.frames, width))
        self.amount = linear(STYLE, width, gain=0.5)
        heads = self.channels * self.bins
        self.magnitude = linear(width, heads, gain=0.5)
        nn.init.constant_(self.magnitude.bias, QUIET)
        self.phase = linear(width, heads, gain=SCATTER)

        # The phase of a tone at bin k advances by k/OVERLAP of a circle per frame.
        frame, bin = torch.arange(self.fourier.frames), torch.arange(1, self.bins + 1)
        quarters = frame[:, None] * bin % OVERLAP
        self.register_buffer("turn", quarters * (2 * math.pi / OVERLAP), persistent=False)
        self.register_buffer("fade", _fade(length, 0 if settings.loop else rate), persistent=False)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.embed is not None:
            z = torch.cat([z, self.embed(c)], 1)
        style = z
        for layer in self.style:
            style = leaky(layer(style))
        x = self.start(z).reshape(z.shape[0], self.steps, -1)
        for block in self.coarse:
            x = _doubled(block(x, style))
        x = x[:, : self.fourier.frames]
        x = x + self.texture * (1 + self.amount(style).unsqueeze(1))
        for block in self.fine:
            x = block(x, style)
        x = F.layer_norm(x, x.shape[-1:])
        with torch.autocast(x.device.type, enabled=False):  # phases need full precision
            return self.sound(x.to(self.magnitude.weight.dtype))

    def sound(self, x: Tensor) -> Tensor:
        """Samples (N, C, T) from the frames of the last block, (N, frames, W)."""
        heads = (*x.shape[:2], self.channels, self.bins)
        m = self.magnitude(x).reshape(heads).transpose(1, 2)
        phase = self.phase(x).reshape(heads).transpose(1, 2) + self.turn
        # exp(m), softly bounded by exp(LOUD): a limit with a gradient everywhere.
        magnitude = math.exp(LOUD) * torch.sigmoid(m - LOUD)
        # Bin 0 is padded before: the exporter knows no padding of complex numbers.
        parts = (F.pad(magnitude * part, (1, 0)) for part in (phase.cos(), phase.sin()))
        y = self.fourier.synthesise(torch.complex(*parts))
        # The window leaks a little of bin 1 into the DC offset.
        faded: Tensor = (y - y.mean(-1, keepdim=True)) * self.fade
        return faded


def _doubled(x: Tensor) -> Tensor:
    """Twice as many frames, (N, 2L, W), by linear interpolation."""
    return F.interpolate(x.transpose(1, 2), scale_factor=2, mode="linear").transpose(1, 2)


def _fade(length: int, rate: int) -> Tensor:
    """Gains that rise from 0 to 1 as sin² at the beginning and fall alike at the end."""
    gains, steps = torch.ones(length), min(round(FADE * rate), length // 2)
    rise = (torch.arange(steps) + 0.5) * (math.pi / 2 / max(steps, 1))
    gains[:steps] = rise.sin().square()
    gains[length - steps :] = rise.sin().square().flip(0)
    return gains
