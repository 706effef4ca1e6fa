"""Folders of frames: each folder with pictures is a video, its frames in the order of their
names."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import PIL.Image
import PIL.ImageOps

from gankit.kit.archives import UnreadableError
from gankit.kit.folders import natural_key, printable
from gankit.kit.trees import FileTree
from gankit_video.data.fitting import fitted, in_mode
from gankit_video.data.items import Frames
from gankit_video.data.videos import Decoded, Plan, Probed, UndecodableError, too_large

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
FPS = 12.0
"""At which frames play whose rate nobody states."""
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, PIL.Image.DecompressionBombError)


@dataclass(frozen=True)
class Stills:
    """A folder of frames."""

    tree: FileTree
    name: str
    files: Sequence[str]

    def probe(self, max_pixels: int) -> Probed:
        with _opened(self._read(self.files[0]), self.files[0]) as picture:
            turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            size = picture.size if turned else picture.size[::-1]
            too_large(size, max_pixels)
            if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
                raise UndecodableError("frames of more than 8 bits: save them with 8")
            alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
            return Probed(size, ["transparency blended onto white"] if alpha else [])

    def decode(self, plan: Plan) -> Decoded:
        frames, digest = [], hashlib.sha256()
        for name in self.files[:: plan.stride][: plan.most]:
            data = self._read(name)
            digest.update(data)
            with _opened(data, name) as picture:
                frames.append(_pixels(picture, name, plan))
        said = [] if plan.fps else [f"no frame rate: {FPS:g} per second assumed (fps states it)"]
        return Decoded(np.stack(frames), (plan.fps or FPS) / plan.stride, digest.hexdigest(), said)

    def _read(self, name: str) -> bytes:
        try:
            return self.tree.read(name)
        except UnreadableError as error:
            raise UndecodableError(f"{_base(name)}: {error}") from None


def _opened(data: bytes, name: str) -> PIL.Image.Image:
    try:
        return PIL.Image.open(io.BytesIO(data))
    except PIL.UnidentifiedImageError:
        raise UndecodableError(f"{_base(name)}: not a picture") from None
    except _BROKEN as error:
        raise UndecodableError(f"{_base(name)}: {printable(str(error))}") from None


def _pixels(picture: PIL.Image.Image, name: str, plan: Plan) -> Frames:
    try:
        upright = PIL.ImageOps.exif_transpose(picture)
        alpha = "transparency" in upright.info or upright.mode in ("RGBA", "LA", "PA")
        pixels: Frames = np.asarray(upright.convert("RGBA" if alpha else "RGB"))
    except _BROKEN as error:
        raise UndecodableError(f"{_base(name)}: {printable(str(error))}") from None
    channels = plan.channels or 3
    found = fitted(in_mode(pixels, channels)[None], plan.size, channels, plan.how)
    first: Frames = found[0]
    return first


def _base(name: str) -> str:
    return printable(name.rpartition("/")[2])


def by_folder(names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The pictures of each folder in the natural order of their names; the top is ``""``."""
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    for folder, files in folders.items():
        yield folder, sorted(files, key=natural_key)
