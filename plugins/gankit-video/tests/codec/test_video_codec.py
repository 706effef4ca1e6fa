"""Clips become tensors and come back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from gankit.contract import Batch, CodecState, Continuous
from gankit.errors import GankitError
from gankit_video.codec.video_codec import VideoCodec, fit_codec
from gankit_video.data.items import Clip
from gankit_video.settings import VideoSettings

RNG = np.random.default_rng(0)


def clips(n=4, shape=(5, 8, 10, 1), labels="ab"):
    return [
        Clip(RNG.integers(0, 256, shape, np.uint8), 9.0, labels[i % len(labels)], {"v": float(i)})
        for i in range(n)
    ]


@settings(deadline=None, max_examples=30)
@given(arrays.arrays(np.uint8, (2, 3, 4, 5, 3)))
def test_every_pixel_comes_back(frames):
    codec = VideoCodec((3, 3, 4, 5))
    items = [Clip(each) for each in frames]
    batch = codec.prepare(codec.encode(items, RNG))
    assert batch.x.shape == (2, 3, 3, 4, 5)
    assert batch.x.abs().max() <= 1
    back = codec.decode(batch, [0, 1])
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(items, back, strict=True))
    in_graph = codec.decoding_graph().module(batch.x)
    assert np.array_equal(in_graph.numpy(), frames)


def test_labels_numbers_and_rate_come_back():
    codec = fit_codec(clips(), VideoSettings(frames=5, columns=("v",)))
    batch = codec.encode(clips(), RNG)
    assert batch.c.shape == (4, 3)
    back = codec.decode(codec.prepare(batch), range(4))
    assert [clip.label for clip in back] == ["a", "b", "a", "b"]
    assert [clip.values["v"] for clip in back] == pytest.approx([0, 1, 2, 3], abs=1e-5)
    assert back[0].fps == 9


def test_state():
    codec = VideoCodec((5, 1, 8, 10), 9.5, "ab", [Continuous("v", 2.0, 3.0)], True, "pad")
    again = VideoCodec.from_state(codec.state())
    assert again.state() == codec.state()
    assert again.layout == codec.layout
    for damage in ({"shape": [1, 2]}, {"shape": [5, 2, 8, 8]}, {"labels": None}, {"fps": "x"}):
        with pytest.raises(GankitError, match="video codec is damaged"):
            VideoCodec.from_state(CodecState({**codec.state().config, **damage}))


def test_mirroring_turns_whole_clips():
    codec = VideoCodec((5, 1, 8, 10), mirror=True)
    x = codec.encode(clips(40, labels=["a"]), RNG)
    torch.manual_seed(0)
    plain, out = VideoCodec((5, 1, 8, 10)).prepare(x).x, codec.prepare(x).x
    same = (out == plain).flatten(1).all(1)
    turned = (out == plain.flip(4)).flatten(1).all(1)
    assert (same | turned).all()
    assert 5 < same.sum() < 35


def test_what_cannot_be_encoded():
    codec = fit_codec(clips(), VideoSettings(frames=5, columns=("v",)))
    frames = clips(1)[0].frames
    for clip, message in (
        (Clip(frames, label="c", values={"v": 1}), "label=c: the data has no such label"),
        (Clip(frames), "no label, and the run is conditioned on labels"),
        (Clip(frames, label="a"), "no v, and the run is conditioned on it"),
        (Clip(frames[:2], label="a", values={"v": 1}), "2 frames, and the run's have 5"),
    ):
        with pytest.raises(GankitError, match=message):
            codec.encode([clip], RNG)


@pytest.mark.parametrize(
    ("labels", "changed", "message"),
    [
        ([None], {"conditional": True}, "not every clip has a label"),
        (["a"], {"columns": ("w",)}, "columns=w: not every clip has such a number"),
        (list(map(str, range(5000))), {}, "5,000 different labels are too many"),
    ],
)
def test_what_cannot_be_fitted(labels, changed, message):
    items = clips(len(labels), (2, 8, 8, 1), labels)
    with pytest.raises(GankitError, match=message):
        fit_codec(items, VideoSettings(frames=2, **changed))


def test_other_clips_are_brought_to_the_runs_form():
    codec = VideoCodec((5, 1, 8, 10))
    assert not codec.conform(clips(), False).warnings
    larger = codec.conform(clips(shape=(7, 20, 20, 3)), False)
    assert "7 frames of 20×20 RGB, and become 5 frames of 10×8 grey" in larger.warnings[0]
    assert codec.encode(larger.items, RNG).x.shape == (4, 5, 1, 8, 10)
    with pytest.raises(GankitError, match="the clips have 3 frames, and the run's 5"):
        codec.conform(clips(shape=(3, 8, 10, 1)), False)


def test_clips_that_look_alike_are_near_in_what_is_compared():
    codec = VideoCodec((6, 1, 16, 16))
    x = torch.rand(4, 6, 1, 16, 16) * 2 - 1
    near = codec.comparable(Batch((x + 0.01).clamp(-1, 1)))
    found = torch.cdist(codec.comparable(Batch(x)), near)
    assert (found.argmin(1) == torch.arange(4)).all()
    still = x[:, :1].expand(-1, 6, -1, -1, -1)
    assert torch.isfinite(codec.comparable(Batch(still))).all()
