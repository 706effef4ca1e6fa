"""Reading folders: labels, fingerprints, unusable files and paths."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from image_files import DEFAULTS, fill, labels, noise, png, read

from gankit.errors import GankitError
from gankit_image.data import locate, pixels, sources

SHARED = Path(__file__).parents[4].parent / "shared" / "data"


def test_large_data_is_decoded_again_at_access(
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


def test_the_train_part_of_splits_is_used_and_named(tmp_path: Path) -> None:
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


def test_names_that_look_like_classes_are_suggested_and_used(tmp_path: Path) -> None:
    fill(tmp_path, [f"{'cat' if i % 2 else 'dog'}{i}.png" for i in range(8)])
    found = read(tmp_path)
    assert [w for w in found.warnings if "cat (4), dog (4). label=prefix" in w]
    found = read(tmp_path, label="prefix")
    assert found.facts["labels"] == "2 classes, from the file names"
    assert not any("label=prefix" in w for w in found.warnings)


def test_labels_missing_from_some_images_are_ignored_with_a_note() -> None:
    source = read((noise(8, 8, 8), ["a", "b", None, "a", "b", "a", "b", "a"]))
    assert labels(source) == [None] * 8
    assert "labels ignored, since 1 image has none" in source.description


def test_a_link_to_a_parent_folder_is_not_followed_endlessly(tmp_path: Path) -> None:
    fill(tmp_path, [f"a/{i}.png" for i in range(8)])
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert len(read(tmp_path).items) == 8


def test_the_fingerprint_depends_on_content_and_not_on_the_path(tmp_path: Path) -> None:
    names = [f"a/{i}.png" for i in range(8)]
    here, there = fill(tmp_path / "here", names), fill(tmp_path / "there", names)
    assert read(here).fingerprint == read(there, resolution=16).fingerprint
    (there / "a" / "0.png").write_bytes(png(noise(8, 8, 3, seed=99)))
    assert read(here).fingerprint != read(there).fingerprint
    images = noise(8, 8, 8)
    assert read((images, range(8))).fingerprint == read((images, list(range(8)))).fingerprint
    assert read((images, range(8))).fingerprint != read((images, [0] * 8)).fingerprint


def truncated(data: bytes) -> bytes:
    return data[: int(len(data) * 0.7)]


BROKEN = {
    "empty.png": b"",
    "text.jpg": b"not a picture",
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
def test_damaged_files_are_skipped_and_named(tmp_path: Path, name: str) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    (tmp_path / name).write_bytes(BROKEN[name])
    source = read(tmp_path)
    assert len(source.items) == 8
    (issue,) = source.issues
    assert issue.location == name
    assert "\n" not in issue.reason
    assert "0x" not in issue.reason
    with pytest.raises(GankitError, match=name):
        read(tmp_path, strict=True)


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    header = struct.pack(">II5B", 60000, 60000, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    good = png(noise(8, 8))
    (tmp_path / "bomb.png").write_bytes(good[:16] + header + crc + good[33:])
    (issue,) = read(tmp_path).issues
    assert issue.reason == "60000×60000 pixels are more than max_pixels=100000000"


def test_max_pixels_replaces_pillows_limit_and_restores_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 50)
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    (tmp_path / "large.png").write_bytes(png(noise(20, 20, 3)))
    assert not read(tmp_path).issues
    (issue,) = read(tmp_path, max_pixels=399).issues
    assert issue.location == "large.png"
    assert PIL.Image.MAX_IMAGE_PIXELS == 50


def test_path_errors(tmp_path: Path) -> None:
    pets = fill(tmp_path / "pets", [f"{i}.png" for i in range(8)])
    with pytest.raises(GankitError, match=r"no such file or folder. Did you mean pets\?"):
        read(tmp_path / "pet")
    with pytest.raises(GankitError, match="no folder"):
        read(tmp_path / "a" / "b")
    with pytest.raises(
        GankitError, match="this is a single image. Give a folder with at least 8 images"
    ):
        read(str(pets / "0.png"))
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(GankitError, match=r"cannot read images from \.pdf files"):
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
    assert set(info.suffixes) == {*pixels.SUFFIXES, *locate.CONTAINERS}


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
