"""Differentiable augmentation as always-on training for few images (Zhao et al. 2020, arXiv
2006.10738, section 4): colour of three kinds, and translation by whole pixels.

Milder than adaptive augmentation's: hues are kept, and nothing is rotated or resampled.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BRIGHTNESS = 0.5
"""Largest offset, where the data are in [-1, 1]."""
SATURATION = 2.0
"""Largest factor of the difference from grey; the least is 0."""
CONTRAST = 0.5
"""Largest deviation from 1 of the factor of the difference from the mean."""
TRANSLATION = 0.125
"""Largest shift, as a share of the side."""


def tone(x: Tensor, chosen: Tensor, bands: bool) -> Tensor:
    """Brightness, saturation and contrast of chosen images, in this order.

    Args:
        x: (N, C, H, W).
        chosen: (N,), which of them.
        bands: whether channels are bands, which have no saturation. The fourth of four other
            channels is transparency, and stays.
    """
    n, channels = x.shape[:2]
    colours = 3 if channels in (3, 4) and not bands else channels
    offset, saturation, contrast = torch.rand(3, n, 1, 1, 1, device=x.device, dtype=x.dtype)
    y = x[:, :colours] + (2 * offset - 1) * BRIGHTNESS
    if colours == 3 and not bands:
        grey = y.mean(1, keepdim=True)
        y = grey + (y - grey) * saturation * SATURATION
    mean = y.mean((1, 2, 3), keepdim=True)
    y = mean + (y - mean) * (1 + (2 * contrast - 1) * CONTRAST)
    y = torch.cat([y, x[:, colours:]], 1) if colours < channels else y
    return torch.where(chosen[:, None, None, None], y, x)


def translate(x: Tensor, chosen: Tensor) -> Tensor:
    """Chosen images shifted by whole pixels in both directions, with zeros (mid-grey) beyond their
    border."""
    n, _, height, width = x.shape
    for axis, side in ((2, height), (3, width)):
        most = round(side * TRANSLATION)
        shift = torch.randint(-most, most + 1, (n, 1), device=x.device)
        at = torch.arange(side, device=x.device) + torch.where(chosen[:, None], shift, 0) + most
        padding = (0, 0, most, most) if axis == 2 else (most, most, 0, 0)
        index = at[:, None, :, None] if axis == 2 else at[:, None, None, :]
        padded = F.pad(x, padding)
        x = padded.gather(axis, index.expand(x.shape))
    return x
