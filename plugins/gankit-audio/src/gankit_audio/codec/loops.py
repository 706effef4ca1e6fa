"""Seamless loops: the end of a clip is cross-faded into its start.

The cross-fade preserves power for any correlation of the two ends, after Fink, Holters and Zölzer
2016, "Signal-matched power-complementary cross-fading and dry-wet mixing" (DAFx), section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

Wide = np.ndarray[Any, np.dtype[np.float64]]


def seamless(
    samples: Samples, rate: int, blend_seconds: float = 0.1, align_seconds: float = 0.0
) -> Samples:
    """A clip that loops seamlessly, shorter by the part that is blended.

    Args:
        samples: float32 ``(channels, T)``.
        blend_seconds: length of the cross-fade, at most half of the clip.
        align_seconds: by how much the loop may be shortened further to align the phases of both
            ends. A steady tone needs one period (0.02 for 50 Hz), or its loop pulses. With 0, clips
            of one length give loops of one length.

    Returns:
        float32 ``(channels, T - B - A)`` for B blended samples and at most A samples of alignment.
    """
    length = samples.shape[1]
    blend = min(round(blend_seconds * rate), length // 2)
    if blend < 1:
        return samples
    wide = samples.astype(np.float64)
    head = wide[:, :blend]
    longest = length - blend
    slack = min(round(align_seconds * rate), longest - blend)
    if slack > 0:
        tails = wide[:, longest - slack :]
        longest -= slack - int(_correlation(head, tails).argmax())
    tail = wide[:, longest : longest + blend]

    # Weights of the start (rising) and of the end, and the power of their sum.
    rising = np.sin(np.pi / 2 * (np.arange(blend) + 0.5) / blend) ** 2
    falling = 1 - rising
    shared = max(float(_correlation(head, tail)[0]), 0.0)
    power = np.sqrt(rising**2 + falling**2 + 2 * shared * rising * falling)
    joint = (rising * head + falling * tail) / power
    return np.concatenate([joint, wide[:, blend:longest]], 1).astype(np.float32)


def _correlation(head: Wide, tails: Wide) -> Wide:
    """The normalised correlation of ``(C, B)`` samples with every window of B among ``(C, B + S)``,
    of shape (S + 1,): 1 if they differ by their level only, 0 if they are unrelated.
    """
    width = head.shape[1]
    products = sum(np.correlate(t, h, "valid") for h, t in zip(head, tails, strict=True))
    squares = np.cumsum(np.pad((tails**2).sum(0), (1, 0)))
    energies = np.maximum((squares[width:] - squares[:-width]) * (head**2).sum(), 1e-20)
    return np.asarray(products / np.sqrt(energies))
