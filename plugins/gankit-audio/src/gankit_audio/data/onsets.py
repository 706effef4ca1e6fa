"""Onsets: where sounds begin within a recording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, max_pool1d, pad

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

WINDOW = 0.023
"""Approximate seconds of a frame, rounded to a power of two in samples. Four frames overlap."""
GAP = 0.05
"""Fewest seconds between two onsets."""
ABOVE = 0.1
"""How far a peak of the flux must exceed the local mean, as a share of the highest peak."""
STEEP = 0.6
"""Within a frame, an onset is where the amplitude first rises by this share of its steepest."""
COMPRESSION = 100.0
"""Magnitudes relative to the highest are compressed as ``log(1 + COMPRESSION m)``."""
SECTION = 4096
"""Frames that are transformed at once."""


def onsets(recording: Samples, rate: int) -> Sequence[int]:
    """Samples at which a sound begins, ascending.

    Onsets are peaks of the spectral flux, the rise of magnitudes from one frame to the next summed
    over bins (Dixon 2006, "Onset detection revisited", with compressed magnitudes as in Böck, Krebs
    and Schedl 2012). Within a frame, which is coarse, the onset is where the amplitude rises.

    Args:
        recording: float32 ``(channels, L)``.
    """
    mono = torch.from_numpy(recording.mean(0))
    size = 1 << max(round(math.log2(WINDOW * rate)), 5)
    hop = size // 4
    flux = _flux(mono, size, hop)
    if flux.numel() == 0 or float(flux.max()) <= 0:
        return ()

    def near(seconds: float) -> int:
        return max(1, round(seconds * rate / hop))

    a, b = near(GAP / 2), near(2 * GAP)
    highest = max_pool1d(flux[None], 2 * a + 1, 1, a)[0]
    usual = avg_pool1d(pad(flux[None], (b, b), "replicate"), 2 * b + 1, 1)[0]
    peaks = (flux == highest) & (flux > usual + ABOVE * float(flux.max()))
    found: list[int] = []
    for frame in peaks.nonzero()[:, 0].tolist():
        at = _rise(mono, frame * hop, size, rate)
        if not found or at - found[-1] >= GAP * rate:
            found.append(at)
    return found


def _flux(mono: Tensor, size: int, hop: int) -> Tensor:
    """The flux of each frame; frame t is centred on sample ``t * hop``, and the first one follows
    silence."""
    window = torch.hann_window(size)
    padded = pad(mono, (size // 2, size // 2))
    frames = 1 + (len(padded) - size) // hop
    loudest = float(mono.abs().max()) * float(window.sum()) / 2
    if loudest == 0:
        return torch.zeros(0)
    before, parts = torch.zeros(size // 2 + 1, 1), []
    for start in range(0, frames, SECTION):
        end = min(start + SECTION, frames)
        section = padded[start * hop : (end - 1) * hop + size]
        spectrum = torch.stft(section, size, hop, window=window, center=False, return_complex=True)
        level = torch.log1p(spectrum.abs() * (COMPRESSION / loudest))
        parts.append((level - torch.cat([before, level[:, :-1]], 1)).clamp(min=0).sum(0))
        before = level[:, -1:]
    return torch.cat(parts)


def _rise(mono: Tensor, centre: int, size: int, rate: int) -> int:
    """The sample at which the amplitude rises, within the frame around ``centre``."""
    step = max(rate // 1000, 1)
    first = centre - size // 2
    lead = (
        first - 2 * step
    )  # the samples before are needed for comparison; silence at the beginning
    near = pad(mono[max(lead, 0) : centre + size // 2], (max(-lead, 0), 0)).abs()
    height = pad(near, (0, -len(near) % step)).reshape(-1, step).amax(1)
    rise = height[2:] - torch.maximum(height[1:-1], height[:-2])
    # If nothing rises within the frame, where it falls least.
    steep = rise >= min(STEEP * float(rise.max()), float(rise.max()))
    return max(first + int(steep.nonzero()[0, 0]) * step, 0)
