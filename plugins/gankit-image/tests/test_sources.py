"""Reading: every format and mode, every container, and every way in which data can be wrong."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract import Dataset
from gankit.errors import GankitError
from gankit.kit import archives
from gankit_image import containers, pixels, sources
from gankit_image.arrays import read_idx
from gankit_image.items import Image
from gankit_image.settings import ImageSettings

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
DEFAULTS = ImageSettings()


def silent(what: str, done: int, total: int) -> None: ...


def read(source: object | None, **settings: Any) -> Dataset[Image]:
    return sources.read(source, replace(DEFAULTS, **settings), silent)


def noise(*shape: int, seed: int = 0, dtype: type = np.uint8) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def png(array: np.ndarray[Any, Any], format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(array).save(file, format, **options)
    return file.getvalue()


def fill(root: Path, names: list[str], side: int = 8) -> Path:
    for i, name in enumerate(names):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(noise(side, side, 3, seed=i)))
    return root


def labels(source: Dataset[Image]) -> list[str | None]:
    return [source.items[i].label for i in range(len(source.items))]


# --- Formats, modes and depths ------------------------------------------------------------------


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


def test_a_gif_gives_its_first_frame(tmp_path: Path) -> None:
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


def test_sixteen_bits_are_kept_exactly_and_reduced_on_demand(tmp_path: Path) -> None:
    deep = noise(8, 8, dtype=np.uint16)
    for i in range(8):
        (tmp_path / f"{i}.png").write_bytes(png(deep))
    assert (read(tmp_path).items[0].pixels[..., 0] == deep).all()
    shallow = read(tmp_path, depth="8").items[0].pixels
    assert shallow.dtype == np.uint8
    assert (shallow[..., 0] == np.rint(deep / 257)).all()


def test_sixteen_bits_of_colour_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    with pytest.raises(GankitError, match="depth=16: the images are RGB"):
        read(tmp_path, depth="16")


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(tmp_path: Path, format: str, orientation: int) -> None:
    """A camera held in any of eight ways gives the same upright picture."""
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


# --- Size, channels and fit ---------------------------------------------------------------------


def test_auto_keeps_one_common_size_and_takes_64_otherwise(tmp_path: Path) -> None:
    same = np.zeros((8, 20, 30), np.uint8)
    assert read(same).items[0].pixels.shape == (20, 30, 1)
    mixed = [np.zeros((20, 30), np.uint8)] * 7 + [np.zeros((30, 20), np.uint8)]
    assert read(mixed).items[0].pixels.shape == (64, 64, 1)
    large = np.zeros((8, 10, 257), np.uint8)
    assert read(large).items[0].pixels.shape == (64, 64, 1)


def test_auto_takes_the_widest_mode() -> None:
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


def test_transparency_goes_onto_white_and_grey_is_luma() -> None:
    clear = np.zeros((8, 8, 8, 4), np.uint8)
    assert (read(clear, mode="RGB").items[0].pixels == 255).all()
    colour = noise(8, 8, 8, 3)
    ours = read(colour, mode="L").items[0].pixels[..., 0]
    assert (ours == np.asarray(PIL.Image.fromarray(colour[0]).convert("L"))).all()
    opaque = read(colour, mode="RGBA").items[0].pixels
    assert (opaque[..., 3] == 255).all()
    assert (opaque[..., :3] == colour[0]).all()


def test_large_data_are_decoded_again_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, [f"{c}/{i}.png" for c in "ab" for i in range(4)])
    kept = read(tmp_path)
    monkeypatch.setattr(sources, "KEEP_BYTES", 100)
    lazy = read(tmp_path)
    assert lazy.fingerprint == kept.fingerprint
    assert labels(lazy) == labels(kept)
    assert all((lazy.items[i].pixels == kept.items[i].pixels).all() for i in range(8))
    (tmp_path / "a" / "0.png").unlink()
    image = lazy.items[0]
    assert image.label == "a"  # a label needs no pixels
    with pytest.raises(GankitError, match=r"a/0\.png"):
        _ = image.pixels
    resized = read(noise(8, 10, 10), resolution=12)
    assert resized.items[3].pixels.shape == (12, 12, 1)


def test_items_behave_like_a_sequence() -> None:
    source = read(noise(9, 8, 8))
    assert (source.items[-1].pixels == source.items[8].pixels).all()
    assert [i.name for i in source.items[2:4]] == ["2", "3"]
    with pytest.raises(IndexError):
        source.items[9]


# --- Labels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["{i}.png"], {None}),
        (["cat/{i}.png", "dog/{i}.png"], {"cat", "dog"}),
        (["cat/a/b/{i}.png", "dog/{i}.png"], {"cat", "dog"}),
        (["cat/{i}.png", "stray{i}.png"], {None}),
        (["pets/cat/{i}.png", "pets/dog/{i}.png"], {"cat", "dog"}),
        (["7/{i}.png"], {"7"}),
        (["train/cat/{i}.png", "train/dog/{i}.png", "test/cat/{i}.png"], {"cat", "dog"}),
        (["train/{i}.png", "val/{i}.png"], {None}),
        (["cat/{i}.png", ".hidden/{i}.png", "__MACOSX/{i}.png"], {"cat"}),
    ],
)
def test_labels_are_the_first_folder(
    tmp_path: Path, names: list[str], expected: set[str | None]
) -> None:
    root = fill(tmp_path / "data", [n.format(i=i) for n in names for i in range(8)])
    (root / "notes.txt").write_text("ignored")
    assert set(labels(read(root))) == expected
    packed = tmp_path / "data.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, file.relative_to(root))
    assert set(labels(read(packed))) == expected
    assert read(packed).fingerprint == read(root).fingerprint


def test_the_train_part_of_splits_is_taken_and_said(tmp_path: Path) -> None:
    fill(tmp_path, [f"{s}/{c}/{i}.png" for s in ("train", "test") for c in "ab" for i in range(8)])
    source = read(tmp_path)
    assert len(source.items) == 16
    assert "its part train" in source.description


def test_metadata_lines_give_labels(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    rows = [{"file_name": f"{i}.png", "label": i % 2} for i in range(8)]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert labels(read(tmp_path)) == [str(i % 2) for i in range(8)]
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "0.png", "label": "x"}\n{"oops"\n')
    with pytest.raises(GankitError, match=r"metadata\.jsonl line 2"):
        read(tmp_path)


def test_labels_that_are_missing_on_some_are_set_aside_aloud() -> None:
    source = read((noise(8, 8, 8), ["a", "b", None, "a", "b", "a", "b", "a"]))
    assert labels(source) == [None] * 8
    assert "labels ignored, 1 images have none" in source.description


def test_a_link_to_a_folder_above_is_no_endless_walk(tmp_path: Path) -> None:
    fill(tmp_path, [f"a/{i}.png" for i in range(8)])
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert len(read(tmp_path).items) == 8


# --- Fingerprints -------------------------------------------------------------------------------


def test_the_fingerprint_follows_content_and_not_place(tmp_path: Path) -> None:
    names = [f"a/{i}.png" for i in range(8)]
    here, there = fill(tmp_path / "here", names), fill(tmp_path / "there", names)
    assert read(here).fingerprint == read(there, resolution=16).fingerprint
    (there / "a" / "0.png").write_bytes(png(noise(8, 8, 3, seed=99)))
    assert read(here).fingerprint != read(there).fingerprint
    images = noise(8, 8, 8)
    assert read((images, range(8))).fingerprint == read((images, list(range(8)))).fingerprint
    assert read((images, range(8))).fingerprint != read((images, [0] * 8)).fingerprint


# --- Parquet ------------------------------------------------------------------------------------


def table(count: int = 8, start: int = 0, **columns: Any) -> pa.Table:
    files = [png(noise(8, 8, 3, seed=start + i)) for i in range(count)]
    image = [{"bytes": data, "path": f"{i}.png"} for i, data in enumerate(files)]
    return pa.table({"image": image, **columns})


def test_parquet_class_names_from_both_kinds_of_metadata(tmp_path: Path) -> None:
    values = [0, 1] * 4
    plain = table(label=values).replace_schema_metadata({"classes": "cat,dog"})
    feature = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    info = json.dumps({"info": {"features": feature}})
    hugging = table(label=values).replace_schema_metadata({"huggingface": info})
    for name, content in (("plain", plain), ("hugging", hugging)):
        pq.write_table(content, tmp_path / f"{name}.parquet")
        assert labels(read(tmp_path / f"{name}.parquet")) == ["cat", "dog"] * 4


def test_parquet_without_names_keys_of_ones_own_and_plain_binary(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pictures = [png(noise(8, 8, seed=i)) for i in range(8)]
    pq.write_table(pa.table({"scan": pictures, "grade": list("aabbaabb")}), path)
    source = read(path, image_key="scan", label_key="grade")
    assert labels(source) == list("aabbaabb")
    assert (source.items[5].pixels[..., 0] == noise(8, 8, seed=5)).all()
    pq.write_table(table(label=[3, -1] * 4).replace_schema_metadata({"classes": "a,b"}), path)
    assert labels(read(path)) == [None] * 8  # -1 is Hugging Face's "not labelled"
    pq.write_table(table().rename_columns(["img"]), path)
    assert labels(read(path)) == [None] * 8


def test_a_folder_of_parquet_files_and_its_train_part(tmp_path: Path) -> None:
    for i in range(2):
        pq.write_table(table(8, 8 * i, label=["a"] * 8), tmp_path / f"part-{i}.parquet")
    assert len(read(tmp_path).items) == 16
    pq.write_table(table(9, label=["b"] * 9), tmp_path / "train-00000-of-00001.parquet")
    assert len(read(tmp_path).items) == 9


def test_parquet_rows_without_bytes_are_named(tmp_path: Path) -> None:
    content = table(9).to_pylist()
    content[3]["image"]["bytes"] = None
    content += [{"image": {"bytes": b"no image", "path": None}}]
    pq.write_table(pa.Table.from_pylist(content), tmp_path / "a.parquet")
    issues = {p.location: p.reason for p in read(tmp_path / "a.parquet").issues}
    assert issues["row 3"] == "no image bytes in this row"
    assert "not an image" in issues["row 9"]


def test_parquet_errors(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"picture": [b"x"], "name": ["y"]}), path)
    with pytest.raises(GankitError, match=r"no column 'image'; it has picture \(binary\), name"):
        read(path)
    pq.write_table(pa.table({"image": [1, 2]}), path)
    with pytest.raises(GankitError, match="holds int64, not image files"):
        read(path)
    pq.write_table(table(), path)
    with pytest.raises(GankitError, match="no column 'klass'"):
        read(path, label_key="klass")
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(GankitError, match="not a readable Parquet file"):
        read(path)


# --- IDX ----------------------------------------------------------------------------------------


def idx_bytes(array: np.ndarray[Any, Any], code: int = 8) -> bytes:
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dot", ["-", "."])
def test_an_idx_folder_gives_its_train_part(tmp_path: Path, packed: bool, dot: str) -> None:
    suffix, pack = (".gz", gzip.compress) if packed else ("", bytes)
    for part, count in (("train", 10), ("t10k", 8)):
        files = {
            f"{part}-images{dot}idx3-ubyte{suffix}": noise(count, 8, 9),
            f"{part}-labels{dot}idx1-ubyte{suffix}": np.arange(count, dtype=np.uint8),
        }
        for name, array in files.items():
            (tmp_path / name).write_bytes(pack(idx_bytes(array)))
    source = read(tmp_path)
    assert labels(source) == [str(i) for i in range(10)]
    assert (source.items[4].pixels[..., 0] == noise(10, 8, 9)[4]).all()
    single = read(tmp_path / f"t10k-images{dot}idx3-ubyte{suffix}")
    assert labels(single) == [str(i) for i in range(8)]


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
    st.sampled_from([(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")]),
    st.data(),
)
def test_idx_parser(
    tmp_path_factory: pytest.TempPathFactory,
    shape: list[int],
    kind: tuple[int, str],
    data: st.DataObject,
) -> None:
    """What is written comes back; a byte too few or too many is an error, never a wrong array."""
    code, dtype = kind
    array = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    path = tmp_path_factory.getbasetemp() / "property-idx"
    content = idx_bytes(array, code)
    path.write_bytes(content)
    assert read_idx(path).dtype == np.dtype(dtype)
    assert np.array_equal(read_idx(path), array)
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(GankitError, match=r"truncated|not an IDX file"):
        read_idx(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(GankitError, match="too long"):
        read_idx(path)


def test_idx_errors(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(noise(8, 8, 8)))[:200])
    with pytest.raises(GankitError, match=r"idx3-ubyte\.gz: cannot be read"):
        read(tmp_path)
    path.write_bytes(gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**15, 2**15)))
    with pytest.raises(GankitError, match="refused, its header claims"):
        read(tmp_path)
    path.write_bytes(gzip.compress(idx_bytes(noise(8, 8, 8))))
    labels_file = tmp_path / "train-labels-idx1-ubyte"
    labels_file.write_bytes(idx_bytes(np.arange(7, dtype=np.uint8)))
    with pytest.raises(GankitError, match="do not belong together"):
        read(tmp_path)
    with pytest.raises(GankitError, match="not images"):
        read(labels_file)
    for name in ("a-images-idx3-ubyte", "b-images-idx3-ubyte"):
        (tmp_path / "more").mkdir(exist_ok=True)
        (tmp_path / "more" / name).write_bytes(idx_bytes(noise(8, 8, 8)))
    with pytest.raises(GankitError, match="several sets of images: a-images"):
        read(tmp_path / "more")


# --- NumPy and memory ---------------------------------------------------------------------------


def test_npy_and_npz(tmp_path: Path) -> None:
    images = noise(8, 8, 8, 3)
    np.save(tmp_path / "a.npy", images)
    assert (read(tmp_path / "a.npy").items[2].pixels == images[2]).all()
    for keys in (("image", "label"), ("x_train", "y_train"), ("images", "labels"), ("x", "y")):
        np.savez(tmp_path / "a.npz", **{keys[0]: images, keys[1]: np.arange(8)[:, None]})
        assert labels(read(tmp_path / "a.npz")) == [str(i) for i in range(8)]
    np.savez(tmp_path / "a.npz", scans=images, grades=np.array(list("abababab")))
    source = read(tmp_path / "a.npz", image_key="scans", label_key="grades")
    assert labels(source) == list("abababab")
    with pytest.raises(GankitError, match="no array 'image'; it has scans, grades"):
        read(tmp_path / "a.npz")
    with pytest.raises(GankitError, match="no array 'klass'"):
        read(tmp_path / "a.npz", image_key="scans", label_key="klass")


def test_npz_and_npy_errors(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=noise(8, 8, 8), label=np.arange(7))
    with pytest.raises(GankitError, match=r"labels of shape \(7,\) for 8 images"):
        read(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.array([{"a": 1}] * 8), allow_pickle=True)
    with pytest.raises(GankitError, match=r"a\.npy: cannot be read"):
        read(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(b"nothing")
    with pytest.raises(GankitError, match=r"b\.npy: cannot be read"):
        read(tmp_path / "b.npy")


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((8, 8, 8), 0.5), 128),
        (np.full((8, 8, 8), 200.4, np.float32), 200),
        (np.full((8, 8, 8), 7, np.int64), 7),
        (np.full((8, 8, 8), 300, np.int32), 300),
        (np.ones((8, 8, 8), bool), 255),
        (np.full((8, 8, 8), 513, ">u2"), 513),
        (np.full((8, 3, 9, 10), 5, np.uint8), 5),
    ],
)
def test_numbers_become_pixels(array: np.ndarray[Any, Any], expected: int) -> None:
    found = read(array).items[0].pixels
    assert (found == expected).all()
    assert found.dtype == (np.uint16 if expected > 255 else np.uint8)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((8, 8, 8), -0.5), "values from -0.5"),
        (np.full((8, 8, 8), np.nan), "values from nan"),
        (np.full((8, 8, 8), -1), "values from -1"),
        (np.full((8, 8, 8), 70000), "values from 70000"),
        (np.full((8, 8, 8), "x"), "no type of pixels"),
        (np.zeros((8, 8)), "is not"),
        (np.zeros((8, 8, 8, 2), np.uint8), "is not"),
        (np.zeros((0, 8, 8), np.uint8), "is not"),
        ({"a": 1}, "cannot read images from dict"),
        ([1, 2, 3], "cannot read images from list"),
        ((noise(8, 8, 8), [1, 2]), "one label an image|labels of shape"),
    ],
)
def test_what_is_no_image_data(array: object, message: str) -> None:
    with pytest.raises(GankitError, match=message):
        read(array)


def test_lists_of_arrays_and_of_pillow_images() -> None:
    arrays = [noise(8, 8, 3, seed=i) for i in range(8)]
    pillow = [PIL.Image.fromarray(a) for a in arrays]
    for given_list in (arrays, pillow):
        source = read((given_list, list("abababab")))
        assert labels(source) == list("abababab")
        assert (source.items[7].pixels == arrays[7]).all()


def test_without_a_source_there_are_the_digits() -> None:
    source = read(None)
    assert len(source.items) == 1797
    assert set(labels(source)) == set("0123456789")
    assert source.items[0].pixels.shape == (8, 8, 1)
    assert max(source.items[i].pixels.max() for i in range(50)) == 255
    assert "CC BY 4.0" in source.licence
    assert "8×8 L" in source.description


# --- What is wrong with files -------------------------------------------------------------------


def truncated(data: bytes) -> bytes:
    return data[: int(len(data) * 0.7)]


BROKEN = {
    "empty.png": b"",
    "text.jpg": b"this is no picture",
    "cut.png": truncated(png(noise(32, 32, 3))),
    "cut.jpg": truncated(png(noise(32, 32, 3), "JPEG")),
    "cut.webp": truncated(png(noise(32, 32, 3), "WEBP")),
    "cut.gif": truncated(png(noise(32, 32), "GIF")),
    "cut.tif": truncated(png(noise(32, 32, 3), "TIFF", compression="tiff_lzw")),
    "cut.bmp": truncated(png(noise(32, 32, 3), "BMP")),
    "float.tif": png(np.zeros((8, 8), np.float32), "TIFF"),
    "header.png": png(noise(8, 8, 3))[:20],
    "postscript.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_damaged_files_are_left_out_and_named(tmp_path: Path, name: str) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    (tmp_path / name).write_bytes(BROKEN[name])
    source = read(tmp_path)
    assert len(source.items) == 8
    (problem,) = source.issues
    assert problem.location == name
    assert "\n" not in problem.reason
    assert "0x" not in problem.reason
    with pytest.raises(GankitError, match=name):
        read(tmp_path, strict=True)


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    header = struct.pack(">II5B", 60000, 60000, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    good = png(noise(8, 8))
    (tmp_path / "bomb.png").write_bytes(good[:16] + header + crc + good[33:])
    (problem,) = read(tmp_path).issues
    assert problem.reason == "60000×60000 pixels are more than max_pixels=100000000"


def test_max_pixels_is_the_users_and_pillows_limit_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 50)
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    (tmp_path / "large.png").write_bytes(png(noise(20, 20, 3)))
    assert not read(tmp_path).issues
    (problem,) = read(tmp_path, max_pixels=399).issues
    assert problem.location == "large.png"
    assert PIL.Image.MAX_IMAGE_PIXELS == 50


# --- Archives -----------------------------------------------------------------------------------


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


GOOD = {f"{i}.png": png(noise(8, 8, 3, seed=i)) for i in range(8)}


def test_a_zip_bomb_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_MEMBER", 10_000)
    path = pack(tmp_path / "a.zip", {**GOOD, "bomb.png": bytes(20_000)})
    (problem,) = read(path).issues
    assert problem.location == "bomb.png"
    assert "unpacks to more than 10,000 bytes" in problem.reason
    monkeypatch.setattr(archives, "MAX_ARCHIVE", 20_000)
    with pytest.raises(GankitError, match="refused, it would unpack to"):
        read(path)
    monkeypatch.undo()
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    with pytest.raises(GankitError, match="refused, it would unpack to"):
        read(path)


def test_a_member_that_lies_about_its_size_is_left_out(tmp_path: Path) -> None:
    bomb = bytes(200_000)
    path = pack(tmp_path / "a.zip", {**GOOD, "bomb.png": bomb})
    data = path.read_bytes().replace(struct.pack("<I", len(bomb)), struct.pack("<I", 100))
    path.write_bytes(data)
    source = read(path)
    assert len(source.items) == 8
    assert [p.location for p in source.issues] == ["bomb.png"]


def test_names_that_climb_out_of_an_archive_reach_nothing(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    path = pack(tmp_path / "inner" / "a.zip", {**GOOD, "../../evil.png": GOOD["0.png"]})
    before = sorted(tmp_path.rglob("*"))
    read(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_archive_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK but not really")
    with pytest.raises(GankitError, match="not a readable zip archive"):
        read(path)
    pack(path, {"a.txt": b"text"})
    with pytest.raises(GankitError, match=r"no images found in .*a\.zip"):
        read(path)
    pack(path, GOOD)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF  # inside the first member
    path.write_bytes(data)
    with pytest.raises(GankitError, match=r"7 of 8 images.*0\.png: .*damaged"):
        read(path)
    with pytest.raises(GankitError, match=r"a\.zip, 0\.png"):
        read(path, strict=True)


# --- What is wrong with paths -------------------------------------------------------------------


def test_path_errors(tmp_path: Path) -> None:
    pets = fill(tmp_path / "pets", [f"{i}.png" for i in range(8)])
    with pytest.raises(GankitError, match=r"no such file or folder. Did you mean pets\?"):
        read(tmp_path / "pet")
    with pytest.raises(GankitError, match="no folder"):
        read(tmp_path / "a" / "b")
    with pytest.raises(GankitError, match="one image is no data set"):
        read(str(pets / "0.png"))
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(GankitError, match=r"no images can be read from \.pdf files"):
        read(tmp_path / "a.pdf")
    (pets / "0.png").unlink()
    with pytest.raises(GankitError, match=r"7 of 7 images are usable\. At least 8"):
        read(pets)


def test_folder_errors(tmp_path: Path) -> None:
    with pytest.raises(GankitError, match="the folder is empty"):
        read(tmp_path)
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(GankitError, match=r"no images found in .*\.png"):
        read(tmp_path)
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", noise(8, 8, 8))
    with pytest.raises(GankitError, match=r"several files of images: a\.npy, b\.npy"):
        read(tmp_path)
    (tmp_path / "b.npy").unlink()
    assert len(read(tmp_path).items) == 8


def test_progress_counts_up_to_the_total(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    fill(tmp_path, [f"{i}.png" for i in range(100)])
    sources.read(tmp_path, DEFAULTS, lambda *step: seen.append(step))
    assert ("reading images", 100, 100) in seen
    done = [d for what, d, _ in seen if what == "reading images"]
    assert done == sorted(done)


def test_every_suffix_of_the_plugins_record_is_read() -> None:
    import gankit_image

    (info,) = gankit_image.gankit_modalities()
    assert set(info.suffixes) == {*pixels.SUFFIXES, *sources.CONTAINER_SUFFIXES}


# --- Real data ----------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data")
def test_cifar10() -> None:
    source = read(SHARED / "cifar10" / "test.parquet")
    assert len(source.items) == 10_000
    assert source.items[0].pixels.shape == (32, 32, 3)
    assert len(set(labels(source))) == 10
    assert "airplane" in labels(source)
    assert not source.issues


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data")
def test_fashion_mnist() -> None:
    source = read(SHARED / "fashion-mnist")
    assert len(source.items) == 60_000
    assert source.items[0].pixels.shape == (28, 28, 1)
    assert set(labels(source)) == set("0123456789")
