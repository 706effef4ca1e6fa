"""IDX files, the format of MNIST."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_files import labels, noise, read

from gankit.errors import GankitError
from gankit_image.data.idx import read_idx


def idx_bytes(array: np.ndarray[Any, Any], code: int = 8) -> bytes:
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dot", ["-", "."])
def test_the_train_part_of_an_idx_folder_is_read(tmp_path: Path, packed: bool, dot: str) -> None:
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
    assert labels(read(tmp_path, split="test")) == [str(i) for i in range(8)]
    with pytest.raises(GankitError, match="no split 'all'. There are: test, train"):
        read(tmp_path, split="all")
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
    """Arrays survive a round trip; a byte too few or too many is an error, never a wrong array."""
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
