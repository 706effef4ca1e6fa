"""Images as arrays, tensors and Pillow images."""

from __future__ import annotations

import numpy as np
import pytest

from gankit_image.data.images import Image
from gankit_image.output.conversion import convert

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_arrays_tensors_and_pictures_of_8_bits(channels):
    pixels = RNG.integers(0, 256, (5, 6, 7, channels), np.uint8)
    items = [Image(one) for one in pixels]
    assert np.array_equal(convert(items, "numpy", None), pixels)
    tensor = convert(items, "torch", None)
    assert tuple(tensor.shape) == (5, channels, 6, 7)
    assert np.array_equal(tensor.numpy().transpose(0, 2, 3, 1), pixels)
    for picture, one in zip(convert(items, "pil", None), pixels, strict=True):
        assert np.array_equal(np.asarray(picture).reshape(one.shape), one)


def test_deep_grey_pictures_keep_16_bits():
    pixels = RNG.integers(0, 65536, (2, 4, 4, 1), np.uint16)
    pictures = convert([Image(one) for one in pixels], "pil", None)
    assert np.array_equal(np.asarray(pictures[1]), pixels[1, ..., 0])


def test_bands_are_pictures_as_previews_show_them():
    pixels = RNG.normal(size=(2, 4, 4, 6)).astype(np.float32)
    (picture, _) = convert([Image(one, bands=True) for one in pixels], "pil", None)
    assert (picture.mode, picture.size) == ("RGB", (4, 4))


@pytest.mark.parametrize("to", ["numpy", "torch", "pil"])
def test_nothing_is_an_empty_array(to):
    assert len(convert([], to, None)) == 0
