"""Formats of images, the choice of one for a data set, and conversion to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import PIL.Image

from gankit.errors import GankitError
from gankit_image.recognising import ENDINGS, UNREAD

if TYPE_CHECKING:
    from gankit_image.settings import ImageSettings

Pixels: TypeAlias = np.ndarray[Any, Any]
T = TypeVar("T")

SUFFIXES = (*ENDINGS, *UNREAD)
"""File extensions of images. What a file is, its first bytes decide."""

SMALLEST, LARGEST = 4, 4096
"""Range of a side, in pixels."""
AUTO_SIDE = 64
"""What ``resolution="auto"`` uses for images of several sizes, and for large ones."""
MOST_BANDS = 16

CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
MODES = {channels: mode for mode, channels in CHANNELS.items()}
KINDS = {"u": "unsigned", "i": "signed", "f": "floating point"}


@dataclass(frozen=True)
class PixelFormat:
    """Size, channels and number type of an image."""

    height: int
    width: int
    channels: int
    """1 is grey, 3 is RGB, 4 is RGB and alpha unless ``alpha`` is false; otherwise bands."""
    bits: int = 8
    """8, 16 or 32 per channel."""
    kind: str = "u"
    """``u`` for unsigned integers, ``i`` for signed ones, ``f`` for floating point."""
    alpha: bool | None = None
    """Whether the last channel is transparency; by default it is in four channels."""
    select: tuple[int, ...] = ()
    """The source's bands that become these channels, from 0; all by default."""

    def __post_init__(self) -> None:
        if self.alpha is None:
            object.__setattr__(self, "alpha", self.channels == 4)

    @classmethod
    def of(cls, pixels: Pixels, alpha: bool | None = None) -> PixelFormat:
        """The format of ``(..., H, W, C)``."""
        height, width, channels = pixels.shape[-3:]
        return cls(height, width, channels, 8 * pixels.dtype.itemsize, pixels.dtype.kind, alpha)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(f"{self.kind}{self.bits // 8}")

    @property
    def peak(self) -> int:
        """The value of full brightness, for unsigned integers."""
        return int(2**self.bits) - 1

    @property
    def nbytes(self) -> int:
        return self.height * self.width * self.channels * self.bits // 8

    @property
    def banded(self) -> bool:
        """Whether the channels are bands, and neither grey, RGB nor RGBA."""
        return self.channels not in MODES or (self.channels == 4 and not self.alpha)

    @property
    def mode(self) -> str:
        """``L``, ``RGB``, ``RGBA``, or the number of bands."""
        return f"{self.channels} bands" if self.banded else MODES[self.channels]

    @property
    def depth(self) -> str:
        """The number type in words; empty for 8 bits."""
        if self.kind == "u" and self.bits <= 16:
            return "16 bit" if self.bits == 16 else ""
        return f"{self.bits} bit {KINDS[self.kind]}"

    def __str__(self) -> str:
        depth = f", {self.depth}" if self.depth else ""
        return f"{self.width}×{self.height} {self.mode}{depth}"


# --- Choosing one format for all ----------------------------------------------------------------


def choose(found: Collection[PixelFormat], settings: ImageSettings) -> PixelFormat:
    """The format to which all images of a data set are converted.

    Raises:
        GankitError: ``resolution`` is malformed or out of range; images whose bands or number
            types cannot be combined; a ``mode``, ``depth`` or ``bands`` that does not fit them.
    """
    _check(settings)
    height, width = _resolution(settings.resolution) or _own_size(found, settings.max_resolution)
    bits, kind = _depth(found, settings)
    if any(f.banded for f in found) or settings.bands:
        channels, alpha, select = _bands(found, settings)
        return PixelFormat(height, width, channels, bits, kind, alpha, select)
    if settings.mode == "auto":
        channels = max(f.channels for f in found)
    else:
        channels = CHANNELS[settings.mode]
    if kind != "u" and channels == 4:
        raise GankitError(
            f"images with transparency and images of {bits} bit {KINDS[kind]} numbers",
            "Give one kind of images",
        )
    return PixelFormat(height, width, channels, bits, kind)


def stray(formats: Mapping[T, PixelFormat]) -> dict[T, str]:
    """The few images that cannot be combined with the others, and why; nothing where they are more
    than a tenth, so that :func:`choose` refuses them."""
    groups = Counter(map(_group, formats.values()))
    if len(groups) < 2:
        return {}
    most, count = groups.most_common(1)[0]
    if len(formats) - count > max(1, len(formats) // 10):
        return {}
    usual = next(f for f in formats.values() if _group(f) == most)
    return {
        key: f"{_words(f)}, which cannot be combined with the others' {_words(usual)}"
        for key, f in formats.items()
        if _group(f) != most
    }


def _group(format: PixelFormat) -> tuple[bool, int]:
    brightness = format.kind == "u" and format.bits <= 16
    return brightness, format.channels if format.banded else 0


def _words(format: PixelFormat) -> str:
    return f"{format.mode} of {format.dtype.name} numbers"


def _check(settings: ImageSettings) -> None:
    span, shown = settings.value_range, settings.preview_bands
    if span and (len(span) != 2 or span[0] >= span[1]):
        raise GankitError(
            f"value_range={list(span)}: not a lowest and a highest value",
            "Use two numbers, as value_range=[0,4095], or remove it",
        )
    if len(shown) not in (0, 1, 3):
        raise GankitError(
            f"preview_bands={list(shown)}: {len(shown)} bands",
            "Use three, shown as red, green and blue, or one",
        )


def _bands(
    found: Collection[PixelFormat], settings: ImageSettings
) -> tuple[int, bool, tuple[int, ...]]:
    """Channels, whether the last one is alpha, and which of the source's bands they are."""
    counts = sorted({f.channels for f in found})
    if len(counts) > 1:
        raise GankitError(
            f"images of {', '.join(map(str, counts[:-1]))} and of {counts[-1]} bands",
            "Give images with the same bands, or each kind in a data set of its own",
        )
    (count,) = counts
    if settings.mode != "auto":
        raise GankitError(
            f"mode={settings.mode}: the images have {count} bands",
            "Remove mode; choose bands with bands=[3,2,1]",
        )
    if count > MOST_BANDS and not settings.bands:
        raise GankitError(
            f"images of {count} bands, and at most {MOST_BANDS} can be trained on",
            "Choose some with bands=[1,2,3]",
        )
    wrong = [band for band in settings.bands if not 1 <= band <= count]
    if wrong or len(settings.bands) > MOST_BANDS:
        raise GankitError(
            f"bands={list(settings.bands)}: the images have {count} bands",
            f"Choose up to {MOST_BANDS}, numbered 1 to {count}",
        )
    select = tuple(band - 1 for band in settings.bands)
    return len(select) or count, False, select


def _depth(found: Collection[PixelFormat], settings: ImageSettings) -> tuple[int, str]:
    """Bits and kind of the numbers that hold those of all images."""
    types = {f.dtype for f in found}
    names = sorted(t.name for t in types)
    if all(t.kind == "u" and t.itemsize <= 2 for t in types):
        if settings.depth != "auto":
            return int(settings.depth), "u"
        return 8 * max(t.itemsize for t in types), "u"
    if np.dtype(np.uint8) in types:
        raise GankitError(
            f"images of {' and of '.join(names)} numbers have no scale in common",
            "Give one kind of images, or each in a data set of its own",
        )
    if settings.depth != "auto":
        raise GankitError(
            f"depth={settings.depth}: the images hold {' and '.join(names)} numbers",
            "Remove depth: their own range is kept",
        )
    common = np.result_type(*types)
    return 8 * min(common.itemsize, 4), common.kind


def _resolution(value: int | str) -> tuple[int, int] | None:
    """Height and width of the setting; None for auto."""
    if value == "auto":
        return None
    sides = str(value).lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.strip().isdecimal() for side in sides):
        raise GankitError(
            f"resolution={value}: not a size",
            'Use a side in pixels (64), "WIDTHxHEIGHT", or auto',
        )
    width, height = int(sides[0]), int(sides[-1])
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise GankitError(
            f"resolution={value}: out of range", f"A side has {SMALLEST} to {LARGEST} pixels"
        )
    return height, width


def _own_size(found: Collection[PixelFormat], largest: int) -> tuple[int, int]:
    sizes = {(f.height, f.width) for f in found}
    if len(sizes) == 1:
        height, width = sizes.pop()
        if min(height, width) >= SMALLEST and max(height, width) <= largest:
            return height, width
    return (min(AUTO_SIDE, largest),) * 2


# --- Conversion ---------------------------------------------------------------------------------


def fit(pixels: Pixels, target: PixelFormat, how: str = "crop") -> Pixels:
    """``(H, W, C)`` in the target's size, channels and depth.

    Args:
        how: for another aspect ratio: ``crop`` the centre, ``pad`` by repeating the edge, or
            ``stretch``.
    """
    if target.select:
        pixels = np.ascontiguousarray(pixels[..., list(target.select)])
    if pixels.shape == target.shape and pixels.dtype == target.dtype:
        return pixels
    pixels = convert(pixels, target)
    if pixels.shape == target.shape:
        return pixels
    height, width = pixels.shape[:2]
    alpha = bool(target.alpha)
    if how == "crop":
        scale = min(height / target.height, width / target.width)
        h, w = target.height * scale, target.width * scale
        top, left = (height - h) / 2, (width - w) / 2
        box = (left, top, left + w, top + h)
        return _resize(pixels, target.height, target.width, box, alpha)
    if how == "stretch":
        return _resize(pixels, target.height, target.width, (0, 0, width, height), alpha)
    scale = max(height / target.height, width / target.width)
    h = min(max(round(height / scale), 1), target.height)
    w = min(max(round(width / scale), 1), target.width)
    top, left = (target.height - h) // 2, (target.width - w) // 2
    inner = _resize(pixels, h, w, (0, 0, width, height), alpha)
    margins = ((top, target.height - h - top), (left, target.width - w - left), (0, 0))
    return np.pad(inner, margins, mode="edge")


def convert(pixels: Pixels, target: PixelFormat) -> Pixels:
    """``(..., H, W, C)`` in the target's channels and depth; the size is kept.

    Transparency is blended onto white if the target has none; grey is ITU-R BT.601 luma. Unsigned
    integers of 8 and 16 bits are brightnesses, so that 255 becomes 65535; others keep their value.
    """
    if not target.banded and pixels.shape[-1] != target.channels:
        pixels = _convert_channels(pixels, target)
    if pixels.dtype == target.dtype:
        return pixels
    brightness = pixels.dtype.kind == target.kind == "u" and target.bits <= 16
    if brightness and pixels.dtype.itemsize == 2:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if brightness and pixels.dtype.itemsize == 1:
        return pixels.astype(np.uint16) * np.uint16(257)
    return pixels.astype(target.dtype)


def _convert_channels(pixels: Pixels, target: PixelFormat) -> Pixels:
    channels, integers = pixels.shape[-1], pixels.dtype.kind == "u"
    if channels == 4 and target.channels < 4:
        peak = np.uint64(np.iinfo(pixels.dtype).max)
        alpha = pixels[..., 3:].astype(np.uint64)
        over_white = pixels[..., :3] * alpha + peak * (peak - alpha)
        pixels = ((over_white + peak // np.uint64(2)) // peak).astype(pixels.dtype)
        channels = 3
    if channels == 3 and target.channels == 1:
        if integers and pixels.dtype.itemsize <= 2:
            weights = np.array([19595, 38470, 7471], np.uint32)  # 0.299, 0.587, 0.114 of 2^16
            luma = (pixels * weights).sum(-1, dtype=np.uint64, keepdims=True) + 32768 >> 16
        else:
            luma = (pixels @ np.array([0.299, 0.587, 0.114]))[..., None]
            luma = luma if pixels.dtype.kind == "f" else np.rint(luma)
        pixels = luma.astype(pixels.dtype)
    if channels == 1 and target.channels >= 3:
        pixels = np.repeat(pixels, 3, axis=-1)
    if pixels.shape[-1] == 3 and target.channels == 4:
        opaque = np.full((*pixels.shape[:-1], 1), np.iinfo(pixels.dtype).max, pixels.dtype)
        pixels = np.concatenate([pixels, opaque], axis=-1)
    return pixels


def _resize(
    pixels: Pixels, height: int, width: int, box: tuple[float, float, float, float], alpha: bool
) -> Pixels:
    """Lanczos resampling of the box (left, top, right, bottom) to ``(height, width, C)``.

    Alpha is multiplied in before, so that colours of transparent pixels do not bleed.
    """
    size, lanczos = (width, height), PIL.Image.Resampling.LANCZOS
    channels = pixels.shape[-1]
    if pixels.dtype == np.uint8 and (channels in (1, 3) or (channels == 4 and alpha)):
        resized = as_pillow(pixels).resize(size, lanczos, box)
        return np.asarray(resized).reshape(height, width, -1)

    def resample(plane: Pixels) -> Pixels:
        image = PIL.Image.fromarray(np.ascontiguousarray(plane, np.float32))
        return np.asarray(image.resize(size, lanczos, box))

    planes = np.moveaxis(pixels, -1, 0)
    if alpha and channels == 4:
        cover = planes[3].astype(np.float32)
        resized_cover = resample(cover)
        divisor = np.maximum(resized_cover, 1e-6)
        values = [resample(plane * cover) / divisor for plane in planes[:3]] + [resized_cover]
    else:
        values = [resample(plane) for plane in planes]
    # Lanczos overshoots: no value leaves the range that the picture had.
    kept = [v.clip(p.min(), p.max()) for v, p in zip(values, planes, strict=True)]
    stack: Pixels = np.stack(kept, axis=-1)
    return (stack if pixels.dtype.kind == "f" else np.rint(stack)).astype(pixels.dtype)


def as_pillow(pixels: Pixels) -> PIL.Image.Image:
    """``(H, W, C)`` as a Pillow image."""
    return PIL.Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
