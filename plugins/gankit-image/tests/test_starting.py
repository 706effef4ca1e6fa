"""``gankit train DATA``, for pictures of every kind."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gankit.kit.looking import look
from gankit_image.data.pixels import SUFFIXES
from gankit_image.recognising import recognise

QUICK = ["--dry-run", "width=[16]", "train.batch=8", "train.threads=1", "train.samples=32"]
UNREAD = {".jxl", ".dcm", ".nii", ".nii.gz"}
FORMATS = {
    ".apng": "png", ".jpe": "jpeg", ".jfif": "jpeg", ".mpo": "jpeg", ".tif": "tiff",
    ".jp2": "jpeg2000", ".pgm": "ppm", ".ppm": "ppm", ".pnm": "ppm", ".jpg": "jpeg",
    ".heic": "heif", ".hif": "heif",
}  # fmt: skip


def encoded(ending, seed):
    if ending in (".heic", ".heif", ".hif"):
        pytest.importorskip("pillow_heif").register_heif_opener()
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert("L" if ending == ".pgm" else "RGB")
    file = io.BytesIO()
    image.save(file, FORMATS.get(ending, ending[1:]))
    return file.getvalue()


def pictures(folder, ending=".png", count=10):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        (folder / f"{i}{ending}").write_bytes(encoded(ending, i))
    return folder


def started(gankit_here, data):
    done = gankit_here("train", data, *QUICK)
    assert done.returncode == 0, done.stderr
    assert "plugin:         image (" in done.stdout
    return done.stdout


@pytest.mark.parametrize("ending", sorted({*SUFFIXES} - UNREAD))
def test_folders_of_files(gankit_here, tmp_path, ending):
    pictures(tmp_path / "photos", ending)
    assert "(10 image files" in started(gankit_here, "photos")


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ".parquet", ".npy", ".npz", "idx"])
def test_single_files_of_many(gankit_here, tmp_path, ending):
    file, stack = tmp_path / f"all{ending}", np.zeros((10, 16, 16), np.uint8)
    stack[:] = np.arange(10)[:, None, None] * 20
    if ending == ".zip":
        with zipfile.ZipFile(file, "w") as packed:
            for i in range(10):
                packed.writestr(f"a/{i}.png", encoded(".png", i))
    elif ending.startswith(".tar"):
        with tarfile.open(file, "w:gz" if ending == ".tar.gz" else "w") as packed:
            packed.add(pictures(tmp_path / "in"), "in")
    elif ending == ".parquet":
        images = [{"bytes": encoded(".png", i), "path": f"{i}.png"} for i in range(10)]
        pq.write_table(pa.table({"image": images}), file)
    elif ending == ".npy":
        np.save(file, stack)
    elif ending == ".npz":
        np.savez(file, image=stack)
    else:
        file = tmp_path / "train-images-idx3-ubyte"
        file.write_bytes(struct.pack(">HBB3I", 0, 8, 3, 10, 16, 16) + stack.tobytes())
    started(gankit_here, file.name)


def test_a_table_of_labels_beside_them_changes_nothing(gankit_here, tmp_path):
    folder = pictures(tmp_path / "photos")
    rows = [f"{i}.png,{'ab'[i % 2]}" for i in range(10)]
    (folder / "labels.csv").write_text("\n".join(["file_name,label", *rows]))
    assert "2 classes" in started(gankit_here, "photos")


def test_a_single_picture_is_too_few(gankit_here, tmp_path):
    pictures(tmp_path / "photos")
    done = gankit_here("train", "photos/1.png", *QUICK)
    assert done.returncode == 2
    assert "a single image. Give a folder" in done.stderr


def test_tables_of_points_are_no_images(tmp_path):
    np.save(tmp_path / "points.npy", np.zeros((10, 2)))
    assert recognise(look(tmp_path / "points.npy")) is None
