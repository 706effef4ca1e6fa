from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_audio.data.pitch import measure_pitch, midi_of, note_name, note_number


def sine(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate + 0.3)


def saw(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    """All partials below half the rate."""
    partials = range(1, int(rate / 2 / hertz - 1e-9) + 1)
    return np.sum([sine(k * hertz, rate, seconds) / k for k in partials], axis=0)


def plucked(hertz: float, rate: int, seed: int) -> np.ndarray:
    """Decaying partials of random strength, higher ones faster; the fundamental is weak."""
    rng = np.random.default_rng(seed)
    t = np.arange(rate) / rate
    k = np.arange(1, max(int(min(rate / 2, 8000) / hertz), 1) + 1)
    strength = rng.uniform(0.2, 1, len(k)) / k**0.7
    strength[0] *= 0.5
    waves = np.sin(2 * np.pi * hertz * k[:, None] * t + rng.uniform(0, 6, len(k))[:, None])
    return (strength[:, None] * waves * np.exp(-t * (2 + k[:, None]))).sum(0)


# --- Names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A4", 69), ("a4", 69), ("A#3", 58), ("Bb3", 58), ("B♭3", 58), ("a♯3", 58), ("C-1", 0),
        ("G9", 127), ("Cb4", 59), ("B#3", 60), ("69", 69), (" 69 ", 69), ("60.5", 60.5),
        ("midi69", 69), ("MIDI 5", 5), ("midi_64", 64), ("440Hz", 69), ("0.44 kHz", 69),
        ("880.0hz", 81), ("21", 21),
    ],
)  # fmt: skip
def test_labels_that_are_pitches(text: str, number: float) -> None:
    assert note_number(text) == pytest.approx(number)


@pytest.mark.parametrize(
    "text", ["", "A", "H4", "A44", "piano", "0", "9", "20", "128", "-60", "0Hz", "Hz", "midi",
             "midi200", "a4b", "G#9", "nan", "inf", "²"]
)  # fmt: skip
def test_labels_that_are_not_pitches(text: str) -> None:
    assert note_number(text) is None


@given(st.integers(0, 127))
def test_names_and_numbers_are_inverse(number: int) -> None:
    assert note_number(note_name(number)) == number
    assert note_number(f"midi{number}") == number
    assert note_name(number + 0.4) == note_name(number)


@given(st.floats(1e-3, 1e5))
def test_hertz_are_read(hertz: float) -> None:
    assert note_number(f"{hertz:.6f}Hz") == pytest.approx(midi_of(float(f"{hertz:.6f}")))


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_none(text: str) -> None:
    found = note_number(text)
    assert found is None or np.isfinite(found)


# --- Measuring ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 16_000, 44_100])
def test_sines_and_saws_to_a_few_cents(rate: int) -> None:
    top = min(2000.0, 0.45 * rate)
    hertz = np.geomspace(60, top, 40)
    for wave in (sine, saw):
        midi, confidence = measure_pitch(np.stack([wave(f, rate) for f in hertz]), rate)
        cents = 100 * (midi - [midi_of(f) for f in hertz])
        assert np.abs(cents).max() < 10, (wave.__name__, hertz[np.abs(cents).argmax()])
        assert confidence.min() > 0.9


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_plucked_strings(rate: int) -> None:
    hertz = np.geomspace(60, 2000, 60)
    clips = np.stack([plucked(f, rate, i) for i, f in enumerate(hertz)])
    midi, confidence = measure_pitch(clips, rate)
    cents = 100 * np.abs(midi - [midi_of(f) for f in hertz])
    assert (cents < 50).mean() >= 0.98
    assert np.median(cents) < 3
    assert np.median(confidence) > 0.9


def test_noise_glides_and_silence_have_low_confidence() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(8000) / 8000
    noise = rng.normal(size=(10, 8000)) * 0.1
    brown = np.cumsum(rng.normal(size=(10, 8000)), axis=1) / 100
    glide = np.sin(2 * np.pi * (100 * t + 200 * t**2))[None]
    assert measure_pitch(noise, 8000)[1].max() < 0.2
    assert measure_pitch(brown, 8000)[1].max() < 0.5
    assert measure_pitch(glide, 8000)[1].max() < 0.4
    midi, confidence = measure_pitch(np.zeros((2, 8000)), 8000)
    assert np.isnan(midi).all()
    assert (confidence == 0).all()


def test_level_offset_and_neighbours_change_nothing() -> None:
    one = saw(150, 8000)
    clips = np.stack([one, 0.001 * one, one + 0.3, *(np.zeros((40, len(one))))])
    midi, confidence = measure_pitch(clips, 8000)
    assert np.abs(midi[:3] - midi_of(150)).max() < 0.05
    assert confidence[:3].min() > 0.9
    assert (confidence[3:] == 0).all()
    alone = measure_pitch(clips[:1], 8000)
    assert alone[0][0] == pytest.approx(midi[0], abs=1e-4)


def test_two_channels_are_mixed_and_short_clips_measured() -> None:
    wave = np.stack([sine(220, 16_000), np.zeros(8000)])[None]
    assert measure_pitch(wave, 16_000)[0][0] == pytest.approx(57, abs=0.05)
    assert measure_pitch(sine(440, 8000, 0.05)[None], 8000)[0][0] == pytest.approx(69, abs=0.1)
    for size in (1, 2, 3, 17):
        assert measure_pitch(np.ones((1, size)), 8000)[1][0] < 0.2
