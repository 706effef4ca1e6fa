"""Real clips whose time is wrong: controls beside every score.

A score that does not tell them from real clips says nothing about motion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gankit_video.data.items import Clip

Control = Callable[[Clip, np.random.Generator], Clip]


def frozen(clip: Clip, rng: np.random.Generator) -> Clip:
    """The middle frame, all the time: perfect appearance without motion."""
    middle = clip.frames[len(clip.frames) // 2]
    return replace(clip, frames=np.broadcast_to(middle, clip.frames.shape).copy())


def shuffled(clip: Clip, rng: np.random.Generator) -> Clip:
    """The frames in a random order: perfect appearance, and motion that makes no sense."""
    return replace(clip, frames=clip.frames[rng.permutation(len(clip.frames))])


CONTROLS: Mapping[str, Control] = {"frozen": frozen, "shuffled": shuffled}
"""By the name of their column."""


def controls(train: Sequence[Clip], n: int, seed: int) -> dict[str, list[Clip]]:
    """``n`` clips of each control, made from training clips, so that held-out ones stay what they
    are compared with."""
    rng = np.random.default_rng(seed)
    few = n > len(train)
    chosen = rng.choice(len(train), n, replace=few)
    clips = [train[int(i)] for i in chosen]
    return {name: [make(clip, rng) for clip in clips] for name, make in CONTROLS.items()}
