"""Cutting recordings: clips have one length, are finite, within full scale and free of clicks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_audio.data import slicing
from gankit_audio.data.files import UnusableError
from gankit_audio.data.loudness import lufs
from gankit_audio.data.onsets import onsets
from gankit_audio.data.plucked import strings
from gankit_audio.data.slicing import cut, faded, padded, trimmed
from gankit_audio.settings import AudioSettings

RATE = 8000
DEFAULTS = AudioSettings()
PEAK = 10 ** (-1 / 20)


def settings(**changes: Any) -> AudioSettings:
    return replace(DEFAULTS, **changes)


def noise(length: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.7, 0.7, (channels, length)).astype("f4")


@given(
    st.integers(1, 5000),
    st.integers(1, 3000),
    st.sampled_from([1, 2]),
    st.sampled_from(["first", "random", "all", "onset"]),
    st.sampled_from(["zero", "reflect", "drop"]),
    st.sampled_from(["peak", "keep", -23.0, -5.0]),
    st.sampled_from([0.0, 40.0]),
    st.floats(1e-3, 50.0),
    st.integers(0, 2**32),
)
def test_clips_of_any_recording_are_valid(
    length: int,
    size: int,
    channels: int,
    slice: str,
    pad: str,
    loudness: float | str,
    trim: float,
    height: float,
    seed: int,
) -> None:
    recording = noise(length, channels, seed) * np.float32(height)
    given_ = recording.copy()
    how = settings(slice=slice, pad=pad, loudness=loudness, trim=trim)
    try:
        found = cut(recording, RATE, size, how)
    except UnusableError:
        assert np.abs(recording).max() < 0.001001
        return
    assert (recording == given_).all()
    assert len(found.pieces) == len(found.starts) == len(found.windows)
    assert found.pieces or pad == "drop" or found.notes
    for piece, start, windows in zip(found.pieces, found.starts, found.windows, strict=True):
        assert piece.dtype == np.float32
        assert np.isfinite(piece).all()
        assert np.abs(piece).max() <= 1
        assert 0 <= start < length
        assert piece.shape[0] == channels
        if slice == "random":
            assert all(w + size <= piece.shape[1] for w in windows)
        else:
            assert piece.shape[1] == size
            assert tuple(windows) == (0,)
        if loudness == "peak":
            assert np.abs(piece).max() == pytest.approx(PEAK, rel=1e-5)


@given(st.integers(1, 60), st.integers(1, 400))
def test_padding(length: int, size: int) -> None:
    sound = noise(length, 2)
    silence = padded(sound, size, "zero")
    assert (silence[:, :length] == sound).all()
    assert not silence[:, length:].any()
    mirrored = padded(sound, size, "reflect")
    assert silence.shape[1] == mirrored.shape[1] == max(length, size)
    period = max(2 * (length - 1), 1)
    there = np.arange(max(length, size)) % period
    assert (mirrored == sound[:, np.minimum(there, period - there)]).all()


# --- Windows ------------------------------------------------------------------------------------


def starts(length: int, size: int, **changes: Any) -> list[int]:
    return list(cut(noise(length), RATE, size, settings(**changes)).starts)


def test_windows() -> None:
    assert starts(1000, 300) == [0]
    assert starts(1000, 300, slice="all") == [0, 300, 600]  # the last third of a clip is dropped
    assert starts(1050, 300, slice="all") == [0, 300, 600, 900]
    assert starts(1050, 300, slice="all", pad="drop") == [0, 300, 600]
    assert starts(100, 300, slice="all") == [0]


def test_short_recordings_are_dropped_with_a_note() -> None:
    for slice in ("first", "all", "onset", "random"):
        found = cut(noise(80), RATE, 8000, settings(slice=slice, pad="drop"))
        assert not found.pieces
        assert found.notes == ["shorter than a clip of 1 s (pad=drop)"]


def test_random_windows_share_one_recording() -> None:
    found = cut(noise(1000), RATE, 300, settings(slice="random"))
    (piece,), (windows,) = found.pieces, found.windows
    assert piece.shape == (1, 1000)
    assert list(windows) == [0, 300, 600, 700]
    (piece,) = cut(noise(100), RATE, 300, settings(slice="random")).pieces
    assert piece.shape == (1, 300)


def test_silence() -> None:
    with pytest.raises(UnusableError, match="silent: every sample is zero"):
        cut(np.zeros((1, 100), "f4"), RATE, 100, DEFAULTS)
    with pytest.raises(UnusableError, match="its peak is below -60 dB"):
        cut(np.full((1, 100), 0.0005, "f4"), RATE, 100, DEFAULTS)
    assert cut(np.full((1, 100), 0.0005, "f4"), RATE, 100, settings(silent=-70.0)).pieces

    gap = noise(1000)
    gap[:, 300:600] = 0
    found = cut(gap, RATE, 300, settings(slice="all"))
    assert list(found.starts) == [0, 600]
    assert found.notes == ["some of its windows are silent"]
    found = cut(gap, RATE, 300, settings(slice="random"))
    assert list(found.windows[0]) == [0, 600, 700]
    assert found.pieces[0].shape == (1, 1000)


def test_trimming() -> None:
    sound = np.full((1, 8000), 1e-4, "f4")
    sound[:, 2003:5111] = 0.5
    assert trimmed(sound, RATE, 0) == (0, 8000)
    assert trimmed(sound, RATE, 40) == (2000, 5120)
    assert trimmed(sound, RATE, 120) == (0, 8000)
    found = cut(sound, RATE, 1000, settings(trim=40.0))
    assert list(found.starts) == [2000]
    assert np.abs(found.pieces[0][:, 50:-50]).min() > 0.8


# --- Edges and levels ---------------------------------------------------------------------------


def test_only_cut_edges_are_faded() -> None:
    steady = np.ones((1, 1000), "f4")
    ms = RATE // 1000
    first, middle, last = cut(steady, RATE, 333, settings(slice="all", loudness="keep")).pieces
    assert first[0, 0] == 1  # as in the recording
    assert abs(first[0, -1]) < 0.01
    assert abs(middle[0, 0]) < 0.01 > abs(middle[0, -1])
    assert (middle[0, 2 * ms : -2 * ms] == 1).all()
    assert abs(last[0, 0]) < 0.01 > abs(last[0, -1])
    (whole,) = cut(steady, RATE, 1000, settings(loudness="keep")).pieces
    assert (whole == 1).all()
    (more,) = cut(steady, RATE, 1000, settings(loudness="keep"), beyond=1).pieces
    assert abs(more[0, -1]) < 0.01
    (short,) = cut(steady, RATE, 2000, settings(loudness="keep")).pieces
    assert np.abs(np.diff(short[0])).max() < 0.2  # no click before the silence


@given(st.integers(1, 50), st.booleans(), st.booleans())
def test_fading_only_ever_lowers(length: int, first: bool, last: bool) -> None:
    sound = noise(length)
    kept = sound.copy()
    found = faded(sound, RATE, first, last)
    assert (np.abs(found) <= np.abs(sound)).all()
    assert (sound == kept).all()


def test_loudness_is_reached_as_far_as_the_peak_allows() -> None:
    t = np.arange(RATE * 2) / RATE
    tone = (0.1 * np.sin(2 * np.pi * 440 * t))[None].astype("f4")
    (found,) = cut(tone, RATE, len(t), settings(loudness=-23)).pieces
    assert lufs(found, RATE) == pytest.approx(-23, abs=0.1)
    (found,) = cut(tone, RATE, len(t), settings(loudness=0)).pieces
    assert np.abs(found).max() == pytest.approx(PEAK, rel=1e-4)
    assert lufs(found, RATE) < -3


def test_sound_below_the_gate_can_be_levelled() -> None:
    tone = 1e-4 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)[None].astype("f4")
    (clip,) = cut(tone, RATE, RATE, settings(loudness=-23, silent=-100.0)).pieces
    assert lufs(clip, RATE) == pytest.approx(-23, abs=0.1)


def test_only_kept_levels_are_clipped_at_full_scale() -> None:
    loud = noise(500) * 3
    (kept,) = cut(loud, RATE, 500, settings(loudness="keep")).pieces
    assert np.abs(kept).max() == 1
    (scaled,) = cut(loud, RATE, 500, DEFAULTS).pieces
    assert np.allclose(scaled, loud * (PEAK / np.abs(loud).max()), atol=1e-6)


# --- Onsets -------------------------------------------------------------------------------------

PLUCKS = (0, 4100, 9000, 13370, 21003)


@pytest.mark.parametrize("lead", [0, 800])
@pytest.mark.parametrize("background", [0.0, 0.003])
def test_onsets_are_found_where_they_are(lead: int, background: float) -> None:
    rng = np.random.default_rng(0)
    sound = rng.normal(0, background, 30_000) if background else np.zeros(30_000)
    for i, at in enumerate(PLUCKS):
        note = strings(57 + 3 * i, 1, rng)[0]
        note *= 0.8 * np.linspace(1, 0, len(note), dtype="f4") / np.abs(note).max()
        sound[lead + at : lead + at + 8000] += note[: 30_000 - lead - at]
    found = onsets(sound[None].astype("f4"), RATE)
    assert len(found) == len(PLUCKS)
    assert max(abs(f - lead - at) for f, at in zip(found, PLUCKS, strict=True)) <= 0.004 * RATE


@pytest.mark.parametrize("rate", [4000, 16000, 44100])
def test_windows_begin_just_before_onsets(rate: int) -> None:
    sound = np.zeros((1, 2 * rate), "f4")
    clicks = [rate // 3, rate, rate * 3 // 2]
    for at in clicks:
        n = rate // 5
        sound[:, at : at + n] = noise(n, seed=at) * np.exp(-np.arange(n) / n * 5)
    found = cut(sound, rate, rate // 4, settings(slice="onset"))
    leads = [at - start for at, start in zip(clicks, found.starts, strict=True)]
    assert min(leads) >= 0.001 * rate
    assert max(leads) <= 0.010 * rate


def test_a_recording_without_onsets_gives_its_beginning() -> None:
    assert onsets(np.zeros((1, 1000), "f4"), RATE) == ()
    constant = np.full((1, 4000), 0.5, "f4")
    found = cut(constant, RATE, 1000, settings(slice="onset"))
    assert found.starts[0] == 0


def test_onsets_close_to_the_end_are_skipped() -> None:
    sound = np.zeros((1, RATE), "f4")
    for at in (2000, RATE - 100):
        sound[:, at : at + 100] = noise(100)
    found = cut(sound, RATE, 2000, settings(slice="onset"))
    assert len(found.starts) == 1
    assert abs(found.starts[0] + slicing.BEFORE * RATE - 2000) <= 0.004 * RATE
