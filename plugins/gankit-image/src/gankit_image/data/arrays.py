"""Images that are arrays: .npy and .npz files, objects in memory, and the built-in digits."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import PIL.Image

from gankit.errors import GankitError, did_you_mean
from gankit.kit.files import package_file
from gankit.kit.tables import find_column
from gankit_image.data.containers import IMAGE_KEYS, LABEL_KEYS
from gankit_image.data.decoding import native
from gankit_image.data.numbers import plain
from gankit_image.data.pixels import MOST_BANDS, PixelFormat
from gankit_image.data.tiff import bands_first

if TYPE_CHECKING:
    from gankit_image.data.images import Pixels


# Headers of NumPy files are Python expressions.
_DAMAGED = (
    OSError, ValueError, TypeError, LookupError, SyntaxError, EOFError, MemoryError, RuntimeError,
    NotImplementedError, ArithmeticError, tokenize.TokenError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


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
    warnings: Sequence[str] = ()
    note: str = ""
    """What was done to the numbers."""


# --- NumPy files --------------------------------------------------------------------------------


def npy(path: Path) -> Arrays:
    """A ``.npy`` array of images ``(N, H, W[, C])``, without labels."""
    with path.open("rb") as file:
        given = _load(file, path)
    images = as_stack(given, str(path))
    return Arrays("array", images, [None] * len(images), note=_note(given, images))


def npz(path: Path, image_key: str, label_key: str) -> Arrays:
    """The arrays of images and labels in a ``.npz`` file.

    Raises:
        GankitError: no such arrays, or their lengths differ.
    """
    with path.open("rb") as file, _load(file, path) as arrays:
        names = list(arrays.keys())
        key, of_labels = _keys(names, image_key, label_key, f"{path}: no array", "it has")
        try:
            given = arrays[key]
            values = None if of_labels is None else arrays[of_labels]
        except _DAMAGED as error:
            raise GankitError(f"{path}: cannot be read ({error})", "Save plain arrays") from None
    images = as_stack(given, f"{path}, array {key!r}")
    found = _matching(values, len(images), str(path))
    return Arrays("arrays", images, found, note=_note(given, images))


def labels_of(path: Path, count: int) -> list[str | None]:
    """The labels in a ``.npy`` file.

    Raises:
        GankitError: it cannot be read, or has another number of labels than ``count``.
    """
    with path.open("rb") as file:
        return _matching(_load(file, path), count, str(path))


def _keys(
    names: list[str], image_key: str, label_key: str, none: str, there: str
) -> tuple[str, str | None]:
    """Which of the names hold images and labels.

    Args:
        none, there: how a message begins that one is missing, and goes on with the others.

    Raises:
        GankitError: there are no images, or no labels of the name that was set.
    """
    image = find_column(names, image_key, IMAGE_KEYS[0], IMAGE_KEYS)
    label = find_column(names, label_key, LABEL_KEYS[0], LABEL_KEYS)
    if image is None:
        missing, setting = image_key, "image_key"
    elif label is None and label_key != LABEL_KEYS[0]:
        missing, setting = label_key, "label_key"
    else:
        return image, label
    raise GankitError(
        f"{none} {missing!r}; {there} {', '.join(names) or 'none'}",
        f"Set {setting}. {did_you_mean(missing, names)}",
    )


def _note(given: np.ndarray[Any, Any], images: Pixels) -> str:
    parts = []
    if given.ndim == 4 and bands_first(given.shape):
        parts.append(f"shape {given.shape} taken as (N, C, H, W)")
    if given.dtype.newbyteorder("=") != images.dtype:
        scaled = given.dtype.kind == "f" and images.dtype == np.uint8 and given.max() <= 1
        how = "times 255" if scaled or given.dtype == bool else "with the same values"
        parts.append(f"{given.dtype} read as {images.dtype} {how}")
    if images.shape[-1] == 4:
        parts.append("four channels taken as " + ("RGBA" if images.dtype == np.uint8 else "bands"))
    return "; ".join(parts)


def _load(file: BinaryIO, path: Path) -> Any:
    """The array of a ``.npy`` file, or the arrays of a ``.npz`` file."""
    try:
        # From an open file, since NumPy leaves damaged ones open.
        found = np.load(file, allow_pickle=False)
        if isinstance(found, np.ndarray) == (path.suffix.lower() == ".npz"):
            right = ".npy" if isinstance(found, np.ndarray) else ".npz"
            raise GankitError(f"{path}: its content is a {right} file's", f"Name it {right}")
        return found
    except _DAMAGED as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise GankitError(f"{path}: cannot be read ({reason})", "Save plain arrays") from None


# --- In memory ----------------------------------------------------------------------------------


def memory(
    source: object, image_key: str = IMAGE_KEYS[0], label_key: str = LABEL_KEYS[0]
) -> Arrays:
    """An array ``(N, H, W[, C])``, a list of arrays or Pillow images, a pair of one and labels, or
    a list of mappings that have an image and may have a label.

    Raises:
        GankitError: none of these.
    """
    if isinstance(source, tuple) and len(source) == 2 and np.ndim(source[1]) == 1:
        found, labels = memory(source[0]), source[1]
        named = _matching(labels, len(found.images), "labels")
        return Arrays("in memory", found.images, named, note=found.note)
    if hasattr(source, "__array__") and not isinstance(source, PIL.Image.Image):
        stack = as_stack(np.asarray(source), "the array")
        note = _note(np.asarray(source), stack)
        return Arrays("in memory", stack, [None] * len(stack), note=note)
    if isinstance(source, Sequence) and source and all(isinstance(s, Mapping) for s in source):
        return _of_mappings(source, image_key, label_key)
    if isinstance(source, Sequence) and all(_is_image(image) for image in source):
        images = [_single(image, f"image {i}") for i, image in enumerate(source)]
        return Arrays("in memory", images, [None] * len(images))
    raise GankitError(
        f"cannot read images from {type(source).__name__}",
        "Give a path, an array (N, H, W[, C]), a list of images, or (images, labels)",
    )


def _of_mappings(rows: Sequence[Mapping[str, Any]], image_key: str, label_key: str) -> Arrays:
    names = [str(name) for name in rows[0]]
    key, of_labels = _keys(names, image_key, label_key, "the data have no", "they have")
    found = memory([row[key] for row in rows])
    if of_labels is None:
        return found
    labels = _matching([row[of_labels] for row in rows], len(rows), "labels")
    return replace(found, labels=labels, labels_from=f"column {of_labels!r}")


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
    file = package_file("sklearn", "datasets", "data", "digits.csv.gz")
    rows = np.loadtxt(file, delimiter=",")
    images = np.rint(rows[:, :-1].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    return Arrays(
        "scikit-learn's handwritten digits",
        images,
        names_of(rows[:, -1]),
        "Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998), UCI, CC BY 4.0",
    )


def mnist() -> Arrays:
    """5,000 handwritten digits of MNIST: 28×28, classes in turn."""
    with (resources.files("gankit_image.data") / "mnist.npz").open("rb") as file:
        data = np.load(file)
        return Arrays(
            "5,000 of MNIST's handwritten digits",
            data["image"][..., None],
            names_of(data["label"]),
            "MNIST (LeCun, Cortes and Burges 1998), CC BY-SA 3.0",
        )


def format_of(pixels: Pixels) -> PixelFormat:
    """The format of ``(..., H, W, C)``: four channels are RGBA in 8 bits, and bands otherwise."""
    channels = pixels.shape[-1]
    return PixelFormat.of(pixels, channels == 4 and pixels.dtype == np.uint8)


# --- Conversion to types of pixels ---------------------------------------------------------------


def as_stack(array: np.ndarray[Any, Any], where: str) -> Pixels:
    """``(N, H, W[, C])`` of any numbers as ``(N, H, W, C)`` with up to 16 channels.

    Channels may come first, see :func:`gankit_image.data.tiff.bands_first`. Numbers keep their
    values, except that whole ones from 0 to 255 become uint8, those to 65535 uint16, and floating
    point from 0 to 1 that is uint8 divided by 255 becomes uint8 again.

    Raises:
        GankitError: another shape, type or range.
    """
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim == 4 and bands_first(array.shape):
        array = np.moveaxis(array, 1, 3)
    if array.ndim != 4 or array.shape[3] > MOST_BANDS or 0 in array.shape:
        raise GankitError(
            f"{where}: shape {array.shape} is not (N, H, W) or (N, H, W, C)",
            f"C is 1 (grey), 3 (RGB), 4 (RGBA), or up to {MOST_BANDS} bands",
        )
    try:
        pixels = plain(array)
    except ValueError as error:
        raise GankitError(
            f"{where}: {error}", "Use uint8, uint16, int16 or float32 without gaps"
        ) from None
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels
    low, high = float(pixels.min()), float(pixels.max())
    if pixels.dtype.kind == "f":
        if low < 0 or high > 255:
            return pixels
        scale = 255 if high <= 1 else 1
        whole = np.rint(pixels * np.float32(scale))
        near = np.abs(pixels * np.float32(scale) - whole).max() < 1e-3
        return whole.astype(np.uint8) if near else pixels
    if low >= 0 and high <= 65535:
        return pixels.astype(np.uint8 if high <= 255 else np.uint16)
    return pixels
