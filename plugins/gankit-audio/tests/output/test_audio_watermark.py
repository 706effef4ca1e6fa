"""The inaudible watermark of sounds: what carries it, and what finds it again."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from gankit.contract import Watermarks
from gankit.errors import GankitError
from gankit_audio.data.clips import Clip
from gankit_audio.modality import AudioModality
from gankit_audio.output.watermark import LEAST, RATE, THRESHOLD, find, mark, resampled

KEY, OTHER = b"a key", b"another key"


def clip(seconds=2.0, rate=16_000, channels=1, seed=0):
    """Noise whose loudness and colour change, as speech's do."""
    rng, size = np.random.default_rng(seed), int(seconds * rate)
    noise = np.cumsum(rng.normal(size=size)) * 0.01 + rng.normal(size=size)
    loudness = np.interp(np.arange(size), np.linspace(0, size, 9), rng.uniform(0.02, 0.2, 9))
    return Clip(np.tile((noise * loudness * 0.3).astype(np.float32), (channels, 1)), rate)


@pytest.fixture(scope="module")
def marked():
    return mark(clip(), KEY)


def score(samples, rate, key=KEY):
    return find(resampled(np.asarray(samples, float), rate, RATE), key)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 2), (44_100, 1)])
def test_the_mark_is_found_by_its_key_alone(rate, channels):
    cover = clip(rate=rate, channels=channels)
    found = mark(cover, KEY)
    assert (found.samples.shape, found.samples.dtype) == (cover.samples.shape, np.float32)
    error = np.square(found.samples - cover.samples).mean() / np.square(cover.samples).mean()
    assert -10 * np.log10(error) > LEAST - 0.5
    assert score(found.samples[0], rate) > THRESHOLD > score(found.samples[0], rate, OTHER)
    assert score(cover.samples[0], rate) < THRESHOLD


@pytest.mark.parametrize(
    "edit",
    [
        lambda x: x[3_037:-2_000],
        lambda x: 0.3 * x,
        lambda x: resampled(resampled(x, 16_000, 8_000), 8_000, 16_000),
        lambda x: x + np.random.default_rng(0).normal(0, x.std() / 30, x.shape),
    ],
    ids=["cut", "quieter", "resampled", "noise"],
)
def test_edits_leave_the_mark(marked, edit):
    assert score(edit(marked.samples[0].astype(float)), 16_000) > THRESHOLD


@pytest.mark.parametrize("format", ["MP3", "OGG"])
def test_files_of_other_programs(marked, format):
    modality, file = AudioModality(), io.BytesIO()
    assert isinstance(modality, Watermarks)
    soundfile.write(file, marked.samples[0], 16_000, format=format)
    found = modality.find_watermark(file.getvalue(), KEY)
    assert found is not None
    assert found.score > found.threshold
    for content in (b"", b"no sound", file.getvalue()[:20]):
        assert modality.find_watermark(content, KEY) is None


@pytest.mark.parametrize("given", [clip(0.4), clip(2, 6_000)])
def test_what_cannot_carry_it_is_refused(given):
    with pytest.raises(GankitError, match="too short or too coarse for a watermark"):
        mark(given, KEY)


def test_silence_stays_silent():
    silent = Clip(np.zeros((1, 8_000), np.float32), 8_000)
    assert not mark(silent, KEY).samples.any()
    assert find(np.zeros(8_000), KEY) == 0
