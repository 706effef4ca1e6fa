"""The codec of the default architecture, and conditions."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.contract import Batch, Categorical, CodecState, Continuous, Fitting
from gankit.errors import GankitError
from gankit_audio.codec.base import view
from gankit_audio.codec.components import ComponentCodec, frames_for
from gankit_audio.codec.conditions import Conditions
from gankit_audio.codec.spectrogram import FLOOR, MelSpectrogram
from gankit_audio.data.clips import Clip
from gankit_audio.data.pitch import measure_pitch
from gankit_audio.data.slicing import PEAK
from gankit_audio.modality import AudioModality
from gankit_audio.settings import AudioSettings

if TYPE_CHECKING:
    from gankit.contract import Codec
    from gankit_audio.data.clips import Samples

RATE, LENGTH = 8_000, 2_400


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def tone(note: float, channels: int = 1, phase: float = 0.0, length: int = LENGTH) -> Samples:
    """A decaying tone of three partials with its peak at -1 dB, as for clips that were read; its
    channels differ in level.
    """
    t = np.arange(length) / RATE
    hertz = 440 * 2 ** ((note - 69) / 12)
    partials = sum(np.sin(k * (2 * np.pi * hertz * t + phase)) / k for k in (1, 2, 3))
    sides = 0.5 ** np.arange(channels)[:, None]
    x = sides * partials * np.exp(-4 * t) * np.minimum(1, t / 0.005)
    return np.asarray(x * PEAK / np.abs(x).max(), np.float32)


def tones(n: int = 60, channels: int = 1) -> list[Clip]:
    """Ten notes over an octave and a half, with their pitch."""
    made = []
    for i in range(n):
        note = 52 + 2 * (i % 10)
        values = {"label": f"n{i % 10 + 1}", "pitch": float(note), "by": "ab"[i % 2]}
        made.append(Clip(tone(note, channels, 0.3 * i), RATE, values, f"{i}.wav"))
    return made


def fitted(items: list[Clip], **values: Any) -> Codec[Clip]:
    chosen = AudioSettings(**{"mels": 40, "rounds": 30, "code": 24, **values})
    torch.manual_seed(0)
    return AudioModality().fit_codec(items, chosen, Fitting())


def spectra(items: list[Clip], mels: int = 40) -> torch.Tensor:
    x = torch.from_numpy(np.concatenate([clip.samples for clip in items]))
    return MelSpectrogram(RATE, x.shape[1], mels, frames_for(x.shape[1] / RATE))(x)


# --- Health -------------------------------------------------------------------------------------


def test_components_report_the_variance_that_they_keep() -> None:
    codec = fitted(tones())
    assert isinstance(codec, ComponentCodec)
    kept, error = codec.health(tones()[:40], False, rng())
    assert kept.baseline is not None
    assert kept.value == pytest.approx(kept.baseline, abs=1e-3)
    assert 0.9 < kept.value <= 1
    assert not kept.remedy
    assert "24 components keep" in kept.text
    assert "40 training clips" in kept.text
    assert 0 < error.value < 10
    loaded = AudioModality().load_codec(codec.state(), codec.settings)
    assert isinstance(loaded, ComponentCodec)
    again, _ = loaded.health(tones()[:40], False, rng())
    assert (again.value, again.baseline) == (kept.value, None)


def test_components_that_lose_the_sounds_are_said() -> None:
    """Too few of them; or of too few recordings."""
    noise = np.random.default_rng(0).normal(0, 0.1, (80, 1, LENGTH)).astype(np.float32)
    clips = [Clip(x, RATE, {"label": "n1"}, "noise.wav") for x in noise]
    for items, code, remedy in ((clips[:40], 1, "code=2"), (clips[:12], 24, "more recordings")):
        codec = fitted(items, code=code)
        assert isinstance(codec, ComponentCodec)
        kept, _ = codec.health(clips[40:], True, rng())
        assert kept.value < 0.5
        assert remedy in kept.remedy


# --- Round trips --------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2])
def test_a_round_trip_keeps_the_spectrum(channels: int) -> None:
    """The decoded clip is much nearer to the original than other clips are."""
    items = tones(channels=channels)
    codec = fitted(items)
    some = items[:10]
    batch = codec.prepare(codec.encode(some, rng()))
    assert batch.x.shape == (10, *codec.layout.shape)
    assert batch.x.dtype == torch.float32
    made = codec.decode(batch, range(10))
    assert [clip.samples.shape for clip in made] == [(channels, LENGTH)] * 10
    assert [clip.values for clip in made] == [{"label": clip.values["label"]} for clip in some]
    true, decoded = spectra(some), spectra(made)
    error = float((decoded - true).square().mean().sqrt())
    spread = float((true - true.mean(0)).square().mean().sqrt())
    assert error < 0.4 * spread
    notes = measure_pitch(np.stack([clip.samples for clip in made]), RATE)[0]
    expected = [clip.values["pitch"] for clip in some]
    assert np.abs(notes - np.array(expected, float)).max() < 0.5


def test_stereo_keeps_its_sides() -> None:
    items = tones(channels=2)
    codec = fitted(items)
    for clip in codec.decode(codec.encode(items[:4], rng()), range(4)):
        left, right = np.sqrt((clip.samples.astype(float) ** 2).mean(1))
        assert right / left == pytest.approx(0.5, rel=0.1)


def test_components_are_those_of_the_clips() -> None:
    """As many as there are dimensions reproduce every spectrogram they were fitted to."""
    items = tones(12)
    codec = fitted(items, code=100)
    assert isinstance(codec, ComponentCodec)
    assert codec.layout.shape == (11,)  # one fewer than there are clips
    x = codec.encode(items, rng()).x
    near = (x * codec.scale) @ codec.basis.T + codec.mean
    assert torch.allclose(near, spectra(items).flatten(1), atol=0.02)
    assert torch.allclose(codec.basis.T @ codec.basis, torch.eye(11), atol=1e-4)
    # Deviations become their square roots, up to a common factor.
    deviations = (x * codec.scale).std(0)
    assert torch.allclose(x.std(0), (deviations / deviations[0]).sqrt(), rtol=1e-3)


@pytest.mark.parametrize("values", [{}, {"slice": "random"}, {"conditional": False}])
def test_a_stored_codec_is_the_same(values: dict[str, Any]) -> None:
    items = tones()
    codec = fitted(items, **values)
    state = codec.state()
    config = json.loads(json.dumps(state.config))
    tensors = safetensors.torch.load(safetensors.torch.save(state.tensors))
    chosen = AudioSettings(**{"mels": 40, "rounds": 30, "code": 24, **values})
    again = AudioModality().load_codec(CodecState(config, tensors), chosen)
    assert again.layout == codec.layout
    assert again.deterministic == codec.deterministic
    one, other = codec.encode(items[:5], rng()), again.encode(items[:5], rng())
    assert torch.equal(one.x, other.x)
    for a, b in zip(codec.decode(one, range(5)), again.decode(one, range(5)), strict=True):
        assert np.array_equal(a.samples, b.samples)
        assert a.values == b.values


def test_a_clip_does_not_depend_on_its_neighbours() -> None:
    """Bit for bit, encoded and decoded; nor on its seed."""
    items = tones()
    codec = fitted(items)
    whole = codec.encode(items[:7], rng())
    assert torch.equal(codec.encode(items[3:5], rng()).x, whole.x[3:5])
    made = codec.decode(whole, range(7))
    for i in (0, 3, 6):
        (alone,) = codec.decode(whole[i : i + 1], [99])
        assert np.array_equal(alone.samples, made[i].samples)


def test_random_windows_differ_at_each_visit() -> None:
    long = [
        Clip(x[:, :LENGTH], RATE, clip.values, clip.name, x)
        for i, clip in enumerate(tones(20))
        for x in [np.concatenate([tone(50 + i), tone(70 + i)], 1)]
    ]
    codec = fitted(long, slice="random")
    assert not codec.deterministic
    one, same, other = (codec.encode(long[:4], rng(seed)).x for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.isclose(one, other).all(1).any()
    assert fitted(tones()).deterministic
    assert view(tones(1)[0], rng()) is not None
    starts = {view(long[0], rng(seed)).tobytes() for seed in range(10)}
    assert len(starts) == 10


# --- Generated clips ----------------------------------------------------------------------------


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_generated_clips_are_clean(loop: bool, channels: int) -> None:
    """At their level, without offset, and within full scale, for any output of the networks."""
    codec = fitted(tones(channels=channels), loop=loop, rounds=4)
    noise = torch.from_numpy(rng().normal(0, 1.5, (6, *codec.layout.shape))).float()
    noise[0] = 1e30
    noise[1] = math.nan
    noise[2] = -math.inf
    assert codec.layout.condition is not None
    c = torch.tensor([codec.layout.condition.encode({"label": "n3"})] * 6)
    for clip in codec.decode(Batch(noise, c), range(6)):
        x = clip.samples
        assert x.dtype == np.float32
        assert np.isfinite(x).all()
        assert np.abs(x).max() <= 1
        assert np.abs(x).max() == pytest.approx(PEAK, abs=1e-5) or not x.any()
        assert np.abs(x.mean(1)).max() < (0.02 if loop else 5e-3)
        assert clip.values == {"label": "n3"}
        assert clip.rate == RATE


def test_a_loop_is_shorter_and_seamless() -> None:
    items = tones()
    codec, looped = fitted(items), fitted(items, loop=True)
    batch = codec.encode(items[:6], rng())
    plain, loops = codec.decode(batch, range(6)), looped.decode(batch, range(6))
    for a, b in zip(plain, loops, strict=True):
        assert b.samples.shape == (1, LENGTH - RATE // 10)
        seam = abs(float(b.samples[0, 0] - b.samples[0, -1]))
        assert seam <= 1.1 * np.abs(np.diff(b.samples)).max()
        assert np.abs(a.samples[:, [0, -1]]).max() < 0.01  # clips that do not loop are faded


@pytest.mark.parametrize(("loudness", "level"), [("peak", PEAK), ("keep", None), (-30.0, None)])
def test_the_level_is_the_settings_one(loudness: Any, level: float | None) -> None:
    from gankit_audio.data.loudness import lufs

    items = tones()
    codec = fitted(items, loudness=loudness)
    for clip in codec.decode(codec.encode(items[:4], rng()), range(4)):
        peak = float(np.abs(clip.samples).max())
        if level is not None:
            assert peak == pytest.approx(level, abs=1e-5)
        elif loudness == -30:
            assert lufs(clip.samples, RATE) == pytest.approx(-30, abs=0.2)
        else:
            assert peak == pytest.approx(PEAK, rel=0.35)


def test_a_data_set_of_one_sound() -> None:
    """Nothing varies: that sound is decoded."""
    items = [Clip(tone(60), RATE, {}, f"{i}") for i in range(8)]
    codec = fitted(items)
    x = codec.encode(items[:2], rng()).x
    assert x.isfinite().all()
    (made,) = codec.decode(Batch(torch.zeros(1, *codec.layout.shape)), [0])
    assert measure_pitch(made.samples[None], RATE)[0][0] == pytest.approx(60, abs=0.3)


@pytest.mark.parametrize("frames", [7, 10**6])
def test_frames_out_of_range(frames: int) -> None:
    with pytest.raises(
        GankitError, match=rf"^frames={frames}: out of range\. Use between 8 and 2,4"
    ):
        fitted(tones(12), frames=frames)


# --- Spectrograms -------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [4_000, 8_000, 16_000, 44_100])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.45])
def test_a_sine_keeps_its_frequency(rate: int, share: float) -> None:
    """Through mel bands and back, within the width of a band and without offset."""
    length, hertz = rate // 2, share * rate / 2
    sine = 0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(length) / rate)[None]
    mel = MelSpectrogram(rate, length, 64, 50)
    log = mel(sine)
    assert log.shape == (1, 64, 50)
    back = mel.invert(log, 30)
    assert back.shape == (1, length)
    assert abs(float(back.mean())) < 3e-3
    windowed = back[0] * torch.hann_window(length)
    found = float(torch.fft.rfft(windowed).abs().argmax()) * rate / length
    mels = [2595 * math.log10(1 + f / 700) for f in (hertz, found)]
    band = 2595 * math.log10(1 + rate / 2 / 700) / 65
    assert abs(mels[1] - mels[0]) < 0.6 * band
    # The level of its band is preserved.
    assert float(mel(back).amax(1).median()) == pytest.approx(float(log.amax(1).median()), abs=0.5)


def test_every_band_has_a_bin() -> None:
    """Also if bands are narrower than a bin."""
    mel = MelSpectrogram(8_000, 800, 128, 80)
    places = (mel.bands * torch.arange(mel.bands.shape[1])).sum(1)
    assert torch.allclose(mel.bands.sum(1), torch.ones(128))
    assert (places.diff() >= -1e-4).all()


def test_silence_is_the_floor_and_inverts_to_silence() -> None:
    mel = MelSpectrogram(RATE, 800, 32, 20)
    log = mel(torch.zeros(1, 800))
    assert torch.allclose(log, torch.full_like(log, math.log(FLOOR)))
    assert float(mel.invert(log, 5).abs().max()) < 1e-3


@settings(max_examples=25)
@given(st.integers(400, 4000), st.integers(4, 80), st.integers(8, 60), st.sampled_from([1, 10]))
def test_any_size_has_its_shape(length: int, mels: int, frames: int, scale: int) -> None:
    mel = MelSpectrogram(4_000 * scale, length, mels, frames)
    log = mel(torch.from_numpy(rng(length).normal(0, 0.1, (2, length))).float())
    assert log.shape == (2, mels, frames)
    assert log.isfinite().all()
    # Noise reaches every band, even the narrowest.
    assert (log.amax(2) > math.log(FLOOR)).all()
    assert mel.invert(log, 1).shape == (2, length)


# --- Conditions ---------------------------------------------------------------------------------


def conditions(items: list[Clip], **values: Any) -> Conditions:
    return Conditions.of(items, AudioSettings(**values))


def test_labels_become_classes_in_natural_order() -> None:
    (field,) = conditions(tones()).fields
    assert field == Categorical("label", tuple(f"n{i}" for i in range(1, 11)))
    one = [Clip(tone(60), RATE, {"label": "only"}, "a")] * 8
    assert conditions(one).fields == ()
    assert conditions(one, conditional=True).fields == (Categorical("label", ("only",)),)
    assert conditions(tones(), conditional=False).fields == ()
    lone = [*tones(9), Clip(tone(60), RATE, {"label": "rare"}, "a")]
    assert isinstance(found := conditions(lone).fields[0], Categorical)
    assert found.values[-1] == "rare"


def test_clips_without_a_label() -> None:
    some = [*tones(9), Clip(tone(60), RATE, {}, "bare.wav"), Clip(tone(60), RATE, {}, "b.wav")]
    assert conditions(some).fields == ()
    with pytest.raises(GankitError, match=r"bare.wav has no label, nor has 1 other.*Remove label"):
        conditions(some, conditional=True)
    with pytest.raises(GankitError, match=r"0.wav has no lable.*Did you mean label"):
        conditions(some, conditions=("lable",))


def test_a_missing_pitch_is_measured() -> None:
    items = [Clip(tone(50 + i), RATE, {}, f"{i}") for i in range(12)]
    measured = conditions(items, conditions=("pitch",))
    (field,) = measured.fields
    assert isinstance(field, Continuous)
    assert field.mean == pytest.approx(55.5, abs=0.2)
    assert field.scale == pytest.approx(math.sqrt(143 / 12), abs=0.1)
    c = measured.encode(items)
    assert c is not None
    notes = [measured.values(row)["pitch"] for row in c.tolist()]
    assert notes == pytest.approx([50 + i for i in range(12)], abs=0.3)


def test_a_known_pitch_is_used() -> None:
    items = [Clip(tone(60), RATE, {"pitch": 40.0 + i}, f"{i}") for i in range(4)]
    (field,) = conditions(items, conditions=("pitch",)).fields
    assert isinstance(field, Continuous)
    assert field.mean == pytest.approx(41.5)


def test_clips_without_pitch_are_named() -> None:
    noise = np.zeros((1, LENGTH), np.float32)
    items = [*(Clip(tone(50 + i), RATE, {}, f"{i}") for i in range(8)), Clip(noise, RATE, {}, "x")]
    with pytest.raises(
        GankitError, match=r"x has no pitch that could be measured.*Remove pitch from conditions"
    ):
        conditions(items, conditions=("pitch",))
    pitched = conditions(items[:8], conditions=("pitch",))
    with pytest.raises(GankitError, match="clip x has no pitch"):
        pitched.encode(items[-1:])


def test_constant_and_infinite_numbers() -> None:
    same = [Clip(tone(60), RATE, {"bpm": 120.0}, "a")] * 8
    (field,) = conditions(same, conditions=("bpm",)).fields
    assert field == Continuous("bpm", 120.0, 1.0)
    odd = [*same, Clip(tone(60), RATE, {"bpm": math.inf}, "b")]
    with pytest.raises(GankitError, match="bpm: a value is not finite"):
        conditions(odd, conditions=("bpm",))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
numbers = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(texts, texts, numbers, numbers), min_size=2, max_size=12),
    st.sampled_from([("label",), ("label", "bpm"), ("kind", "label", "bpm", "loud")]),
)
def test_conditions_round_trip(rows: list[tuple[str, str, float, float]], names: Any) -> None:
    """From ``c`` and from JSON, with any names of classes."""
    sound = np.zeros((1, 8), np.float32)
    items = [
        Clip(sound, RATE, {"label": a, "kind": b, "bpm": x, "loud": y}, f"{i}")
        for i, (a, b, x, y) in enumerate(rows)
    ]
    fitted_to = conditions(items, conditions=names, conditional=True)
    again = Conditions.load(json.loads(json.dumps(fitted_to.state())))
    assert again == fitted_to
    assert fitted_to.condition is not None
    c = again.encode(items)
    assert c is not None
    assert c.shape == (len(rows), fitted_to.condition.width)
    for clip, row in zip(items, c.tolist(), strict=True):
        for field in again.fields:
            value, was = again.values(row)[field.name], clip.values[field.name]
            if isinstance(field, Continuous):
                allowed = 1e-5 * (abs(field.mean) + field.scale * 4) + 1e-9
                assert value == pytest.approx(was, abs=allowed)
            else:
                assert value == was
