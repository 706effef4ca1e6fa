"""Small images, on disk and in memory, for the image plugin's tests."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from gankit.contract import Dataset
from gankit_image.data import sources
from gankit_image.data.images import Image
from gankit_image.settings import ImageSettings

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
