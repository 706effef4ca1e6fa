"""Loudness against the reference values of the standard."""

from __future__ import annotations

import numpy as np
import pytest

from gankit_audio.data.loudness import k_weighting, lufs


def tone(rate: int, seconds: float = 2, hertz: float = 997, height: float = 1) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (height * np.sin(2 * np.pi * hertz * t))[None].astype("f4")


def test_filters_match_the_tables_of_the_standard() -> None:
    (shelf_b, shelf_a), (pass_b, pass_a) = k_weighting(48_000)
    assert shelf_b == pytest.approx((1.53512485958697, -2.69169618940638, 1.19839281085285))
    assert shelf_a == pytest.approx((1, -1.69065929318241, 0.73248077421585))
    assert pass_b == (1, -2, 1)
    assert pass_a == pytest.approx((1, -1.99004745483398, 0.99007225036621))


@pytest.mark.parametrize("rate", [4000, 8000, 22_050, 48_000, 192_000])
def test_a_full_tone_of_997_hz_is_minus_3_01(rate: int) -> None:
    warped = 0.2 if rate == 4000 else 0.1  # the shelf ends close to half the rate
    assert lufs(tone(rate), rate) == pytest.approx(-3.01, abs=warped)
    assert lufs(np.repeat(tone(rate), 2, 0), rate) == pytest.approx(0, abs=warped)
    assert lufs(tone(rate, 0.1), rate) == pytest.approx(-3.01, abs=0.2)  # less than a block


def test_gates_exclude_silence_and_faint_sound() -> None:
    rate = 8000
    loud, faint = tone(rate, 4, height=0.1), tone(rate, 4, height=0.005)
    alone = lufs(loud, rate)
    for rest in (np.zeros_like(loud), faint):
        assert lufs(np.concatenate([loud, rest], 1), rate) == pytest.approx(alone, abs=0.3)


def test_loudness_below_the_gate() -> None:
    assert lufs(tone(8000, height=1e-4), 8000) == pytest.approx(-83.01, abs=0.1)
    assert np.isfinite(lufs(np.zeros((1, 1), "f4"), 8000))
