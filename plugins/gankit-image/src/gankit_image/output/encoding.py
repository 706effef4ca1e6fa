"""One image as a file: PNG where it holds the pixels whole, TIFF otherwise; real ones as they
were."""

from __future__ import annotations

import io
import json

import numpy as np

from gankit.contract import Provenance, Sample
from gankit.kit.pictures import png
from gankit.kit.xmp import xmp_packet
from gankit_image.data.file_types import ENDINGS, HEAD, file_type
from gankit_image.data.images import Image
from gankit_image.data.pixels import PixelFormat, as_pillow

_XMP = 700
"""The TIFF tag of an XMP packet."""


def encode(sample: Sample[Image], provenance: Provenance) -> tuple[str, bytes]:
    """A file's ending and content. A real image that was read from a file is that file, byte for
    byte; a generated one is marked as synthetic, with its seed and condition."""
    image = sample.item
    if sample.real and image.original is not None:
        data = image.original()
        return _ending(image.name, data), data
    texts: dict[str, str] = {}
    if not sample.real:
        texts = {**provenance.text(), "Seed": str(sample.seed)}
        if sample.condition:
            texts["Condition"] = ", ".join(f"{k}={v}" for k, v in sample.condition.items())
    xmp = "" if sample.real else xmp_packet(provenance.text())
    if image.pixels.dtype == np.uint8 and not image.format.banded:
        return ".png", png(as_pillow(image.pixels), texts, xmp=xmp)
    if image.pixels.dtype == np.uint16 and image.pixels.shape[-1] == 1:
        return ".png", png(as_pillow(image.pixels), texts, xmp=xmp)
    return ".tiff", tiff(image, texts, xmp)


def tiff(image: Image, texts: dict[str, str], xmp: str) -> bytes:
    """A TIFF of any numbers and bands, compressed with Deflate; its description holds the texts as
    JSON."""
    import tifffile

    pixels, format = image.pixels, image.format
    extra = [] if format.channels in (1, 3) else ["unspecified"] * (format.channels - 1)
    packet = xmp.encode()
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        pixels[..., 0] if format.channels == 1 else pixels,
        photometric="rgb" if not format.banded and format.channels > 1 else "minisblack",
        planarconfig=None if format.channels == 1 else "contig",
        extrasamples=["unassalpha"] if _has_alpha(format) else extra or None,
        compression="zlib",
        description=json.dumps(texts) if texts else None,
        software=texts.get("Software", "").encode("ascii", "replace").decode() or None,
        metadata=None,
        extratags=[(_XMP, 1, len(packet), packet, True)] if packet else None,
    )
    return file.getvalue()


def _has_alpha(format: PixelFormat) -> bool:
    return format.channels == 4 and bool(format.alpha)


def _ending(name: str, data: bytes) -> str:
    """The file's own ending if it is one of its format's, and the format's first otherwise."""
    known = ENDINGS.get(file_type(data[:HEAD]), (".png",))
    own = f".{name.rpartition('.')[2]}"
    return own if own.lower() in known else known[0]
