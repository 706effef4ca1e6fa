"""Points as tensors and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract import CodecState
from gankit.errors import GankitError
from gankit_toy.codec import PointCodec
from gankit_toy.modality import ToyModality, ToySettings
from gankit_toy.points import Point, coordinates

number = st.floats(-1e6, 1e6, allow_nan=False)
points = st.lists(st.builds(Point, number, number, st.sampled_from("abc")), min_size=2)
RNG = np.random.default_rng(0)


@given(points, st.booleans())
def test_decoding_inverts_encoding(cloud: list[Point], conditional: bool) -> None:
    codec = PointCodec.fit(cloud, conditional)
    batch = codec.prepare(codec.encode(cloud, RNG))
    assert batch.x.dtype == torch.float32
    assert batch.x.shape == (len(cloud), *codec.layout.shape)
    again = codec.decode(batch, range(len(cloud)))
    # Relative to the spread of the data, where float32 keeps its seven digits.
    error = np.abs(coordinates(again) - coordinates(cloud)) / codec.scale
    assert error.max() < 1e-6 * max(1.0, float(batch.x.abs().max()))
    assert [p.label for p in again] == [p.label if conditional else None for p in cloud]


@given(points, st.booleans())
def test_the_state_restores_the_codec(cloud: list[Point], conditional: bool) -> None:
    codec = PointCodec.fit(cloud, conditional)
    config = json.loads(json.dumps(codec.state().config))
    again = ToyModality().load_codec(CodecState(config), ToySettings(conditional=conditional))
    assert again.layout == codec.layout
    assert torch.equal(again.encode(cloud, RNG).x, codec.encode(cloud, RNG).x)


def test_encoded_points_are_standardised() -> None:
    cloud = [Point(5 + 100 * x, y) for x, y in RNG.standard_normal((500, 2)).tolist()]
    x = PointCodec.fit(cloud, False).encode(cloud, RNG).x
    torch.testing.assert_close(x.mean(0), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(x.std(0, correction=0), torch.ones(2))


def test_an_unknown_label_is_an_error() -> None:
    codec = PointCodec.fit([Point(0, 0, "a"), Point(1, 1, "b")], conditional=True)
    with pytest.raises(GankitError, match="label=c"):
        codec.encode([Point(0, 0, "c")], RNG)
