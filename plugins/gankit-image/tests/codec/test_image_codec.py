"""The codec: integers in storage, [-1, 1] for the networks, and decoding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract import Batch, CodecState, Fitting
from gankit.errors import GankitError
from gankit_image.codec.image_codec import ImageCodec
from gankit_image.data.images import Image
from gankit_image.data.pixels import PixelFormat
from gankit_image.modality import ImageModality
from gankit_image.settings import ImageSettings

MODALITY = ImageModality()
RNG = np.random.default_rng(0)


def fit(items: Sequence[Image], **settings: Any) -> ImageCodec:
    return MODALITY.fit_codec(items, replace(ImageSettings(), **settings), Fitting())


def some(labels: Sequence[str | None], shape: tuple[int, ...] = (4, 6, 1)) -> list[Image]:
    return [Image(RNG.integers(0, 256, shape, np.uint8), label) for label in labels]


@given(
    st.integers(4, 9),
    st.integers(4, 9),
    st.sampled_from([1, 3, 4]),
    st.sampled_from([8, 16]),
    st.lists(st.sampled_from(["cat", "dog", "10", "9"]), min_size=1, max_size=5),
    st.integers(0, 2**32),
)
def test_decode_inverts_encode(
    height: int, width: int, channels: int, bits: int, labels: list[str], seed: int
) -> None:
    """Every integer survives the conversion to float32 in [-1, 1], for 8 and 16 bits."""
    format = PixelFormat(height, width, channels, bits)
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2**bits, (len(labels), *format.shape)).astype(format.dtype)
    values.flat[:2] = 0, 2**bits - 1
    items = [Image(v, label) for v, label in zip(values, labels, strict=True)]
    codec = ImageCodec(format, ["9", "10", "cat", "dog"])
    batch = codec.prepare(codec.encode(items, rng))
    assert batch.x.shape == (len(items), channels, height, width)
    assert batch.x.dtype == torch.float32
    assert batch.x.min() >= -1
    assert batch.x.max() <= 1
    back = codec.decode(batch, range(len(items)))
    assert [b.label for b in back] == labels
    assert all((b.pixels == v).all() for b, v in zip(back, values, strict=True))
    assert back[0].pixels.dtype == format.dtype


def test_the_range_is_minus_one_to_one() -> None:
    ramp = np.array([[0, 255, 128, 64]] * 4, np.uint8)[..., None]
    codec = fit([Image(ramp)])
    encoded = codec.encode([Image(ramp)], RNG)
    assert encoded.x.dtype == torch.uint8
    row = codec.prepare(encoded).x[0, 0, 0]
    assert row.tolist() == pytest.approx([-1, 1, 128 / 127.5 - 1, 64 / 127.5 - 1], abs=1e-7)


def test_storage_of_sixteen_bits() -> None:
    deep = np.full((4, 4, 1), 65535, np.uint16)
    codec = fit([Image(deep)])
    assert codec.encode([Image(deep)], RNG).x.dtype == torch.int32
    assert codec.prepare(codec.encode([Image(deep)], RNG)).x.max() == 1


def test_values_outside_the_range_are_clamped() -> None:
    codec = ImageCodec(PixelFormat(4, 4, 1))
    x = torch.tensor([-3.0, 3.0, float("nan"), float("inf")]).repeat(4, 1)[None, None]
    (image,) = codec.decode(Batch(x), [0])
    assert image.pixels[0, :, 0].tolist() == [0, 255, 128, 255]
    assert image.label is None


def test_an_item_does_not_depend_on_its_neighbours() -> None:
    codec = ImageCodec(PixelFormat(4, 4, 3))
    x = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    together = codec.decode(Batch(x), range(5))
    alone = codec.decode(Batch(x[3:4]), [3])
    assert (together[3].pixels == alone[0].pixels).all()


def test_classes_are_in_natural_order() -> None:
    codec = fit(some([f"c{i}" for i in (10, 9, 1, 2, 10)]))
    assert codec.labels == ("c1", "c2", "c9", "c10")
    batch = codec.encode(some(["c10", "c1"]), RNG)
    assert batch.c is not None
    assert batch.c.tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]
    assert codec.layout.shape == (1, 4, 6)
    assert codec.layout.condition is not None
    assert codec.layout.condition.fields[0].name == "label"


@pytest.mark.parametrize(
    ("labels", "conditional", "classes"),
    [
        (["a", "b"], "auto", 2),
        (["a", "b"], True, 2),
        (["a", "b"], False, 0),
        (["a", "a"], "auto", 0),
        (["a", "a"], True, 1),
        ([None, None], "auto", 0),
        ([None, None], False, 0),
    ],
)
def test_when_a_run_is_conditional(
    labels: list[str | None], conditional: str | bool, classes: int
) -> None:
    codec = fit(some(labels), conditional=conditional)
    assert len(codec.labels) == classes
    assert (codec.layout.condition is None) == (classes == 0)
    assert (codec.encode(some(labels), RNG).c is None) == (classes == 0)


def test_label_errors() -> None:
    with pytest.raises(GankitError, match="conditional=true, but the images have no labels"):
        fit(some([None, None]), conditional=True)
    codec = fit(some(["cat", "dog"]))
    with pytest.raises(GankitError, match="no label, and the run is conditioned"):
        codec.encode(some([None]), RNG)
    with pytest.raises(GankitError, match=r"label=cats: .*It has cat, dog"):
        codec.encode(some(["cats"]), RNG)
    with pytest.raises(GankitError, match="5,000 different labels are too many"):
        fit([Image(np.zeros((4, 4, 1), np.uint8), str(i)) for i in range(5000)])


def test_images_of_another_format_are_fitted() -> None:
    codec = fit(some([None]))
    others = [*some([None], (9, 9, 4)), Image(np.full((4, 6, 1), 65535, np.uint16))]
    x = codec.encode(others, RNG).x
    assert x.shape == (2, 1, 4, 6)
    assert (x[1] == 255).all()


def test_mirror_flips_about_half_and_changes_nothing_else() -> None:
    image = Image(np.arange(24, dtype=np.uint8).reshape(4, 6, 1))
    plain, mirrored = fit([image]), fit([image], mirror=True)
    batch = plain.encode([image] * 400, RNG)
    straight = plain.prepare(batch).x
    torch.manual_seed(0)
    x = mirrored.prepare(batch).x
    flipped = (x == straight.flip(3)).flatten(1).all(1)
    kept = (x == straight).flatten(1).all(1)
    assert (flipped ^ kept).all()
    assert 150 < int(flipped.sum()) < 250
    torch.manual_seed(0)
    assert torch.equal(x, mirrored.prepare(batch).x)


def test_without_items_the_batch_is_empty() -> None:
    codec = fit(some(["a", "b"]))
    batch = codec.encode([], RNG)
    assert batch.x.shape == (0, 1, 4, 6)
    assert batch.c is not None
    assert batch.c.shape == (0, 2)
    assert codec.decode(codec.prepare(batch), []) == []


def test_the_state_is_json_and_restores_the_codec() -> None:
    items = some(["a", "b"], (5, 7, 3))
    codec = fit(items, mirror=True, fit="pad")
    state = codec.state()
    assert not state.tensors
    again = MODALITY.load_codec(CodecState(json.loads(json.dumps(state.config))), ImageSettings())
    assert again.layout == codec.layout
    assert again.state() == state
    assert torch.equal(again.encode(items, RNG).x, codec.encode(items, RNG).x)
    with pytest.raises(GankitError, match="codec is damaged"):
        MODALITY.load_codec(CodecState({"height": 4}), ImageSettings())
