"""The invisible watermark of images: what carries it, and what finds it again."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest

from gankit.contract import Watermarks
from gankit.errors import GankitError
from gankit_image.data.images import Image
from gankit_image.modality import ImageModality
from gankit_image.output.watermark import LEAST, THRESHOLD, find, mark

KEY, OTHER = b"a key", b"another key"


def picture(side=160, channels=3, seed=0):
    """Soft shapes with some texture, as photographs have."""
    rng = np.random.default_rng(seed)
    soft = PIL.Image.fromarray(rng.uniform(40, 210, (8, 8)).astype(np.float32))
    shapes = np.asarray(soft.resize((side, side), PIL.Image.Resampling.BICUBIC))[..., None]
    values = shapes + rng.normal(0, 4, (side, side, channels))
    return Image(np.clip(values, 0, 255).astype(np.uint8), "label", "name")


@pytest.fixture(scope="module")
def marked():
    return mark(picture(128), KEY)


def as_file(pixels, **options):
    file = io.BytesIO()
    PIL.Image.fromarray(pixels.squeeze()).save(file, **options)
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_mark_is_found_by_its_key_alone(channels):
    cover = picture(channels=channels)
    found = mark(cover, KEY)
    assert (found.label, found.name, found.pixels.dtype) == ("label", "name", np.uint8)
    error = np.square(found.pixels[..., :3].astype(float) - cover.pixels[..., :3]).mean()
    assert 10 * np.log10(255**2 / error) > LEAST - 0.5
    assert np.array_equal(found.pixels, mark(cover, KEY).pixels)
    if channels == 4:
        assert np.array_equal(found.pixels[..., 3], cover.pixels[..., 3])
    assert find(found.pixels, KEY) > THRESHOLD > find(found.pixels, OTHER)
    assert find(cover.pixels, KEY) < THRESHOLD


@pytest.mark.parametrize(
    "edit",
    [
        lambda x: x[5:, 11:],
        lambda x: x[:, ::-1],
        lambda x: np.clip(x * 1.15, 0, 255).astype(np.uint8),
        lambda x: np.asarray(PIL.Image.fromarray(x).resize((96, 96))),
    ],
    ids=["cropped", "mirrored", "brighter", "resized"],
)
def test_edits_leave_the_mark(marked, edit):
    assert find(edit(marked.pixels), KEY) > THRESHOLD


def test_files_of_other_programs(marked):
    modality = ImageModality()
    assert isinstance(modality, Watermarks)
    found = modality.find_watermark(as_file(marked.pixels, format="JPEG", quality=75), KEY)
    assert found is not None
    assert found.score > found.threshold
    for content in (b"", b"no picture", as_file(marked.pixels, format="PNG")[:200]):
        assert modality.find_watermark(content, KEY) is None
    deep = np.zeros((40, 40), np.uint16)
    assert modality.find_watermark(as_file(deep, format="PNG"), KEY) is None


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image(np.zeros((127, 200, 3), np.uint8)), "200×127 are too small"),
        (Image(np.zeros((128, 128, 1), np.uint16)), "8 bits in grey or colour"),
        (Image(np.zeros((128, 128, 4), np.uint8), bands=True), "8 bits in grey or colour"),
    ],
)
def test_what_cannot_carry_it_is_refused(image, message):
    with pytest.raises(GankitError, match=message):
        mark(image, KEY)


def test_a_flat_picture_does_not_fail():
    flat = mark(Image(np.full((128, 128, 1), 255, np.uint8)), KEY)
    assert find(flat.pixels, OTHER) < THRESHOLD
    assert find(np.zeros((3, 5, 3), np.uint8), KEY) == 0
