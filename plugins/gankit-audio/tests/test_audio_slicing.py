"""What is taken of a recording: nothing loud is lost, lengths are exact, edges do not click."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit_audio.clips import Samples
from gankit_audio.slicing import PEAK, check_loudness, cut, levelled, onsets, padded, trim

RATE = 8000
recordings = st.builds(
    lambda seed, channels, length, scale: (
        np.random.default_rng(seed).normal(0, scale, (channels, length)).astype(np.float32)
    ),
    st.integers(0, 99),
    st.integers(1, 2),
    st.integers(1, 3000),
    st.sampled_from([0.0, 1e-6, 0.1, 3.0]),
)


def noise(length: int, channels: int = 1) -> Samples:
    return np.random.default_rng(1).normal(0, 0.1, (channels, length)).astype(np.float32)


# --- Trimming -----------------------------------------------------------------------------------


@given(recordings, st.floats(0, 100))
def test_trimming_keeps_what_is_loud(x: Samples, decibels: float) -> None:
    cut_off = trim(x, decibels)
    assert cut_off.shape[1] >= 1
    assert np.abs(cut_off).max() == np.abs(x).max()
    assert decibels or cut_off.shape == x.shape


def test_trimming_cuts_silence_in_frames_of_10_ms() -> None:
    x = noise(24_000, 2) * 1e-4
    x[1, 8_030:8_900] += 0.5  # one channel is enough
    assert np.array_equal(trim(x, 40, RATE), x[:, 8_000:8_960])
    assert trim(x, 120, RATE).shape == x.shape


# --- Onsets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("floor", [0.0, 0.003])
@given(st.lists(st.integers(8, 60), min_size=1, max_size=6), st.integers(0, 9))
def test_clicks_are_found(rate: int, floor: float, gaps: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = np.cumsum(gaps) * rate // 100
    x = rng.normal(0, floor, (1, at[-1] + rate // 2)).astype(np.float32)
    for i in at:
        x[0, i : i + 30] += 0.5 * rng.choice([-1, 1], 30)
    found = np.array(onsets(x, rate))
    if floor:  # whose beginning may count
        found = found[found > 0]
    assert len(found) == len(at)
    assert ((at - found > 0) & (at - found < 0.006 * rate)).all()


def test_notes_over_others_are_found() -> None:
    at = [0, 1_600, 2_500, 6_400]
    x = np.zeros((2, 12_000), np.float32)
    for k, i in enumerate(at):
        t = np.arange(12_000 - i) / RATE
        x[k % 2, i:] += 0.3 * np.sin(2 * np.pi * 220 * 2 ** (k / 3) * t) * np.exp(-3 * t)
    assert np.abs(np.array(onsets(x, RATE)) - at).max() < 0.005 * RATE


@pytest.mark.parametrize("length", [1, 10, 100, 20_000])
def test_silence_has_no_onset_and_what_goes_on_has_one(length: int) -> None:
    assert onsets(np.zeros((2, length), np.float32), RATE) == []
    if length >= 100:
        assert onsets(np.cos(np.arange(length) * 0.3)[None].astype(np.float32), RATE) == [0]


# --- Cutting ------------------------------------------------------------------------------------


@given(recordings, st.integers(1, 4000), st.sampled_from(["first", "random", "all", "onset"]))
def test_pieces(x: Samples, length: int, how: Literal["first", "random", "all", "onset"]) -> None:
    before = x.copy()
    pieces = cut(x, RATE, length, how)
    assert pieces
    assert all(p.shape[0] == len(x) and 1 <= p.shape[1] <= length for p in pieces)
    assert all((np.abs(p).max() <= np.abs(x).max()) for p in pieces)
    for p in pieces:
        p += 1
    assert np.array_equal(x, before)


def test_edges_are_faded_only_where_they_were_cut() -> None:
    x, fade = np.ones((1, 2_500), np.float32), 16
    first, middle, last = cut(x, RATE, 1_000, "all")
    assert first[0, 0] == last[0, -1] == 1
    assert first[0, -1] == middle[0, 0] == middle[0, -1] == last[0, 0] == pytest.approx(0, abs=0.01)
    assert (first[0, :-fade] == 1).all()
    assert (middle[0, fade:-fade] == 1).all()
    assert (last[0, fade:] == 1).all()
    assert (np.diff(first[0, -fade:]) < 0).all()
    assert (cut(x, RATE, 2_500, "first")[0] == 1).all()


def test_a_rest_below_half_is_left_out() -> None:
    assert [p.shape[1] for p in cut(noise(2_499), RATE, 1_000, "all")] == [1_000, 1_000]
    assert [p.shape[1] for p in cut(noise(2_500), RATE, 1_000, "all")] == [1_000, 1_000, 500]
    assert [p.shape[1] for p in cut(noise(10), RATE, 1_000, "all")] == [10]


def test_a_piece_begins_with_each_onset() -> None:
    x = np.zeros((1, 8_000), np.float32)
    x[0, [2_000, 5_000]] = 0.9
    first, second = cut(x, RATE, 4_000, "onset")
    assert first.shape[1] == 4_000  # with the second click in it
    assert second.shape[1] < 4_000
    assert first[0, 1:50].max() == second[0, 1:50].max() == np.float32(0.9)  # fades spare clicks


# --- Padding ------------------------------------------------------------------------------------


@given(recordings, st.integers(1, 20_000), st.sampled_from(["zero", "reflect", "drop"]))
def test_padding_is_exact(x: Samples, length: int, how: Literal["zero", "reflect", "drop"]) -> None:
    found = padded(x, length, how)
    if how == "drop" and x.shape[1] < length:
        assert found is None
        return
    assert found is not None
    assert found.shape == (len(x), length)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    kept = min(length, x.shape[1])
    assert np.array_equal(found[:, :kept], x[:, :kept])
    if how == "zero":
        assert not found[:, kept:].any()


def test_the_mirror_goes_to_and_fro() -> None:
    x = np.array([[1, 2, 3]], np.float32)
    found = padded(x, 8, "reflect")
    assert found is not None
    assert found[0].tolist() == [1, 2, 3, 2, 1, 2, 3, 2]


# --- Levels -------------------------------------------------------------------------------------


@given(recordings, st.one_of(st.just("peak"), st.floats(-70, 0)))
def test_the_peak_is_the_limit(x: Samples, loudness: float | str) -> None:
    found = levelled(x, RATE, loudness)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    peak = float(np.abs(found).max())
    assert peak <= PEAK * (1 + 1e-6)
    assert bool(peak) == bool(x.any())
    if loudness == "peak" and x.any():
        assert peak == pytest.approx(PEAK)
    assert np.array_equal(levelled(x, RATE, "keep"), x)


@pytest.mark.parametrize("rate", [8_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("scale", [1e-5, 1.0, 30.0])
def test_loudness_is_reached(rate: int, channels: int, scale: float) -> None:
    found = levelled(noise(rate, channels) * np.float32(scale), rate, -27.0)
    measured = torchaudio.functional.loudness(torch.from_numpy(found).double(), rate)
    assert float(measured) == pytest.approx(-27, abs=0.02)


def test_a_sine_of_full_scale_has_the_loudness_of_the_standard() -> None:
    """BS.1770-4: 997 Hz at 0 dB of full scale reads -3.01, so at -20 its amplitude is -16.99 dB."""
    t = np.arange(48_000) / 48_000
    found = levelled(np.sin(2 * np.pi * 997 * t)[None].astype(np.float32), 48_000, -20)
    assert 20 * math.log10(np.abs(found).max()) == pytest.approx(-16.99, abs=0.1)


def test_a_short_clip_is_as_loud_as_its_repetition() -> None:
    short = noise(800)
    long = np.tile(short, (1, 4))
    assert levelled(short, RATE, -30) == pytest.approx(levelled(long, RATE, -30)[:, :800])


@pytest.mark.parametrize("value", ["loud", "-23", 1, -71, math.nan, True, None])
def test_other_levels_are_errors(value: object) -> None:
    with pytest.raises(GankitError, match="loudness="):
        check_loudness(value)
    assert check_loudness(-23) == -23
    assert check_loudness("keep") == "keep"
