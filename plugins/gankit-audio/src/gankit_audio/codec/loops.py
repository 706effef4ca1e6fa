"""Clips that can be played over and over: the end goes over into the start.

The cross-fade keeps the power whatever the two ends have in common, after Fink, Holters and Zölzer
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
    """A clip whose end goes over into its start, shorter by the part that is blended.

    Args:
        samples: float32 ``(channels, T)``.
        blend_seconds: over which the end is blended into the start; at most half of the clip.
        align_seconds: by how much the loop may be shorter still, so that waves of both ends fall
            together. A steady tone needs a period of it (0.02 for 50 Hz); its loop would pulse
            otherwise. 0 gives all clips of a length loops of a length.

    Returns:
        float32 ``(channels, T - B - A)``; B the samples that are blended, A at most those to align.
    """
    length = samples.shape[1]
    blend = min(round(blend_seconds * rate), length // 2)
    if blend < 1:
        return samples
    wide = samples.astype(np.float64)
    head = wide[:, :blend]
    longest = length - blend
    spare = min(round(align_seconds * rate), longest - blend)
    if spare > 0:
        tails = wide[:, longest - spare :]
        longest -= spare - int(_likeness(head, tails).argmax())
    tail = wide[:, longest : longest + blend]

    # Weights of the start (rising) and the end, and their sum's power as long as both have one.
    rising = np.sin(np.pi / 2 * (np.arange(blend) + 0.5) / blend) ** 2
    falling = 1 - rising
    shared = max(float(_likeness(head, tail)[0]), 0.0)
    power = np.sqrt(rising**2 + falling**2 + 2 * shared * rising * falling)
    joint = (rising * head + falling * tail) / power
    return np.concatenate([joint, wide[:, blend:longest]], 1).astype(np.float32)


def _likeness(head: Wide, tails: Wide) -> Wide:
    """The correlation of ``(C, B)`` samples with each B successive ones of ``(C, B + S)``, of shape
    (S + 1,): 1 where they are the same but for their level, 0 where they have nothing in common.
    """
    width = head.shape[1]
    products = sum(np.correlate(t, h, "valid") for h, t in zip(head, tails, strict=True))
    squares = np.cumsum(np.pad((tails**2).sum(0), (1, 0)))
    energies = np.maximum((squares[width:] - squares[:-width]) * (head**2).sum(), 1e-20)
    return np.asarray(products / np.sqrt(energies))
