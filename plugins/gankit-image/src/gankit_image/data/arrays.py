"""Images that are arrays: .npy and .npz files, objects in memory, and the built-in digits."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

from gankit.errors import GankitError, did_you_mean
from gankit.kit.tables import find_column
from gankit_image.data.containers import IMAGE_KEYS, LABEL_KEYS
from gankit_image.data.decoding import native

if TYPE_CHECKING:
    from gankit_image.data.images import Pixels


@dataclass(frozen=True)
class Arrays:
    """Decoded images: a stack ``(N, H, W, C)`` or a list, and their labels."""

    kind: str
    images: Pixels | list[Pixels]
    labels: list[str | None]
    licence: str = ""
    labels_from: str = ""
    """Where the labels come from, for a person."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What was taken and what left out."""


# --- NumPy files --------------------------------------------------------------------------------


def npy(path: Path) -> Arrays:
    """A ``.npy`` array of images ``(N, H, W[, C])``, without labels."""
    images = as_stack(_load(path), str(path))
    return Arrays("array", images, [None] * len(images))


def npz(path: Path, image_key: str, label_key: str) -> Arrays:
    """The arrays of images and labels in a ``.npz`` file.

    Raises:
        GankitError: no such arrays, or their lengths differ.
    """
    with _load(path) as arrays:
        names = list(arrays.keys())
        key = find_column(names, image_key, IMAGE_KEYS[0], IMAGE_KEYS)
        if key is None:
            raise GankitError(
                f"{path}: no array {image_key!r}; it has {', '.join(names) or 'none'}",
                f"Set image_key. {did_you_mean(image_key, names)}",
            )
        of_labels = find_column(names, label_key, LABEL_KEYS[0], LABEL_KEYS)
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
    images = as_stack(images, f"{path}, array {key!r}")
    return Arrays("arrays", images, _matching(values, len(images), str(path)))


def _load(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0]
        raise GankitError(f"{path}: cannot be read ({reason})", "Save plain arrays") from None


# --- In memory ----------------------------------------------------------------------------------


def memory(source: object) -> Arrays:
    """An array ``(N, H, W[, C])``, a list of arrays or Pillow images, or a pair of one and labels.

    Raises:
        GankitError: none of these.
    """
    if isinstance(source, tuple) and len(source) == 2 and np.ndim(source[1]) == 1:
        images, labels = memory(source[0]).images, source[1]
        return Arrays("in memory", images, _matching(labels, len(images), "labels"))
    if hasattr(source, "__array__") and not isinstance(source, PIL.Image.Image):
        stack = as_stack(np.asarray(source), "the array")
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
    single: Pixels = as_stack(np.asarray(image)[None], where)[0]
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
            "Every image needs one label",
        )
    return names_of(values)


def names_of(values: Iterable[Any]) -> list[str | None]:
    """Class names of a column of numbers or strings: 3.0 becomes "3", NaN becomes None."""
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


# --- Conversion to uint8 or uint16 --------------------------------------------------------------


def as_stack(array: np.ndarray[Any, Any], where: str) -> Pixels:
    """``(N, H, W[, C])`` of any numbers as ``(N, H, W, C)``, uint8 or uint16.

    Channels may come first if that is unambiguous. Floating-point values range from 0 to 1 or to
    255; integers from 0 to 255 or to 65535.

    Raises:
        GankitError: another shape, type or range.
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
        raise GankitError(f"{where}: {array.dtype} is not a type of pixels", "Use uint8 or uint16")
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
