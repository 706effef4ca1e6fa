"""Every format, mode, depth and size of images becomes one format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from image_files import fill, noise, png, read

from gankit.errors import GankitError


@pytest.mark.parametrize(
    ("suffix", "format", "options", "exact"),
    [
        (".png", "PNG", {}, True),
        (".PNG", "PNG", {}, True),
        (".bmp", "BMP", {}, True),
        (".tif", "TIFF", {}, True),
        (".tiff", "TIFF", {"compression": "tiff_lzw"}, True),
        (".webp", "WEBP", {"lossless": True}, True),
        (".jpg", "JPEG", {"quality": 95}, False),
        (".jpeg", "JPEG", {"progressive": True}, False),
    ],
)
def test_every_format_is_read(
    tmp_path: Path, suffix: str, format: str, options: dict[str, Any], exact: bool
) -> None:
    ramp = np.linspace(0, 255, 16).astype(np.uint8)
    image = np.stack([np.tile(ramp, (12, 1)), np.full((12, 16), 99), np.full((12, 16), 7)], -1)
    image = image.astype(np.uint8)
    for i in range(8):
        (tmp_path / f"{i}{suffix}").write_bytes(png(image, format, **options))
    source = read(tmp_path)
    assert len(source.items) == 8
    found = source.items[3].pixels
    assert found.shape == (12, 16, 3)
    error = np.abs(found.astype(int) - image).max()
    assert error == 0 if exact else error < 30


def test_the_first_frame_of_a_gif_is_read(tmp_path: Path) -> None:
    first = PIL.Image.new("RGB", (8, 8), (255, 0, 0)).quantize()
    second = PIL.Image.new("RGB", (8, 8), (0, 255, 0)).quantize()
    for i in range(8):
        first.save(tmp_path / f"{i}.gif", save_all=True, append_images=[second])
    found = read(tmp_path).items[0].pixels
    assert found.shape == (8, 8, 3)
    assert (found == (255, 0, 0)).all()


def convert(mode: str) -> PIL.Image.Image:
    return PIL.Image.fromarray(noise(8, 8, 4)).convert(mode)


def palette_with_transparency() -> PIL.Image.Image:
    image = PIL.Image.fromarray(noise(8, 8, 3)).quantize(8)
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    ("make", "suffix", "shape", "dtype"),
    [
        (lambda: convert("1"), ".png", (8, 8, 1), np.uint8),
        (lambda: convert("L"), ".png", (8, 8, 1), np.uint8),
        (lambda: convert("LA"), ".png", (8, 8, 4), np.uint8),
        (lambda: convert("RGB"), ".png", (8, 8, 3), np.uint8),
        (lambda: convert("RGBA"), ".png", (8, 8, 4), np.uint8),
        (lambda: convert("RGB").quantize(16), ".png", (8, 8, 3), np.uint8),
        (palette_with_transparency, ".png", (8, 8, 4), np.uint8),
        (lambda: convert("RGB").convert("CMYK"), ".jpg", (8, 8, 3), np.uint8),
        (lambda: convert("RGB").convert("CMYK"), ".tif", (8, 8, 3), np.uint8),
        (lambda: PIL.Image.fromarray(noise(8, 8, dtype=np.uint16)), ".png", (8, 8, 1), np.uint16),
        (lambda: PIL.Image.fromarray(noise(8, 8, dtype=np.uint16)), ".tif", (8, 8, 1), np.uint16),
    ],
)
def test_every_mode_becomes_grey_rgb_or_rgba(
    tmp_path: Path,
    make: Callable[[], PIL.Image.Image],
    suffix: str,
    shape: tuple[int, ...],
    dtype: type,
) -> None:
    image = make()
    for i in range(8):
        image.save(tmp_path / f"{i}{suffix}")
    found = read(tmp_path).items[0].pixels
    assert found.shape == shape
    assert found.dtype == dtype


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    bits = noise(8, 8) > 127
    for i in range(8):
        PIL.Image.fromarray(bits).save(tmp_path / f"{i}.png")
    assert (read(tmp_path).items[0].pixels[..., 0] == bits * 255).all()


def test_palette_transparency_survives(tmp_path: Path) -> None:
    image = palette_with_transparency()
    for i in range(8):
        image.save(tmp_path / f"{i}.png")
    alpha = read(tmp_path).items[0].pixels[..., 3]
    assert (alpha == np.where(np.asarray(image) == 0, 0, 255)).all()


def test_sixteen_bits_are_kept_exactly_or_reduced_with_depth_8(tmp_path: Path) -> None:
    deep = noise(8, 8, dtype=np.uint16)
    for i in range(8):
        (tmp_path / f"{i}.png").write_bytes(png(deep))
    assert (read(tmp_path).items[0].pixels[..., 0] == deep).all()
    shallow = read(tmp_path, depth="8").items[0].pixels
    assert shallow.dtype == np.uint8
    assert (shallow[..., 0] == np.rint(deep / 257)).all()


def test_depth_16_applies_to_colour_too(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    shallow, deep = read(tmp_path).items[0].pixels, read(tmp_path, depth="16").items[0].pixels
    assert deep.dtype == np.uint16
    assert (deep == shallow * np.uint16(257)).all()


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(tmp_path: Path, format: str, orientation: int) -> None:
    """All eight orientations of a camera result in the same upright picture."""
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :16] = 255  # the bright corner is at the top left
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    exif = PIL.Image.Exif()
    exif[274] = orientation
    data = png(np.ascontiguousarray(stored), format, exif=exif)
    for i in range(8):
        (tmp_path / f"{i}.{format.lower()}").write_bytes(data)
    found = read(tmp_path, mode="L").items[0].pixels[..., 0]
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 12


def test_auto_keeps_a_common_size_and_otherwise_uses_64(tmp_path: Path) -> None:
    same = np.zeros((8, 20, 30), np.uint8)
    assert read(same).items[0].pixels.shape == (20, 30, 1)
    mixed = [np.zeros((20, 30), np.uint8)] * 7 + [np.zeros((30, 20), np.uint8)]
    assert read(mixed).items[0].pixels.shape == (64, 64, 1)
    large = np.zeros((8, 10, 257), np.uint8)
    assert read(large).items[0].pixels.shape == (64, 64, 1)


def test_auto_uses_the_mode_with_most_channels() -> None:
    grey, colour = noise(8, 8), noise(8, 8, 3)
    found = read([grey] * 7 + [colour])
    assert found.items[7].pixels.shape == (8, 8, 3)
    assert (found.items[0].pixels == grey[..., None]).all()


def test_a_damaged_file_does_not_decide_the_size(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    other = png(noise(100, 90, 4))
    (tmp_path / "broken.png").write_bytes(other[: len(other) // 2])
    source = read(tmp_path)
    assert source.items[0].pixels.shape == (8, 8, 3)
    assert [p.location for p in source.issues] == ["broken.png"]


@pytest.mark.parametrize(
    ("resolution", "shape"),
    [(16, (16, 16)), ("16", (16, 16)), ("24x16", (16, 24)), ("24X16", (16, 24)), (4, (4, 4))],
)
def test_resolution_is_a_side_or_width_by_height(
    resolution: int | str, shape: tuple[int, int]
) -> None:
    assert read(noise(8, 10, 10), resolution=resolution).items[0].pixels.shape == (*shape, 1)


@pytest.mark.parametrize("resolution", ["big", "16x", "x", "1x2x3", "-16", "16.5", 3, 4097, "8x2"])
def test_a_bad_resolution_is_an_error(resolution: int | str) -> None:
    with pytest.raises(GankitError, match=f"resolution={resolution}"):
        read(noise(8, 10, 10), resolution=resolution)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_crop_pad_and_stretch(dtype: type) -> None:
    peak = np.iinfo(dtype).max
    image = np.zeros((16, 48), dtype)
    image[:, 16:32] = peak  # the middle third is white
    images = [image] * 8
    crop = read(images, resolution=16, fit="crop").items[0].pixels[..., 0]
    assert crop.dtype == dtype
    assert (crop[:, 4:12] > 0.9 * peak).all()
    stretch = read(images, resolution=48, fit="stretch").items[0].pixels[..., 0]
    assert (stretch[:, 18:30] > 0.9 * peak).all()
    assert (stretch[:, :14] < 0.1 * peak).all()
    pad = read(images, resolution=48, fit="pad").items[0].pixels[..., 0]
    assert (pad[16:32] == image).all()
    assert (pad[0] == pad[16]).all()  # the edge, repeated
    assert (pad[-1] == pad[31]).all()


def test_hidden_colours_do_not_bleed_through_transparency() -> None:
    image = np.zeros((16, 16, 4), np.uint8)
    image[:, :8] = (0, 0, 255, 255)
    image[:, 8:] = (255, 0, 0, 0)  # invisible red
    small = read([image] * 8, resolution=4).items[0].pixels
    visible = small[small[..., 3] > 0]
    assert visible[:, 0].max() == 0


def test_transparency_is_blended_onto_white_and_grey_is_luma() -> None:
    clear = np.zeros((8, 8, 8, 4), np.uint8)
    assert (read(clear, mode="RGB").items[0].pixels == 255).all()
    colour = noise(8, 8, 8, 3)
    ours = read(colour, mode="L").items[0].pixels[..., 0]
    assert (ours == np.asarray(PIL.Image.fromarray(colour[0]).convert("L"))).all()
    opaque = read(colour, mode="RGBA").items[0].pixels
    assert (opaque[..., 3] == 255).all()
    assert (opaque[..., :3] == colour[0]).all()
