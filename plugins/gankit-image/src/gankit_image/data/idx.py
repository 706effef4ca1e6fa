"""IDX files, the format of MNIST (LeCun et al., the MNIST database)."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gankit.errors import GankitError
from gankit.kit.splits import left_out_text, split_in
from gankit_image.data.arrays import Arrays, as_stack, names_of

_IDX_NAME = re.compile(r".*images?[-._]idx[34][-._]ubyte(\.gz)?$", re.IGNORECASE)

PIECE = 2**24
MAX_IDX = 64 * 2**30
"""Largest IDX array, in bytes, uncompressed."""

# By type code; numbers are big-endian.
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def is_idx(name: str) -> bool:
    """Whether this is the name of an IDX file of images."""
    return _IDX_NAME.match(name) is not None


def read_idx_folder(root: Path, names: Sequence[str], wanted: str = "train") -> Arrays:
    """The part of a folder of IDX files that is named as the wanted split; MNIST's test part is
    named t10k. A single set of images is taken for train whatever its name.

    Raises:
        GankitError: no such part, or several sets of images in it.
    """
    found = [root / name for name in names if is_idx(Path(name).name)]
    taken = [path for path in found if _split(path) == wanted]
    if not taken and wanted != "train":
        there = sorted({_split(path) or path.name for path in found})
        raise GankitError(f"{root}: no split {wanted!r}", f"There are: {', '.join(there)}")
    plain = {path.name.removesuffix(".gz") for path in taken or found}
    if len(plain) > 1:
        raise GankitError(f"{root}: several sets of images: {', '.join(sorted(plain))}", "Name one")
    images = read_idx_images(min(taken or found))  # an unpacked file sorts before its .gz
    others = {path.name.removesuffix(".gz"): 1 for path in found if path not in taken}
    if not taken or not others:
        return images
    fact = f"{min(taken).name}; {left_out_text(others)}"
    return replace(images, facts={**images.facts, "split": fact})


def _split(path: Path) -> str | None:
    name = path.name.lower()
    return "test" if name.startswith("t10k") else split_in(name)


def read_idx_images(path: Path) -> Arrays:
    """An IDX file of images, with the labels of its file of labels if there is one.

    Raises:
        GankitError: truncated, or not a file of images.
    """
    images = read_idx(path)
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise GankitError(
            f"{path}: holds {images.dtype} of shape {images.shape}, not images",
            "Expected bytes of shape (N, H, W); give the file of images",
        )
    labels: list[str | None] = [None] * len(images)
    label_file = _label_file(path)
    if label_file is not None:
        values = read_idx(label_file)
        if values.shape != (len(images),):
            raise GankitError(
                f"{label_file}: {values.shape} labels for the {len(images)} images of {path.name}",
                "The two files do not belong together",
            )
        labels = names_of(values)
    return Arrays(
        "IDX",
        as_stack(images, str(path)),
        labels,
        labels_from=label_file.name if label_file is not None else "",
        facts={} if label_file else {"labels file": "none next to the images"},
    )


def _label_file(images: Path) -> Path | None:
    name = re.sub("images", "labels", images.name, flags=re.IGNORECASE)
    name = re.sub("idx[34]", "idx1", name).removesuffix(".gz")
    for candidate in (images.with_name(name), images.with_name(f"{name}.gz")):
        if candidate.name != images.name and candidate.is_file():
            return candidate
    return None


def read_idx(path: Path) -> np.ndarray[Any, Any]:
    """The array of an IDX file, gzipped or not.

    The format: two zero bytes, a type code, the number of axes; a big-endian uint32 for each
    axis; the numbers, last axis fastest.

    Raises:
        GankitError: not IDX, or its length differs from its header.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _IDX_TYPES or not head[3]:
                raise GankitError(f"{path}: not an IDX file", "Expected the format of MNIST")
            sizes = file.read(4 * head[3])
            if len(sizes) < 4 * head[3]:
                raise GankitError(f"{path}: truncated within its header", "Fetch it again")
            shape = struct.unpack(f">{head[3]}I", sizes)
            dtype = np.dtype(_IDX_TYPES[head[2]])
            expected = math.prod(shape) * dtype.itemsize
            if expected > MAX_IDX:
                raise GankitError(
                    f"{path}: refused, its header claims {expected:,} bytes",
                    f"The limit is {MAX_IDX:,} bytes",
                )
            # Piece by piece: a header that claims too much must not take that much memory.
            pieces, left = list[bytes](), expected + 1
            while left and (piece := file.read(min(left, PIECE))):
                pieces.append(piece)
                left -= len(piece)
            data = b"".join(pieces)
    except (OSError, EOFError, zlib.error) as error:
        raise GankitError(f"{path}: cannot be read ({error})", "Fetch it again") from None
    if len(data) != expected:
        wrong = "truncated" if len(data) < expected else "too long"
        raise GankitError(
            f"{path}: {wrong}, its header says {expected:,} bytes of data for shape {shape}",
            "Fetch it again",
        )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
