"""The conformance checks, with each architecture."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gankit.testing import ModalityTests

RATE = 8_000


def sounds(n: int = 96, seconds: float = 0.4, channels: int = 1) -> list[dict[str, Any]]:
    """Five decaying partials near four pitches, with a little noise."""
    t, k = np.arange(round(seconds * RATE)) / RATE, np.arange(1, 6)[:, None]
    made = []
    for i in range(n):
        rng = np.random.default_rng(i)
        note = 50 + 6 * (i % 4) + rng.uniform(-2, 2)
        hertz, decay, slope = 440 * 2 ** ((note - 69) / 12), rng.uniform(1, 12), rng.uniform(0.5, 2)
        partials = np.sin(2 * np.pi * k * hertz * t + rng.uniform(0, 6, (5, 1)))
        tone = (partials * np.exp(-decay * np.sqrt(k) * t) / k**slope).sum(0)
        sides = rng.uniform(0.5, 1, (channels, 1))
        sound = (sides * tone + rng.normal(0, 0.03, (channels, len(t)))) / 5
        values = {"label": f"n{i % 4}", "pitch": note}
        made.append({"audio": sound.astype(np.float32), "rate": RATE, **values})
    return made


# Decoding estimates phases, so that the spectrogram of a clip is only near to that of its code; and
# MP3 drops barely audible parts, of which untrained networks generate many.
SMALL = {"width": 32, "latent": 16, "code": 6, "rounds": 8, "extractors": ["random-mel"]}
NEAR, LOSSY = 0.45, 0.7


class TestSpectrogram(ModalityTests):
    plugin = "audio"
    settings: ClassVar = SMALL
    data = sounds()
    tolerance = NEAR


class TestStereoByPitch(ModalityTests):
    plugin = "audio"
    settings: ClassVar = {**SMALL, "channels": "stereo", "conditions": ["label", "pitch"]}
    data = sounds(channels=2)
    tolerance = NEAR


TINY = {"width": 16, "latent": 8, "duration": 0.25, "conditional": False}


class TestISTFT(ModalityTests):
    plugin = "audio"
    settings: ClassVar = {**TINY, "architecture": "istft", "conditional": "auto"}
    data = sounds(48, 0.25)
    tolerance = LOSSY


class TestWaveGAN(ModalityTests):
    plugin = "audio"
    settings: ClassVar = {**TINY, "architecture": "wavegan", "width": 4}
    data = sounds(48, 0.25)
    tolerance = LOSSY
