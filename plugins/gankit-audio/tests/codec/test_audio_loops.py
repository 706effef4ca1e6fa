"""Loops: no click, no gap, and constant loudness at the seam."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_audio.codec.loops import seamless

RATE = 8000


def noise(seed: int, length: int = 16000, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.2, (channels, length)).astype(np.float32)


def tone(hertz: float, length: int = 16000, phase: float = 0.0) -> np.ndarray:
    t = np.arange(length) / RATE
    return (0.5 * np.sin(2 * np.pi * hertz * t + phase))[None].astype(np.float32)


def smooth(seed: int, length: int) -> np.ndarray:
    """Stereo noise without high frequencies, so that jumps are prominent."""
    walk = np.cumsum(noise(seed, length + 64, 2), 1)
    return np.stack([np.convolve(w, np.hanning(64), "valid")[:length] for w in walk]) / 100


@given(st.integers(0, 1000), st.integers(400, 6000), st.floats(0.005, 0.5), st.floats(0, 0.02))
def test_there_is_no_click(seed: int, length: int, blend: float, align: float) -> None:
    """The jump from the last sample to the first is no larger than jumps inside."""
    clip = smooth(seed, length).astype(np.float32)
    loop = seamless(clip, RATE, blend, align)
    steps = np.abs(np.diff(np.concatenate([loop, loop[:, :1]], 1), axis=1))
    assert steps[:, -1].max() <= np.abs(np.diff(clip)).max() * 1.1 + 1e-6
    assert steps.max() <= np.abs(np.diff(clip)).max() * 2 + np.abs(clip).max() * 4 / (blend * RATE)


@given(st.integers(1, 3000), st.floats(0, 1), st.floats(0, 0.05))
def test_the_length(length: int, blend: float, align: float) -> None:
    clip = noise(0, length, 2)
    loop = seamless(clip, RATE, blend, align)
    shorter = min(round(blend * RATE), length // 2)
    assert loop.dtype == np.float32
    assert loop.shape[0] == 2
    assert length - shorter - round(align * RATE) <= loop.shape[1] <= length - shorter
    if not align:
        assert loop.shape[1] == length - shorter
    assert np.isfinite(loop).all()


def test_what_is_not_blended_stays() -> None:
    clip = noise(3)
    loop = seamless(clip, RATE, 0.1)
    assert np.array_equal(loop[:, 800:], clip[:, 800:-800])


@pytest.mark.parametrize("blend", [0.05, 0.25])
def test_noise_keeps_its_power_at_the_seam(blend: float) -> None:
    width = round(blend * RATE)
    loops = np.stack([seamless(noise(seed), RATE, blend)[0] for seed in range(200)])
    power = (loops[:, :width] ** 2).reshape(200, 10, -1).mean((0, 2))
    assert power == pytest.approx(np.full(10, 0.04), rel=0.15)


def test_what_is_the_same_at_both_ends_keeps_its_amplitude() -> None:
    """A tone with whole periods in the loop continues unchanged."""
    loop = seamless(tone(100), RATE, 0.1)
    assert np.abs(loop - tone(100, loop.shape[1])).max() < 1e-4


@pytest.mark.parametrize("hertz", [103.7, 222.2, 440.0, 61.3])
@pytest.mark.parametrize("phase", [0.0, 1.0])
def test_a_steady_tone_does_not_pulse(hertz: float, phase: float) -> None:
    loop = seamless(tone(hertz, phase=phase), RATE, 0.1, align_seconds=0.02)
    thrice = np.tile(loop, 3)[0]
    period = round(RATE / hertz)
    parts = thrice[: len(thrice) // period * period].reshape(-1, period)
    assert parts.max(1).min() > 0.44
    assert parts.max(1).max() < 0.56


def test_opposite_ends_do_not_blow_up() -> None:
    clip = tone(1.0, RATE * 2 + RATE // 2)  # the end is the start inverted
    assert np.abs(seamless(clip, RATE, 0.5)).max() <= 0.51


@pytest.mark.parametrize("length", [1, 2, 3])
def test_silence_and_the_shortest_clips(length: int) -> None:
    for clip in (np.zeros((1, length), np.float32), np.ones((1, length), np.float32)):
        loop = seamless(clip, RATE)
        assert loop == pytest.approx(clip[:, : loop.shape[1]])
        assert loop.shape[1] >= 1
