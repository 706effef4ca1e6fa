"""Images that come as numbers: IDX files, .npy, .npz, arrays and lists in memory, the digits."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

from gankit.errors import GankitError, did_you_mean
from gankit_image.containers import IMAGE_KEYS, LABEL_KEYS, take
from gankit_image.pixels import native

if TYPE_CHECKING:
    from gankit_image.items import Pixels

MAX_IDX = 64 * 2**30
"""Largest IDX array, in bytes, uncompressed."""

_IDX_NAME = re.compile(r"(?P<part>.*)images?[-._]idx[34][-._]ubyte(\.gz)?$", re.IGNORECASE)
# The type codes of the IDX format; numbers are big-endian.
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True)
class Arrays:
    """Decoded images: a stack ``(N, H, W, C)`` or a list, and their labels."""

    kind: str
    images: Pixels | list[Pixels]
    labels: list[str | None]
    licence: str = ""


# --- IDX, the format of MNIST and its kin -------------------------------------------------------


def is_idx(name: str) -> bool:
    """Whether this is the name of an IDX file of images."""
    return _IDX_NAME.match(name) is not None


def idx_folder(root: Path, names: Sequence[str]) -> Arrays:
    """The train part of a folder with IDX files.

    Raises:
        GankitError: several sets of images, and none is called train.
    """
    found = [root / name for name in names if is_idx(Path(name).name)]
    train = [path for path in found if "train" in path.name.lower()]
    plain = {path.name.removesuffix(".gz") for path in train or found}
    if len(plain) > 1:
        raise GankitError(f"{root}: several sets of images: {', '.join(sorted(plain))}", "Name one")
    return idx(min(train or found))  # the unpacked one where both lie there


def idx(path: Path) -> Arrays:
    """An IDX file of images, with the labels from the file beside it where there is one.

    Raises:
        GankitError: truncated, or not a file of images.
    """
    images = read_idx(path)
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise GankitError(
            f"{path}: holds {images.dtype} of shape {images.shape}, not images",
            "Expected bytes of shape (N, H, W); name the file of images",
        )
    labels: list[str | None] = [None] * len(images)
    beside = _idx_labels(path)
    if beside is not None:
        values = read_idx(beside)
        if values.shape != (len(images),):
            raise GankitError(
                f"{beside}: {values.shape} labels for the {len(images)} images of {path.name}",
                "The two files do not belong together",
            )
        labels = names_of(values)
    return Arrays("IDX", _stack(images, str(path)), labels)


def _idx_labels(images: Path) -> Path | None:
    name = re.sub("images", "labels", images.name, flags=re.IGNORECASE)
    name = re.sub("idx[34]", "idx1", name).removesuffix(".gz")
    for candidate in (images.with_name(name), images.with_name(f"{name}.gz")):
        if candidate.name != images.name and candidate.is_file():
            return candidate
    return None


def read_idx(path: Path) -> np.ndarray[Any, Any]:
    """The array of an IDX file, gzipped or not.

    The format: two zero bytes, a type code, the number of axes; a big-endian uint32 for each
    axis; the numbers, last axis fastest (LeCun et al., the MNIST database).

    Raises:
        GankitError: not IDX, or its length is not what its header says.
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
            data = file.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise GankitError(f"{path}: cannot be read ({error})", "Fetch it again") from None
    if len(data) != expected:
        wrong = "truncated" if len(data) < expected else "too long"
        raise GankitError(
            f"{path}: {wrong}, its header says {expected:,} bytes of data for shape {shape}",
            "Fetch it again",
        )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


# --- NumPy files --------------------------------------------------------------------------------


def npy(path: Path) -> Arrays:
    """A ``.npy`` array of images ``(N, H, W[, C])``, without labels."""
    images = _stack(_load(path), str(path))
    return Arrays("array", images, [None] * len(images))


def npz(path: Path, image_key: str, label_key: str) -> Arrays:
    """The arrays of images and labels in a ``.npz`` file.

    Raises:
        GankitError: no such arrays, or they do not belong together.
    """
    with _load(path) as arrays:
        names = list(arrays.keys())
        key = take(names, image_key, IMAGE_KEYS)
        if key is None:
            raise GankitError(
                f"{path}: no array {image_key!r}; it has {', '.join(names) or 'none'}",
                f"Set image_key. {did_you_mean(image_key, names)}",
            )
        of_labels = take(names, label_key, LABEL_KEYS)
        if of_labels is None and label_key != LABEL_KEYS[0]:
            raise GankitError(
                f"{path}: no array {label_key!r}; it has {', '.join(names)}",
                f"Set label_key. {did_you_mean(label_key, names)}",
            )
        try:
            images = arrays[key]
            values = None if of_labels is None else arrays[of_labels]
        except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise GankitError(f"{path}: cannot be read ({error})", "Save plain arrays") from None
    images = _stack(images, f"{path}, array {key!r}")
    return Arrays("arrays", images, _matching(values, len(images), str(path)))


def _load(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0]
        raise GankitError(f"{path}: cannot be read ({reason})", "Save plain arrays") from None


# --- In memory ----------------------------------------------------------------------------------


def memory(source: object) -> Arrays:
    """An array ``(N, H, W[, C])``, a list of arrays or Pillow images, or such a thing with labels.

    Raises:
        GankitError: none of these.
    """
    if isinstance(source, tuple) and len(source) == 2 and np.ndim(source[1]) == 1:
        images, labels = memory(source[0]).images, source[1]
        return Arrays("in memory", images, _matching(labels, len(images), "labels"))
    if hasattr(source, "__array__") and not isinstance(source, PIL.Image.Image):
        stack = _stack(np.asarray(source), "the array")
        return Arrays("in memory", stack, [None] * len(stack))
    if isinstance(source, Sequence) and all(_is_image(image) for image in source):
        images = [_single(image, f"image {i}") for i, image in enumerate(source)]
        return Arrays("in memory", images, [None] * len(images))
    raise GankitError(
        f"cannot read images from {type(source).__name__}",
        "Give a path, an array (N, H, W[, C]), a list of images, or (images, labels)",
    )


def _is_image(value: object) -> bool:
    if isinstance(value, PIL.Image.Image):
        return True
    return hasattr(value, "__array__") and np.ndim(value) in (2, 3)


def _single(image: Any, where: str) -> Pixels:
    if isinstance(image, PIL.Image.Image):
        try:
            return native(image)
        except (OSError, ValueError, SyntaxError) as error:
            raise GankitError(f"{where}: cannot be decoded ({error})") from None
    single: Pixels = _stack(np.asarray(image)[None], where)[0]
    return single


def _matching(labels: Any, count: int, where: str) -> list[str | None]:
    if labels is None:
        return [None] * count
    values = np.asarray(labels)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.shape != (count,):
        raise GankitError(
            f"{where}: labels of shape {values.shape} for {count} images",
            "One label an image is needed",
        )
    return names_of(values)


def names_of(values: Iterable[Any]) -> list[str | None]:
    """Class names of a column of numbers or strings: 3.0 is "3"; None and NaN are no label."""
    names: list[str | None] = []
    for value in np.asarray(values).tolist():
        if value is None or (isinstance(value, float) and math.isnan(value)):
            names.append(None)
        elif isinstance(value, float) and value.is_integer():
            names.append(str(int(value)))
        else:
            names.append(str(value))
    return names


def digits() -> Arrays:
    """The 1,797 handwritten digits of scikit-learn: 8×8, grey levels 0 to 16."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.rint(data.images * (255 / 16)).astype(np.uint8)[..., None]
    return Arrays(
        "scikit-learn's handwritten digits",
        images,
        names_of(data.target),
        "Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998), UCI, CC BY 4.0",
    )


# --- Any numbers to uint8 or uint16 -------------------------------------------------------------


def _stack(array: np.ndarray[Any, Any], where: str) -> Pixels:
    """``(N, H, W[, C])`` of any numbers as ``(N, H, W, C)``, uint8 or uint16.

    Channels may come first where that is unambiguous. Floating-point values are 0 to 1, or 0 to
    255; integers 0 to 255, or 0 to 65535.
    """
    if array.ndim == 3:
        array = array[..., None]
    channels = (1, 3, 4)
    if array.ndim == 4 and array.shape[3] not in channels and array.shape[1] in channels:
        array = np.moveaxis(array, 1, 3)
    if array.ndim != 4 or array.shape[3] not in channels or 0 in array.shape:
        raise GankitError(
            f"{where}: shape {array.shape} is not (N, H, W) or (N, H, W, C)",
            "C is 1 (grey), 3 (RGB) or 4 (RGBA)",
        )
    if array.dtype in (np.uint8, np.uint16):
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise GankitError(f"{where}: {array.dtype} is no type of pixels", "Use uint8 or uint16")
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        array = array * 255
        high = 255
    if low >= 0 and high <= 255:
        return array.round().astype(np.uint8)
    if low >= 0 and high <= 65535 and array.dtype.kind != "f":
        return array.astype(np.uint16)
    raise GankitError(
        f"{where}: values from {low:g} to {high:g}",
        "Scale them to 0..255 (integers) or 0..1 (floating point)",
    )
