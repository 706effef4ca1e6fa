"""The built-in strings: in tune, all different, the same every time."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from gankit_audio.clips import PITCH, Clip
from gankit_audio.pitch import note_name
from gankit_audio.plucked import plucked_strings
from gankit_audio.slicing import onsets


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return plucked_strings()


def test_shape_and_level(clips: list[Clip]) -> None:
    x = np.stack([c.samples for c in clips])
    assert x.shape == (1_200, 1, 8_000)
    assert x.dtype == np.float32
    assert {c.rate for c in clips} == {8_000}
    peaks = np.abs(x).max((1, 2))
    assert peaks.min() > 0.1
    assert peaks.max() < 1
    assert np.abs(x.mean(2)).max() < 0.01


def test_names_and_notes(clips: list[Clip]) -> None:
    assert set(Counter(c.label for c in clips).values()) == {100}
    assert len({c.name for c in clips}) == 1_200
    assert clips[212].name == "plucked/A3/0012"
    for clip in clips:
        pitch = clip.values[PITCH]
        assert isinstance(pitch, float)
        assert note_name(pitch) == clip.label
        assert abs(pitch - round(pitch)) <= 0.1


def test_they_are_in_tune(clips: list[Clip]) -> None:
    """The fundamental's peak in the spectrum lies within 2 cents of the pitch."""
    size = 2**17
    for clip in clips[::5]:
        hertz = 440 * 2 ** ((float(clip.values[PITCH]) - 69) / 12)
        sound = clip.samples[0] * np.hanning(8_000)
        spectrum = np.log(np.abs(np.fft.rfft(sound, size)) + 1e-12)
        low, high = (int(hertz * size / 8_000 * 2 ** (c / 1200)) for c in (-60, 60))
        i = low + int(np.argmax(spectrum[low : high + 1]))
        a, b, c = spectrum[i - 1 : i + 2]
        found = (i + (a - c) / 2 / (a - 2 * b + c)) * 8_000 / size
        assert abs(1200 * np.log2(found / hertz)) < 2, clip.name


def test_each_is_plucked_once_and_dies_away(clips: list[Clip]) -> None:
    for clip in clips[::10]:
        assert len(onsets(clip.samples, clip.rate)) == 1
        assert np.abs(clip.samples[0, :80]).max() > 0
        early, late = clip.samples[0, :1_000], clip.samples[0, -1_000:]
        assert np.square(late).mean() < np.square(early).mean() / 10


def test_they_differ_and_come_again(clips: list[Clip]) -> None:
    assert len({c.samples.tobytes() for c in clips}) == 1_200
    again = plucked_strings()
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(clips, again, strict=True))
    assert [a.values for a in clips] == [b.values for b in again]
