"""Images as arrays, in files and in memory."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import sklearn.datasets
from image_files import labels, noise, read

from gankit.errors import GankitError


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
    ("array", "expected", "dtype"),
    [
        (np.full((8, 8, 8), 0.4), 102, np.uint8),
        (np.full((8, 8, 8), 0.5), 0.5, np.float32),
        (np.full((8, 8, 8), 200.0, np.float32), 200, np.uint8),
        (np.full((8, 8, 8), 200.5, np.float32), 200.5, np.float32),
        (np.full((8, 8, 8), -0.5), -0.5, np.float32),
        (np.full((8, 8, 8), 7, np.int64), 7, np.uint8),
        (np.full((8, 8, 8), 300, np.int32), 300, np.uint16),
        (np.full((8, 8, 8), -1, np.int8), -1, np.int16),
        (np.full((8, 8, 8), -1000, ">i2"), -1000, np.int16),
        (np.full((8, 8, 8), 70000), 70000, np.int32),
        (np.ones((8, 8, 8), bool), 255, np.uint8),
        (np.full((8, 8, 8), 513, ">u2"), 513, np.uint16),
        (np.full((8, 3, 9, 10), 5, np.uint8), 5, np.uint8),
        (np.full((8, 12, 40, 20), 5, np.uint16), 5, np.uint16),
        (np.full((8, 9, 10, 7), 5, np.uint8), 5, np.uint8),
    ],
)
def test_numbers_keep_their_values(
    array: np.ndarray[Any, Any], expected: float, dtype: type
) -> None:
    """Whole numbers use the smallest unsigned type; 8 bits divided by 255 are 8 bits again."""
    found = read(array).items[0].pixels
    assert (found == expected).all()
    assert found.dtype == dtype


def test_what_was_done_to_arrays_is_said() -> None:
    source = read(np.full((8, 12, 40, 20), 5, np.int64))
    assert "taken as (N, C, H, W)" in source.facts["numbers"]
    assert "int64 read as uint8" in source.facts["numbers"]
    assert source.items[0].pixels.shape == (40, 20, 12)
    four = read(noise(8, 8, 8, 4, dtype=np.uint16))
    assert "four channels taken as bands" in four.facts["numbers"]
    assert "4 bands" in four.description


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((8, 8, 8), np.nan), "NaN or infinite"),
        (np.full((8, 8, 8), 1e300), "NaN or infinite"),
        (np.full((8, 8, 8), 2**40), "more than 32 bits"),
        (np.full((8, 8, 8), 1j), "not a type of pixels"),
        (np.full((8, 8, 8), "x"), "not a type of pixels"),
        (np.zeros((8, 8)), "is not"),
        (np.zeros((8, 17, 17, 17), np.uint8), "is not"),
        (np.zeros((0, 8, 8), np.uint8), "is not"),
        ({"a": 1}, "cannot read images from dict"),
        ([1, 2, 3], "cannot read images from list"),
        ((noise(8, 8, 8), [1, 2]), "labels of shape"),
    ],
)
def test_unusable_arrays_are_errors(array: object, message: str) -> None:
    with pytest.raises(GankitError, match=message):
        read(array)


def test_lists_of_arrays_and_of_pillow_images() -> None:
    arrays = [noise(8, 8, 3, seed=i) for i in range(8)]
    pillow = [PIL.Image.fromarray(a) for a in arrays]
    for given_list in (arrays, pillow):
        source = read((given_list, list("abababab")))
        assert labels(source) == list("abababab")
        assert (source.items[7].pixels == arrays[7]).all()


def test_the_built_in_data_is_the_digits() -> None:
    source = read(None)
    assert len(source.items) == 1797
    assert set(labels(source)) == set("0123456789")
    assert source.items[0].pixels.shape == (8, 8, 1)
    assert max(source.items[i].pixels.max() for i in range(50)) == 255
    assert "CC BY 4.0" in source.licence
    assert "8×8 L" in source.description


def test_the_digits_are_those_of_scikit_learn() -> None:
    expected, source = sklearn.datasets.load_digits(), read(None)
    assert labels(source) == [str(label) for label in expected.target]
    found = np.stack([item.pixels[..., 0] for item in source.items])
    assert (found == np.rint(expected.images * (255 / 16))).all()


def test_exchanged_endings(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", noise(8, 8, 8))
    (tmp_path / "a.npy").rename(tmp_path / "b.npz")
    with pytest.raises(GankitError, match=r"its content is a \.npy file"):
        read(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", image=noise(8, 8, 8))
    (tmp_path / "c.npz").rename(tmp_path / "c.npy")
    with pytest.raises(GankitError, match=r"its content is a \.npz file"):
        read(tmp_path / "c.npy")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_mutated_arrays_are_read_or_refused(tmp_path: Path, suffix: str) -> None:
    path, rng = tmp_path / f"a{suffix}", random.Random(suffix)
    if suffix == ".npy":
        np.save(path, noise(8, 8, 8, 3, dtype=np.uint16))
    else:
        np.savez_compressed(path, image=noise(8, 8, 8), label=np.arange(8))
    good, refused = path.read_bytes(), 0
    for _ in range(60):
        data = bytearray(good)
        for _ in range(rng.choice([1, 2, 8])):
            data[rng.randrange(min(len(data), 140))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        try:
            read(path)
        except GankitError:
            refused += 1
    assert refused


def test_small_8_bit_values_use_their_own_range(tmp_path: Path) -> None:
    """Levels 0 to 16, or numbers of classes, would be 17 of 256 shades of almost black."""
    np.save(tmp_path / "a.npy", noise(8, 8, 8) % 17)
    found = read(tmp_path / "a.npy")
    assert found.facts["values"] == "0…16, scaled to [-1, 1]"
    assert found.items[0].span == ([0.0], [16.0])
    np.save(tmp_path / "b.npy", noise(8, 8, 8))
    assert "values" not in read(tmp_path / "b.npy").facts
    np.save(tmp_path / "c.npy", np.zeros((8, 8, 8), np.uint8))
    assert "values" not in read(tmp_path / "c.npy").facts


def test_truth_values_are_black_and_white(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", noise(8, 8, 8) > 127)
    found = read(tmp_path / "a.npy")
    assert found.facts["numbers"] == "bool read as uint8 times 255"
    assert set(np.unique(found.items[0].pixels)) == {0, 255}


def test_a_file_of_several_pages_says_so(tmp_path: Path) -> None:
    pages = [PIL.Image.fromarray(page) for page in noise(9, 8, 8)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(GankitError, match="1 of 1 images are usable") as error:
        read(tmp_path)
    assert "stack.tif has several pages" in str(error.value.hint)
