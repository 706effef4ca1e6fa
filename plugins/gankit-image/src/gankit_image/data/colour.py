"""Colours with a profile or in another colour space, as sRGB."""

from __future__ import annotations

import io
import threading
from functools import lru_cache
from typing import Any

import PIL.Image
from PIL import ImageCms

_lock = threading.Lock()


def foreign_profile(image: PIL.Image.Image) -> str | None:
    """The name of an image's colour profile if it is another than sRGB's and can be applied."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return None
    return _transform(bytes(profile), image.mode)[0]


def to_srgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """The image with its colours in sRGB: LAB, and RGB or CMYK with a profile; others as they
    are. Grey and palettes keep their numbers."""
    if image.mode == "LAB":
        converted = ImageCms.applyTransform(image, _from_lab())
        assert converted is not None
        return converted
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    name, transform = _transform(bytes(profile), image.mode)
    if name is None or transform is None:
        return image
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    opaque = image.convert("RGB") if alpha is not None else image
    converted = ImageCms.applyTransform(opaque, transform)
    assert converted is not None
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> tuple[str | None, Any]:
    """The profile's name and its transform to sRGB; nothing for sRGB or a damaged profile."""
    try:
        with _lock:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            name = " ".join((ImageCms.getProfileDescription(source) or "another profile").split())
            if "srgb" in name.lower() or "iec61966-2" in name.lower():
                return None, None
            made = ImageCms.buildTransform(
                source, ImageCms.createProfile("sRGB"), "CMYK" if mode == "CMYK" else "RGB", "RGB"
            )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None, None
    return name, made


@lru_cache(maxsize=1)
def _from_lab() -> Any:
    with _lock:
        return ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
