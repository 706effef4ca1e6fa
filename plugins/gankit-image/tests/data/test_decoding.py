"""Files of every kind are read in their own numbers and bands, or refused with one line."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from image_files import noise, png, read

from gankit.errors import GankitError
from gankit_image.data.decoding import UndecodableError, decode, probe
from gankit_image.data.file_types import file_type

MOST = 10**7
Array = np.ndarray[Any, Any]


def tiff(array: Array, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def deep_png(array: Array, interlaced: bool = False) -> bytes:
    """A PNG of 16 bits a channel, which Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width, channels = array.shape
    header = struct.pack(
        ">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, int(interlaced)
    )
    passes = [(0, 0, 1, 1)]
    if interlaced:  # Adam7
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2)]
        passes += [(0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b""
    for top, left, down, right in passes:
        part = array[top::down, left::right]
        if part.size:
            rows += b"".join(b"\0" + row.astype(">u2").tobytes() for row in part)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def integers(low: int, high: int, *shape: int, dtype: str, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


CT = integers(-1024, 3072, 20, 30, dtype="int16")
TWELVE = integers(0, 4096, 20, 30, dtype="uint16")
COLOUR = integers(0, 3001, 20, 30, 3, dtype="uint16")
BANDS = integers(0, 3001, 20, 30, 5, dtype="uint16")
NIR = integers(0, 256, 20, 30, 4, dtype="uint8")
FLOAT = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
WHOLE = integers(-(10**6), 10**6, 20, 30, dtype="int32")
CONTIG = {"photometric": "minisblack", "planarconfig": "contig"}
SEPARATE = {"photometric": "minisblack", "planarconfig": "separate"}


@pytest.mark.parametrize(
    ("data", "expected", "mode"),
    [
        (tiff(CT), CT, "L"),
        (tiff(CT, byteorder=">"), CT, "L"),
        (tiff(CT, tile=(16, 16), compression="zlib", predictor=True), CT, "L"),
        (tiff(TWELVE), TWELVE, "L"),
        (tiff(TWELVE, photometric="miniswhite"), 65535 - TWELVE, "L"),
        (png(TWELVE), TWELVE, "L"),
        (png(TWELVE, "TIFF", compression="tiff_lzw"), TWELVE, "L"),
        (png(WHOLE, "TIFF", compression="tiff_lzw"), WHOLE, "L"),
        (png(FLOAT, "TIFF", compression="tiff_lzw"), FLOAT, "L"),
        (tiff(WHOLE), WHOLE, "L"),
        (tiff(FLOAT), FLOAT, "L"),
        (tiff(FLOAT.astype(np.float64)), FLOAT, "L"),
        (tiff(FLOAT.astype(np.float16)), FLOAT.astype(np.float16), "L"),
        (tiff(CT.astype(np.int8)), CT.astype(np.int8), "L"),
        (tiff(COLOUR, photometric="rgb"), COLOUR, "RGB"),
        (tiff(COLOUR, photometric="rgb", compression="zlib", predictor=True), COLOUR, "RGB"),
        (
            tiff(np.moveaxis(COLOUR, -1, 0), photometric="rgb", planarconfig="separate"),
            COLOUR,
            "RGB",
        ),
        (deep_png(COLOUR), COLOUR, "RGB"),
        (deep_png(COLOUR, interlaced=True), COLOUR, "RGB"),
        (deep_png(BANDS[..., :4]), BANDS[..., :4], "RGBA"),
        (tiff(BANDS, **CONTIG), BANDS, "5 bands"),
        (tiff(BANDS), BANDS, "5 bands"),
        (tiff(np.moveaxis(BANDS, -1, 0), **SEPARATE), BANDS, "5 bands"),
        (tiff(BANDS[..., :2], **CONTIG), BANDS[..., :2], "2 bands"),
        (tiff(NIR, photometric="rgb", extrasamples=["unspecified"]), NIR, "4 bands"),
        (tiff(NIR, **CONTIG), NIR, "4 bands"),
        (tiff(NIR, photometric="rgb", extrasamples=["unassalpha"]), NIR, "RGBA"),
        (npy(BANDS), BANDS, "5 bands"),
        (npy(np.moveaxis(BANDS, -1, 0)), BANDS, "5 bands"),
        (npy(CT.astype(">i2")), CT, "L"),
        (b"P5\n30 20\n65535\n" + TWELVE.astype(">u2").tobytes(), TWELVE, "L"),
    ],
)
def test_numbers_and_bands_are_kept(data: bytes, expected: Array, mode: str) -> None:
    header = probe(io.BytesIO(data), MOST).format
    found = decode(data, MOST)
    assert (found.squeeze() == expected).all()
    assert header.mode == mode
    assert (header.shape, header.dtype) == (found.shape, found.dtype)


def test_grey_with_alpha_of_16_bits() -> None:
    found = decode(deep_png(BANDS[..., :2]), MOST)
    assert (found == BANDS[..., [0, 0, 0, 1]]).all()


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_every_16_bit_colour_survives(height: int, width: int, seed: int) -> None:
    colours = integers(0, 65536, height, width, 3, dtype="uint16", seed=seed)
    assert (decode(deep_png(colours, interlaced=seed % 2 == 1), MOST) == colours).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\x0a" + b"1" * 50, "JPEG XL"),
        (bytes(128) + b"DICM" + bytes(200), "DICOM"),
        (bytes(344) + b"n+1\0" + bytes(200), "NIfTI"),
        (b"\x1f\x8b" + bytes(200), "gzip"),
        (b"", "the file is empty"),
        (b"no image at all", "not an image in PNG"),
        (tiff(np.where(FLOAT > 2, np.nan, FLOAT)), "NaN or infinite"),
        (tiff(np.zeros((16, 16, 16), "u2"), volumetric=True, tile=(16, 16, 16)), "volume"),
        (npy(np.array([{"a": 1}], dtype=object)), "not one picture"),
        (npy(np.zeros((4, 4, 4, 4))), "not one picture"),
        (npy(np.full((8, 8), 2**40)), "more than 32 bits"),
        (b"P6\n30 20\n65535\n" + COLOUR.astype(">u2").tobytes(), "PPM of more than 8 bits"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(UndecodableError, match=reason) as raised:
        decode(data, MOST)
    assert "\n" not in str(raised.value)


def test_colour_spaces_become_srgb() -> None:
    lab = PIL.Image.new("LAB", (8, 8), (135, 208, 195))  # about (255, 0, 0) in CIE L*a*b* (D50)
    file = io.BytesIO()
    lab.save(file, "TIFF")
    red = decode(file.getvalue(), MOST)[0, 0].astype(int)
    assert red[0] > 220
    assert max(red[1:]) < 60


def test_a_profile_is_applied_and_said() -> None:
    """A profile with red and green exchanged, made from sRGB's by its tags."""
    srgb = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    assert probe(io.BytesIO(png(noise(8, 8, 3), icc_profile=srgb)), MOST).notes == ()
    swapped = srgb.replace(b"rXYZ", b"tmp_").replace(b"gXYZ", b"rXYZ").replace(b"tmp_", b"gXYZ")
    swapped = swapped.replace(b"sRGB", b"swap").replace(b"s\0R\0G\0B", b"s\0w\0a\0p")
    image = np.zeros((8, 8, 3), np.uint8)
    image[..., 0] = 255
    data = png(image, icc_profile=swapped)
    (note,) = probe(io.BytesIO(data), MOST).notes
    assert "to sRGB" in note
    assert decode(data, MOST)[0, 0].tolist()[1] > 240


@pytest.mark.parametrize("format", ["AVIF", "JPEG2000", "PPM"])
def test_more_formats(format: str) -> None:
    smooth = np.zeros((16, 24, 3), np.uint8)
    smooth[:, 12:] = 200
    data = png(smooth, format)
    assert probe(io.BytesIO(data), MOST).file == format
    found = decode(data, MOST).astype(int)
    assert np.abs(found - smooth)[:, 2:8].max() < 12


def test_heic_is_read_with_its_extra_and_named_without(monkeypatch: pytest.MonkeyPatch) -> None:
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    heif.from_pillow(PIL.Image.new("RGB", (24, 16), (200, 30, 30))).save(file)
    data = file.getvalue()
    assert np.abs(decode(data, MOST)[8, 12].astype(int) - (200, 30, 30)).max() < 12
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UndecodableError, match=r"pip install 'gankit-image\[heif\]'"):
        probe(io.BytesIO(data), MOST)


def frames(format: str) -> bytes:
    file = io.BytesIO()
    pages = [PIL.Image.fromarray(noise(8, 8, 3, seed=i)) for i in range(3)]
    pages[0].save(file, format, save_all=True, append_images=pages[1:], lossless=True)
    return file.getvalue()


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_frames_is_used_and_said(tmp_path: Path, format: str) -> None:
    data = frames(format)
    for i in range(8):
        (tmp_path / f"{i}.{format.lower()}").write_bytes(data)
    source = read(tmp_path)
    (warning,) = [w for w in source.warnings if "several" in w]
    assert warning.startswith(f"8 images: {format} files of several")


def test_a_wrong_ending_is_read_by_content_and_said(tmp_path: Path) -> None:
    for i in range(8):
        (tmp_path / f"{i}.png").write_bytes(png(noise(8, 8, 3, seed=i), "JPEG"))
    source = read(tmp_path)
    assert len(source.items) == 8
    assert any("JPEG files that end in .png" in warning for warning in source.warnings)


def fill(root: Path, make: Callable[[int], bytes], suffix: str = "tif", count: int = 10) -> Path:
    for i in range(count):
        (root / f"{i}.{suffix}").write_bytes(make(i))
    return root


def test_the_screen_says_what_was_found(tmp_path: Path) -> None:
    fill(tmp_path, lambda i: tiff(integers(-1024 * (i == 3), 3072, 8, 9, dtype="int16")))
    source = read(tmp_path, resolution=16)
    assert source.facts["files"] == "TIFF (10)"
    assert source.facts["pixels"] == "9×8 (10); L 16 bit signed (10)"
    assert source.facts["used as"].startswith("16×16 L, 16 bit signed, resized")
    assert "scaled to [-1, 1]" in source.facts["values"]
    assert "cropped to the centre" in source.facts["used as"]


def test_enlarging_and_mixed_kinds_are_doubted(tmp_path: Path) -> None:
    fill(tmp_path, lambda i: png(noise(8, 8, 3) if i else noise(8, 8)), "png")
    warnings = read(tmp_path, resolution=64).warnings
    assert any("10 of 10 images are enlarged" in w for w in warnings)
    assert any("RGB (9), L (1)) all become RGB" in w for w in warnings)


def test_a_few_values_that_carry_the_range_are_doubted(tmp_path: Path) -> None:
    def make(i: int) -> bytes:
        image = integers(0, 4096, 64, 64, dtype="uint16", seed=i)
        if i == 3:
            image[0, 0] = 65535
        return tiff(image)

    (warning,) = read(fill(tmp_path, make)).warnings
    assert "set value_range=" in warning
    clipped = read(tmp_path, value_range=(0.0, 4095.0))
    assert not clipped.warnings
    assert clipped.facts["values"].startswith("0…4095, as value_range says")
    with pytest.raises(GankitError, match="not a lowest and a highest"):
        read(tmp_path, value_range=(5.0, 1.0))


def test_bands_are_chosen_by_number(tmp_path: Path) -> None:
    fill(tmp_path, lambda i: tiff(BANDS, **CONTIG))
    found = read(tmp_path, bands=(5, 1, 2)).items[0]
    assert (found.pixels == BANDS[..., [4, 0, 1]]).all()
    assert (read(tmp_path, bands=(2,)).items[0].pixels[..., 0] == BANDS[..., 1]).all()
    with pytest.raises(GankitError, match="bands=\\[6\\]: the images have 5 bands"):
        read(tmp_path, bands=(6,))
    with pytest.raises(GankitError, match="mode=RGB: the images have 5 bands"):
        read(tmp_path, mode="RGB")
    with pytest.raises(GankitError, match="preview_bands"):
        read(tmp_path, preview_bands=(1, 2))


def test_a_stray_kind_is_left_out_and_half_of_them_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, lambda i: tiff(BANDS if i else COLOUR, **CONTIG), count=20)
    source = read(tmp_path)
    assert len(source.items) == 19
    assert "cannot be combined" in source.issues[0].reason
    fill(tmp_path, lambda i: tiff(BANDS if i % 2 else COLOUR, **CONTIG), count=20)
    with pytest.raises(GankitError, match="images of 3 and of 5 bands"):
        read(tmp_path)


def test_more_than_sixteen_bands_need_a_choice(tmp_path: Path) -> None:
    many = integers(0, 9, 8, 32, 20, dtype="uint16")
    fill(tmp_path, lambda i: tiff(many, **CONTIG))
    with pytest.raises(GankitError, match="images of 20 bands"):
        read(tmp_path)
    assert read(tmp_path, bands=(20, 19)).items[0].pixels.shape[-1] == 2


def test_a_folder_of_npy_pictures(tmp_path: Path) -> None:
    fill(tmp_path, lambda i: npy(np.moveaxis(BANDS, -1, 0)), "npy")
    source = read(tmp_path)
    assert (source.items[3].pixels == BANDS).all()
    assert "5 bands" in source.description


def test_resizing_keeps_numbers_and_their_range(tmp_path: Path) -> None:
    fill(tmp_path, lambda i: tiff(CT))
    found = read(tmp_path, resolution=12).items[0].pixels
    assert found.dtype == np.int16
    assert found.min() >= CT.min()
    assert found.max() <= CT.max()
    assert abs(found.mean() - CT[:, 5:25].mean()) < 100


def test_pictures_of_one_pixel(tmp_path: Path) -> None:
    fill(tmp_path, lambda i: png(np.full((1, 1, 3), 7 * i, np.uint8)), "png")
    source = read(tmp_path, resolution=8)
    assert (source.items[3].pixels == 21).all()
    assert any("enlarged" in warning for warning in source.warnings)


def test_magic_bytes() -> None:
    assert file_type(b"RIFF1234WEBPVP8 ") == "WEBP"
    assert file_type(b"RIFF1234WAVEfmt ") == ""


# --- Mutated files ------------------------------------------------------------------------------

SEEDS = {
    "png": png(noise(16, 16, 3)),
    "deep png": deep_png(COLOUR),
    "jpeg": png(noise(16, 16, 3), "JPEG"),
    "gif": frames("GIF"),
    "webp": png(noise(16, 16, 3), "WEBP"),
    "bmp": png(noise(16, 16, 3), "BMP"),
    "tiff": png(noise(16, 16, 3), "TIFF", compression="tiff_lzw"),
    "bands": tiff(BANDS, **CONTIG, compression="zlib"),
    "signed": tiff(CT),
    "npy": npy(BANDS),
    "ppm": png(noise(16, 16, 3), "PPM"),
}


@pytest.mark.parametrize("kind", SEEDS)
def test_mutated_files_are_read_or_refused(kind: str) -> None:
    """Never another error than the one that is caught, nor numbers that no picture has."""
    rng, good = random.Random(kind), SEEDS[kind]
    reasons: list[str] = []
    for _ in range(150):
        data = bytearray(good)
        for _ in range(rng.choice([1, 1, 3, 20])):
            # Headers are what decoders believe.
            at = rng.randrange(min(len(data), 200) if rng.random() < 0.6 else len(data))
            data[at] = rng.choice([0, 255, rng.randrange(256), data[at] ^ 1 << rng.randrange(8)])
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        try:
            probe(io.BytesIO(bytes(data)), 10**6, "a.png")
            pixels = decode(bytes(data), 10**6)
        except UndecodableError as error:
            reasons.append(str(error))
            continue
        assert pixels.ndim == 3
        assert np.isfinite(pixels).all()
    assert not any("\n" in reason for reason in reasons)
