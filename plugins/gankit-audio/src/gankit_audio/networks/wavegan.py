"""WaveGAN: transposed convolutions from noise to samples (Donahue et al. 2019, arXiv 1802.04208).

Generator and discriminator follow appendix D, tables 3 and 4: at 16,384 samples, five layers of
kernel 25 and stride 4, with ``width`` to 16 times ``width`` channels. Clips of other lengths have
as many layers as leave 16 to 63 steps at the coarse end: 8,192 samples have four and start from 32
steps, 65,536 have six. Channels stop doubling at 16 times the width. Samples generated beyond the
end of a clip are cut off; the discriminator pads them with silence.

The networks of the paper are unconditional. Here the embedding of a condition is concatenated to
``z``, and a projection is added to the discriminator's logit (Miyato & Koyama 2018).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Layout, Networks
from gankit.kit.layers import embedding
from gankit_audio.networks.layers import EMBEDDING, input_width, leaky, width_of
from gankit_audio.settings import AudioSettings

WIDTH = 64
STRIDE, KERNEL = 4, 25
FIRST = 16
"""Fewest steps of the coarsest layer, if a clip is long enough."""
WIDEST = 16
"""Most channels, as a multiple of the width."""
SHUFFLE = 2
"""Largest shift of phase shuffle, n in section 3.2."""


def build_wavegan(layout: Layout, settings: AudioSettings) -> Networks:
    """Generator and discriminator for waveforms (C, T) in [-1, 1]."""
    return Networks(
        WaveGANGenerator(layout, settings),
        WaveGANDiscriminator(layout, settings),
        latent_dim=settings.latent,
    )


def steps_of(length: int) -> tuple[int, int]:
    """The number of layers for a clip of ``length`` samples, and the steps of the coarsest."""
    layers = 1
    while -(-length // STRIDE**layers) >= FIRST * STRIDE:
        layers += 1
    return layers, -(-length // STRIDE**layers)


def widths_of(width: int, layers: int) -> list[int]:
    """Channels from the finest layer to the coarsest."""
    return [width * min(2**level, WIDEST) for level in range(layers)]


def _initialise(module: nn.Module) -> None:
    """Glorot-uniform weights, as in the authors' code; the paper does not specify them."""
    if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class WaveGANGenerator(nn.Module):
    """``(z (N, latent), c (N, width) | None)`` to waveforms (N, C, T) in [-1, 1].

    With ``settings.postprocess``, a learned filter of the output (appendix B) starts as the
    identity; its output may exceed 1.
    """

    def __init__(self, layout: Layout, settings: AudioSettings) -> None:
        super().__init__()
        channels, self.length = layout.shape
        layers, self.steps = steps_of(self.length)
        widths = widths_of(width_of(settings, WIDTH), layers)[::-1]
        condition = layout.condition
        self.embed = embedding(condition, EMBEDDING) if condition else None
        self.dense = nn.Linear(input_width(layout, settings), self.steps * widths[0])
        nn.init.xavier_uniform_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)
        self.layers = nn.ModuleList(
            nn.ConvTranspose1d(coarse, fine, KERNEL, STRIDE, padding=11, output_padding=1)
            for coarse, fine in pairwise([*widths, channels])
        )
        self.layers.apply(_initialise)
        self.filter: nn.Conv1d | None = None
        if settings.postprocess:
            self.filter = nn.Conv1d(
                channels, channels, settings.postprocess, groups=channels, bias=False
            )
            nn.init.zeros_(self.filter.weight)
            with torch.no_grad():
                self.filter.weight[:, :, (settings.postprocess - 1) // 2] = 1

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.embed is not None:
            z = torch.cat([z, self.embed(c)], 1)
        x = self.dense(z).reshape(z.shape[0], -1, self.steps).relu()
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        last = self.layers[-1]
        with torch.autocast(
            x.device.type, enabled=False
        ):  # the 8 bits of bf16 would be audible noise
            x = last(x.to(last.weight.dtype))[..., : self.length].tanh()
            if self.filter is not None:
                taps = self.filter.kernel_size[0]
                x = self.filter(F.pad(x, ((taps - 1) // 2, taps // 2)))
        waveform: Tensor = x
        return waveform


class WaveGANDiscriminator(nn.Module):
    """``(waveforms (N, C, T), c (N, width) | None)`` to logits (N,).

    Phase shuffle draws from torch's default generator in training, and is off in evaluation.
    """

    def __init__(self, layout: Layout, settings: AudioSettings) -> None:
        super().__init__()
        channels, length = layout.shape
        layers, self.steps = steps_of(length)
        self.beyond = self.steps * STRIDE**layers - length
        widths = widths_of(width_of(settings, WIDTH), layers)
        self.layers = nn.ModuleList(
            nn.Conv1d(fine, coarse, KERNEL, STRIDE, padding=11)
            for fine, coarse in pairwise([channels, *widths])
        )
        self.head = nn.Linear(widths[-1] * self.steps, 1)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        condition = layout.condition
        self.embed = embedding(condition, widths[-1]) if condition else None
        self.layers.apply(_initialise)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        x = F.pad(x, (0, self.beyond))
        for layer in self.layers[:-1]:
            x = leaky(layer(x))
            if self.training:
                x = phase_shuffle(x, SHUFFLE)
        x = leaky(self.layers[-1](x))
        with torch.autocast(x.device.type, enabled=False):  # logits need full precision
            x = x.to(self.head.weight.dtype)
            logits: Tensor = self.head(x.flatten(1)).squeeze(1)
            if self.embed is not None:
                product = x.mean(2) * self.embed(c)
                logits = logits + product.sum(1) / math.sqrt(product.shape[1])
        return logits


def phase_shuffle(x: Tensor, most: int) -> Tensor:
    """Each sample of ``x`` (N, C, T) shifted by a uniform integer from -most to most, all channels
    alike."""
    most = min(most, x.shape[2] - 1)
    return shifted(x, torch.randint(-most, most + 1, (len(x),), device=x.device))


def shifted(x: Tensor, by: Tensor) -> Tensor:
    """``y[n, :, t] = x[n, :, t + by[n]]``, with x reflected at its ends.

    Args:
        x: (N, C, T).
        by: integers (N,) between -T and T.
    """
    last = x.shape[2] - 1
    t = (torch.arange(last + 1, device=x.device) + by[:, None]).abs()
    t = last - (last - t).abs()
    return x.gather(2, t[:, None].expand_as(x))
