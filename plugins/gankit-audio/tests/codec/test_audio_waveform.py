"""The codec of waveforms: levels, random windows, decoded clips."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.contract import Batch, CodecState
from gankit.errors import GankitError
from gankit_audio.codec.conditions import Conditions
from gankit_audio.codec.waveform import WaveformCodec
from gankit_audio.data.clips import Clip
from gankit_audio.settings import AudioSettings

if TYPE_CHECKING:
    from gankit_audio.data.clips import Samples

RATE, LENGTH = 8_000, 800
EDGE = 16
"""Samples of a fade."""


def sounds(n: int, channels: int = 1, level: float = 0.3, length: int = LENGTH) -> list[Samples]:
    """Noise with little treble, like speech."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(n, channels, length + 20))
    kernel = 0.8 ** np.arange(20)
    smooth = np.apply_along_axis(lambda row: np.convolve(row, kernel, "same"), -1, noise)
    peaks = np.abs(smooth).max((1, 2), keepdims=True)
    return list((level * smooth / peaks)[..., 20:].astype(np.float32))


def clips(n: int = 6, channels: int = 1, level: float = 0.3) -> list[Clip]:
    return [
        Clip(samples, RATE, {"label": "abc"[i % 3], "pitch": 60.0 + i}, f"{i}.wav")
        for i, samples in enumerate(sounds(n, channels, level))
    ]


def fitted(items: list[Clip], **values: Any) -> WaveformCodec:
    chosen = AudioSettings(**({"loudness": "keep"} | values))
    return WaveformCodec.fit(items, Conditions.of(items, chosen), chosen)


def plain(channels: int = 1, length: int = LENGTH, **values: Any) -> WaveformCodec:
    chosen = AudioSettings(**({"architecture": "wavegan", "loudness": "keep"} | values))
    return WaveformCodec(RATE, channels, length, Conditions(), chosen)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("architecture", ["istft", "wavegan"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_round_trip_keeps_sound_and_conditions(architecture: Any, channels: int) -> None:
    items = clips(channels=channels)
    codec = fitted(items, architecture=architecture, conditions=("label", "pitch"))
    assert codec.layout.shape == (channels, LENGTH)
    assert codec.layout.condition is not None
    assert codec.layout.condition.width == 4
    stored = codec.encode(items, rng())
    assert stored.x.dtype == torch.int16
    prepared = codec.prepare(stored)
    assert prepared.x.dtype == torch.float32
    back = codec.decode(prepared, range(6))
    for clip, again in zip(items, back, strict=True):
        mean = clip.samples.mean(-1, keepdims=True)
        off = np.abs(again.samples - (clip.samples - mean))
        assert off[:, EDGE:-EDGE].max() < 1e-4
        assert np.abs(again.samples[:, 0]).max() < 0.01
        assert again.samples.dtype == np.float32
        assert again.rate == RATE
        assert again.values["label"] == clip.label
        assert again.values["pitch"] == pytest.approx(clip.values["pitch"])


@given(level=st.floats(0.001, 1), offset=st.floats(-0.5, 0.5))
@settings(max_examples=20)
def test_istft_gets_unit_level_without_dc_offset(level: float, offset: float) -> None:
    rows = [(s + offset).clip(-1, 1) for s in sounds(4, level=level)]
    codec = fitted([Clip(s, RATE) for s in rows], architecture="istft")
    x = codec.prepare(codec.encode([Clip(s, RATE) for s in rows], rng())).x
    assert x.square().mean().sqrt().item() == pytest.approx(1, rel=0.01)
    assert x.mean(-1).abs().max() < 0.05


def test_wavegan_gets_unscaled_samples() -> None:
    items = clips()
    x = fitted(items, architecture="wavegan").prepare(Batch(torch.tensor([[[16384, -16384]]]))).x
    assert torch.allclose(x, torch.tensor([[[0.5, -0.5]]]), atol=1e-4)


def test_a_silent_data_set_causes_no_division_by_zero() -> None:
    silence = [Clip(np.zeros((1, LENGTH), np.float32), RATE)] * 2
    codec = fitted(silence, architecture="istft")
    assert not codec.prepare(codec.encode(silence, rng())).x.any()


def test_loud_clips_are_turned_down_and_nan_is_silence() -> None:
    codec = plain(2, 400)
    wave = torch.sin(torch.arange(400.0) / 5)
    x = torch.stack([wave * 0.5, wave * 3])[None].repeat(2, 1, 1)
    x[1, 0, 7] = float("nan")
    loud, broken = codec.decode(Batch(x), [0, 1])
    assert np.abs(loud.samples).max() == pytest.approx(1, abs=1e-6)
    assert np.allclose(loud.samples[1], loud.samples[0] * 6, atol=1e-2)  # the balance is preserved
    assert np.isfinite(broken.samples).all()


def test_decoded_clips_have_no_dc_offset_and_do_not_depend_on_their_neighbours() -> None:
    codec = fitted(clips(), architecture="istft")
    torch.manual_seed(0)
    x = torch.randn(4, 1, LENGTH) + 0.3
    c = torch.eye(3)[[0, 1, 2, 0]]
    whole = codec.decode(Batch(x, c), range(4))
    (alone,) = codec.decode(Batch(x[2:3], c[2:3]), [2])
    assert np.array_equal(whole[2].samples, alone.samples)
    assert max(abs(float(clip.samples.mean())) for clip in whole) < 1e-3


def test_random_windows_are_cut_from_the_recording() -> None:
    ramp = (np.arange(3 * LENGTH, dtype=np.float32) / (3 * LENGTH))[None]
    item = Clip(ramp[:, :LENGTH], RATE, recording=ramp)
    codec = fitted([item, item], architecture="wavegan", slice="random")
    assert not codec.deterministic
    first = codec.encode([item] * 300, np.random.default_rng(0)).x[:, 0]
    starts = (first[:, EDGE] / 32767 * 3 * LENGTH).round()
    assert len(starts.unique()) > 200
    assert starts.min() < LENGTH / 10
    assert starts.max() > 1.9 * LENGTH
    assert torch.equal(codec.encode([item] * 300, np.random.default_rng(0)).x[:, 0], first)
    assert fitted([item], architecture="wavegan").deterministic


def test_a_codec_loads_from_json() -> None:
    items = clips()
    chosen = AudioSettings(architecture="istft", slice="random")
    codec = WaveformCodec.fit(items, Conditions.of(items, chosen), chosen)
    config = json.loads(json.dumps(codec.state().config))
    again = WaveformCodec.load(CodecState(config), chosen)
    assert again.layout == codec.layout
    assert again.state() == codec.state()
    assert not again.deterministic
    x, y = (k.prepare(k.encode(items, rng())) for k in (codec, again))
    assert torch.equal(x.x, y.x)
    assert x.c is not None
    assert y.c is not None
    assert torch.equal(x.c, y.c)


@pytest.mark.parametrize(
    ("samples", "rate", "word"),
    [((1, 799), RATE, "799"), ((2, LENGTH), RATE, "2 ×"), ((1, LENGTH), 44_100, "44,100")],
)
def test_a_clip_of_another_shape_is_named(samples: tuple[int, int], rate: int, word: str) -> None:
    odd = Clip(np.zeros(samples, np.float32), rate, {"label": "a"}, "odd.wav")
    with pytest.raises(GankitError, match=r"odd\.wav.*" + word):
        fitted(clips(), architecture="wavegan").encode([odd], rng())


def test_decode_batches_shrink_for_long_clips() -> None:
    assert plain(1, 16_384).decode_batch_size == 64
    assert plain(2, 480_000).decode_batch_size == 4
    assert plain(2, 10**8).decode_batch_size == 1


def test_loops_are_seamless() -> None:
    x = torch.from_numpy(np.stack(sounds(3, length=4_000)))
    wholes = plain(length=4_000).decode(Batch(x), range(3))
    loops = plain(length=4_000, loop=True).decode(Batch(x), range(3))
    for whole, loop in zip(wholes, loops, strict=True):
        joint = np.abs(loop.samples[:, 0] - loop.samples[:, -1])
        steps = np.abs(np.diff(whole.samples))
        assert joint < 1.5 * steps.max()
        assert 3_000 < loop.samples.shape[1] < 4_000


@pytest.mark.parametrize("length", [1, 60, LENGTH])
def test_what_sounds_alike_compares_as_near(length: int) -> None:
    codec = WaveformCodec(RATE, 1, length, Conditions(()), AudioSettings())
    x = torch.from_numpy(np.stack(sounds(8, length=length)))
    features = codec.comparable(Batch(x))
    assert features.shape[0] == 8
    torch.testing.assert_close(codec.comparable(Batch(-x)), features)
    louder = (codec.comparable(Batch(1.1 * x)) - features).norm(dim=1)
    if length == LENGTH:
        assert louder.max() < torch.cdist(features, features).fill_diagonal_(9e9).min()
