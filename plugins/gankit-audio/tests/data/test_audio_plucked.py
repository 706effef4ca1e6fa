"""The built-in data: in tune, varied and reproducible."""

from __future__ import annotations

import numpy as np
import pytest

from gankit_audio.data.plucked import EACH, NOTES, RATE, plucked, strings


@pytest.mark.parametrize("pitch", sorted(NOTES.values()))
def test_strings_are_in_tune(pitch: int) -> None:
    sounds = strings(pitch, 40, np.random.default_rng(0))
    assert sounds.shape == (40, RATE)
    assert sounds.dtype == np.float32
    wanted = 440 * 2 ** ((pitch - 69) / 12)
    power = np.abs(np.fft.rfft(sounds * np.hanning(RATE), 2**19)) ** 2
    hertz = np.arange(power.shape[1]) * RATE / 2**19
    near = np.abs(12 * np.log2(np.maximum(hertz, 1) / wanted)) < 0.5
    found = hertz[near][power[:, near].argmax(1)]
    assert np.abs(1200 * np.log2(found / wanted)).max() < 8  # cents, of which 5 are intended
    comb = power[:, near].max(1) / power[
        :, np.abs(np.log2(np.maximum(hertz, 1) / wanted)) < 0.5
    ].max(1)
    assert comb.min() > 0.99  # no energy between the harmonics


def test_they_decay_and_differ() -> None:
    sounds = strings(57, 100, np.random.default_rng(0))
    quarters = np.abs(sounds).reshape(100, 4, -1).max(2)
    assert (quarters[:, 0] > quarters[:, 3]).all()
    decay = quarters[:, 3] / quarters[:, 0]
    assert decay.min() < 0.03 < 0.2 < decay.max()
    assert 0.05 < quarters.max(1).min() < 0.3 < 0.7 < quarters.max(1).max() <= 1


def test_the_data_set_is_reproducible() -> None:
    clips = plucked()
    assert len(clips) == EACH * len(NOTES)
    assert {(c.label, c.values["pitch"]) for c in clips} == {
        (n, float(p)) for n, p in NOTES.items()
    }
    again = plucked()
    assert all((a.samples == b.samples).all() for a, b in zip(clips, again, strict=True))
    assert len({c.samples.tobytes() for c in clips}) == len(clips)
