"""All that the contract asks of a modality, with each pair of networks."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gankit.testing import ModalityTests

RATE = 8_000


def pluck(hertz: float, seconds: float, channels: int, seed: int) -> np.ndarray[Any, Any]:
    """Partials that die away, the higher the sooner, over a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    sides = rng.uniform(0.5, 1, (channels, 1))
    sound = sum(
        np.sin(2 * np.pi * k * hertz * t + rng.uniform(0, 6)) * np.exp(-3 * k * t) / k
        for k in range(1, 6)
    )
    return (sides * sound + rng.normal(0, 0.003, (channels, len(t)))).astype(np.float32) / 3


def sounds(
    n: int = 96, seconds: float = 0.4, channels: int = 1, pitch: bool = False
) -> list[dict[str, Any]]:
    made = []
    for i in range(n):
        note = 55 + 4 * (i % 4) + 0.2 * np.sin(i)
        sound = pluck(440 * 2 ** ((note - 69) / 12), seconds, channels, i)
        told = {"pitch": note} if pitch else {}
        made.append({"audio": sound, "rate": RATE, "label": f"n{i % 4}", **told})
    return made


# Phases are found anew when a clip is decoded, in eight rounds here, and what has died away comes
# back as a little noise: in logarithms that is much. MP3 leaves out what people hardly hear.
SMALL = {
    "width": 32,
    "latent": 16,
    "mels": 32,
    "code": 12,
    "rounds": 8,
    "extractors": ["random-mel"],
}
LOSSY = 1.3
MP3 = 0.7


class TestSpectrogram(ModalityTests):
    plugin = "audio"
    settings: ClassVar = SMALL
    data = sounds()
    tolerance = LOSSY


class TestStereoByPitch(ModalityTests):
    plugin = "audio"
    settings: ClassVar = {**SMALL, "channels": "stereo", "conditions": ["label", "pitch"]}
    data = sounds(channels=2, pitch=True)
    tolerance = LOSSY


TINY = {"width": 16, "latent": 8, "duration": 0.25, "conditional": False}


class TestISTFT(ModalityTests):
    plugin = "audio"
    settings: ClassVar = {**TINY, "architecture": "istft", "conditional": "auto"}
    data = sounds(48, 0.25)
    tolerance = MP3


class TestWaveGAN(ModalityTests):
    plugin = "audio"
    settings: ClassVar = {**TINY, "architecture": "wavegan", "width": 4}
    data = sounds(48, 0.25)
    tolerance = MP3
