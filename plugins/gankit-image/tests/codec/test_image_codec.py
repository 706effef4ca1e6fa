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


# --- Other numbers than 8 bits ------------------------------------------------------------------

TYPES = ["uint8", "uint16", "int16", "int32", "uint32", "float32"]


@given(
    st.sampled_from(TYPES),
    st.sampled_from([1, 2, 3, 5, 16]),
    st.integers(-2000, 2000),
    st.integers(1, 5000),
    st.integers(0, 2**32),
)
def test_values_of_every_type_survive_in_their_units(
    dtype: str, channels: int, low: int, span: int, seed: int
) -> None:
    """Twelve bits in sixteen, Hounsfield units, reflectances: -1 to 1 is the data's own range."""
    rng = np.random.default_rng(seed)
    low, high = (0, 255) if dtype == "uint8" else (low, low + span)
    if dtype.startswith("u"):
        low, high = abs(low), abs(low) + span if dtype != "uint8" else 255
    values = rng.uniform(low, high, (3, 5, 4, channels)).astype(dtype)
    values[0, 0, :2] = np.array([[low], [high]], dtype)
    items = [Image(v, bands=channels == 4) for v in values]
    codec = fit(items)
    codec = ImageCodec.from_state(CodecState(json.loads(json.dumps(codec.state().config))))
    batch = codec.prepare(codec.encode(items, rng))
    assert batch.x.abs().max() <= 1 + 1e-6
    if dtype != "uint8":
        assert batch.x.min() == pytest.approx(-1, abs=1e-5)
        assert batch.x.max() == pytest.approx(1, abs=1e-5)
    back = codec.decode(batch, range(3))
    for found, value in zip(back, values, strict=True):
        assert found.pixels.dtype == value.dtype
        if dtype == "float32":
            np.testing.assert_allclose(found.pixels, value, atol=span * 1e-6)
        else:
            assert (found.pixels == value).all()


def test_all_grey_levels_of_12_bits_are_distinct_to_the_networks() -> None:
    levels = np.arange(4096, dtype=np.uint16).reshape(64, 64, 1)
    codec = fit([Image(levels)])
    x = codec.prepare(codec.encode([Image(levels)], RNG)).x
    assert len(x.unique()) == 4096
    assert (x.min(), x.max()) == (-1, 1)


def test_colours_share_a_range_and_bands_have_one_each() -> None:
    pixels = np.zeros((4, 4, 3), np.uint16)
    pixels[0, 0] = 10, 200, 3000
    assert fit([Image(pixels)]).high == (3000, 3000, 3000)
    five = np.zeros((4, 4, 5), np.uint16)
    five[0, 0] = 10, 200, 3000, 4, 0
    assert fit([Image(five)]).high == (10, 200, 3000, 4, 1)
    alpha = np.zeros((4, 4, 4), np.uint16)
    alpha[0, 0] = 10, 20, 30, 65535
    assert fit([Image(alpha)]).high == (30, 30, 30, 65535)
    assert fit([Image(alpha, bands=True)]).high == (10, 20, 30, 65535)


def test_a_range_that_the_user_set_clips() -> None:
    pixels = np.array([[[-1000], [0]], [[100], [30000]]], np.int16)
    codec = fit([Image(pixels)], value_range=(-500.0, 500.0))
    x = codec.prepare(codec.encode([Image(pixels)], RNG)).x
    assert x.flatten().tolist() == pytest.approx([-1, 0, 0.2, 1])


def test_constant_images_have_a_range() -> None:
    for dtype in TYPES:
        codec = fit([Image(np.full((4, 4, 1), 7, dtype))])
        (back,) = codec.decode(
            codec.prepare(codec.encode([Image(np.full((4, 4, 1), 7, dtype))], RNG)), [0]
        )
        assert (back.pixels == 7).all()


def test_a_state_of_before_has_the_range_of_its_integers() -> None:
    old = {"height": 4, "width": 4, "channels": 1, "bits": 16, "labels": [], "mirror": False}
    codec = ImageCodec.from_state(CodecState({**old, "fit": "crop"}))
    assert (codec.low, codec.high) == ((0,), (65535,))
    for broken in ({"low": [1], "high": [0]}, {"low": [0, 0], "high": [1, 1]}, {"bits": 7}):
        with pytest.raises(GankitError, match="codec is damaged"):
            ImageCodec.from_state(CodecState({**old, "fit": "crop", **broken}))


def test_other_data_is_compared_with_the_runs() -> None:
    codec = fit(some([None] * 3, (4, 4, 5)))
    with pytest.raises(GankitError, match="the images are RGB, and the run's are 5 bands"):
        codec.conform(some([None], (4, 4, 3)), strict=False)
    signed = [Image(np.zeros((4, 4, 5), np.int16))]
    with pytest.raises(GankitError, match="int16 numbers, and the run's uint8"):
        codec.conform(signed, strict=False)
    assert not codec.conform(some([None], (4, 4, 5)), strict=True).warnings
    (warning,) = codec.conform(some([None], (8, 8, 5)), strict=True).warnings
    assert "8×8 5 bands, and become 4×4 5 bands" in warning


# --- Labels that are numbers --------------------------------------------------------------------


def test_numbers_are_continuous_conditions() -> None:
    codec = fit(some(["20.5", "30", "40"]), label_key="age")
    assert codec.layout.condition is not None
    assert [f.name for f in codec.layout.condition.fields] == ["age"]
    batch = codec.encode(some(["30.5"]), RNG)
    assert codec.layout.condition.decode(batch.c[0].tolist())["age"] == pytest.approx(30.5)  # type: ignore[index]
    again = ImageCodec.from_state(CodecState(json.loads(json.dumps(codec.state().config))))
    assert again.numbers == codec.numbers
    with pytest.raises(GankitError, match="label cat, and the run is conditioned on numbers"):
        codec.encode(some(["cat"]), RNG)
    with pytest.raises(GankitError, match="no label"):
        codec.encode(some([None]), RNG)


@pytest.mark.parametrize(
    ("labels", "settings", "names"),
    [
        (["1", "2", "3"], {}, ["label"]),
        (["1", "2", "3"], {"label_type": "number", "label_key": "age"}, ["age"]),
        (["0.5", "2"], {"label_type": "class"}, ["label"]),
        (["[0.1, 0.9]", "[1, 0]"], {}, ["label_0", "label_1"]),
        (["1e-3", "-2.5"], {"label_key": "angle"}, ["angle"]),
        (["0.5", "cat"], {}, ["label"]),
        (["nan", "0.5"], {}, ["label"]),
    ],
)
def test_which_labels_are_numbers(
    labels: Sequence[str], settings: dict[str, Any], names: Sequence[str]
) -> None:
    condition = fit(some(labels), **settings).layout.condition
    assert condition is not None
    assert [field.name for field in condition.fields] == names


def test_labels_that_should_be_numbers_and_are_not() -> None:
    with pytest.raises(GankitError, match="label_type=number: 'cat'"):
        fit(some(["1", "cat"]), label_type="number")
    with pytest.raises(GankitError, match="different lengths"):
        fit(some(["[1, 2]", "[1]"]))
