"""Single images, to be reconstructed: as they are, each in its own size and mode."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

from gankit.contract import Dataset
from gankit.errors import GankitError
from gankit.kit.archives import UnreadableError
from gankit.kit.folders import fingerprint, no_such_path, printable
from gankit_image.data import arrays
from gankit_image.data.arrays import Arrays
from gankit_image.data.containers import Entry, labels_from_names
from gankit_image.data.decoding import UndecodableError, decode, probe
from gankit_image.data.images import Image
from gankit_image.data.locate import locate, no_images
from gankit_image.data.pixels import SUFFIXES

if TYPE_CHECKING:
    from gankit_image.settings import ImageSettings


def read_items(source: object, settings: ImageSettings) -> Dataset[Image]:
    """The images of a file, a folder, an array or a Pillow image; one is enough.

    Raises:
        GankitError: there are none, or one cannot be read.
    """
    if isinstance(source, str | Path):
        images = _of_path(Path(source), settings)
    else:
        images = _of_memory(source, settings)
    names = (f"{image.name}\0{image.pixels.tobytes().hex()}" for image in images)
    return Dataset(images, fingerprint(names), f"{len(images)} images")


def _of_path(path: Path, settings: ImageSettings) -> list[Image]:
    if not path.exists():
        raise no_such_path(path)
    if path.is_file() and path.name.lower().endswith(SUFFIXES):
        return [_image(Entry(path.name, None, lambda: path.open("rb")), settings)]
    found = locate(path, settings)
    if isinstance(found, Arrays):
        return _of_arrays(found)
    if not found.entries:
        raise no_images(path, (), found.notes)
    return [_image(entry, settings) for entry in labels_from_names(found, settings).entries]


def _image(entry: Entry, settings: ImageSettings) -> Image:
    try:
        with entry.open() as file:
            format = probe(file, settings.max_pixels, entry.name).format
            file.seek(0)
            pixels = decode(file.read(), settings.max_pixels)
    except (UnreadableError, UndecodableError, OSError) as error:
        name = printable(entry.name)
        raise GankitError(f"{name}: {printable(str(error))}", "Give images that open") from None
    return Image(pixels, entry.label, entry.name, format.channels == 4 and not format.alpha)


def _of_memory(source: object, settings: ImageSettings) -> list[Image]:
    if isinstance(source, Image):
        return [source]
    if isinstance(source, Sequence) and source and all(isinstance(one, Image) for one in source):
        return list(source)
    given: Any = [source] if _is_one(source) else source
    return _of_arrays(arrays.memory(given, settings.image_key, settings.label_key))


def _is_one(source: object) -> bool:
    """Whether an object is one image: a Pillow image, or an array (H, W) or (H, W, 1, 3 or 4)."""
    if isinstance(source, PIL.Image.Image):
        return True
    shape: tuple[int, ...] = getattr(source, "shape", ())
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))


def _of_arrays(found: Arrays) -> list[Image]:
    if not len(found.images):
        raise GankitError("there are no images", "Give one or more")
    return [
        Image(np.ascontiguousarray(pixels), label, str(i))
        for i, (pixels, label) in enumerate(zip(found.images, found.labels, strict=True))
    ]
