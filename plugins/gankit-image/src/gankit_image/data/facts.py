"""What the images of a data set are, in words: formats, sizes, modes, values, doubts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gankit_image.data.images import Image
from gankit_image.data.pixels import PixelFormat

if TYPE_CHECKING:
    from gankit_image.data.decoding import Probed
    from gankit_image.settings import ImageSettings

_MOST = 4
"""Kinds that are named one by one."""
_SAMPLE = 256
"""Images whose values are looked at for outliers."""
_DARK = 63
"""8-bit values of no more than this are levels of another scale (0 to 16, numbers of classes)."""
_WIDE = 8
"""So many times wider than its middle 99.8 % is the range of values when a few carry it."""


class Survey:
    """Counts what images are.

    Usage: :meth:`add` each image that is used, then ask for :meth:`facts` and :meth:`warnings`.
    """

    def __init__(self) -> None:
        self.formats: Counter[PixelFormat] = Counter()
        self.files: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.remark = ""
        """On all images together."""

    def add(self, found: Probed | PixelFormat, count: int = 1) -> None:
        """Counts an image by its header, or several alike in memory by their format."""
        if isinstance(found, PixelFormat):
            self.formats[found] += count
            return
        self.formats[found.format] += count
        self.files[found.file] += count
        self.notes.update(found.notes)

    def facts(
        self, items: Sequence[Image], target: PixelFormat, settings: ImageSettings
    ) -> dict[str, str]:
        """A short name and a line for each; no values of single images."""
        found = {"files": _listed(self.files)} if self.files else {}
        found["pixels"] = f"{self._sizes()}; {_listed(self._modes())}"
        if self.remark:
            found["numbers"] = self.remark
        found["used as"] = f"{target}{self._fitted(target, settings)}"
        whole = items[0].span == _whole(target.channels)
        if target.dtype != np.uint8 or settings.value_range or not whole:
            found["values"] = _values(items, target, settings)
        if target.alpha:
            found["transparency"] = "kept as a fourth channel; mode=RGB blends it onto white"
        elif any(f.alpha for f in self.formats) and not target.banded:
            found["transparency"] = "blended onto white"
        return found

    def warnings(
        self, items: Sequence[Image], target: PixelFormat, settings: ImageSettings
    ) -> list[str]:
        """Doubts, one sentence each with what to do."""
        total = self.formats.total()
        warnings = [
            f"{count:,} {'image' if count == 1 else 'images'}: {note}."
            for note, count in sorted(self.notes.items())
        ]
        kinds = self._modes()
        if len(kinds) > 1 and not target.banded:
            warnings.append(
                f"images of several kinds ({_listed(kinds)}) all become {_kind(target)}: "
                "set mode or depth to choose another kind."
            )
        small = self._count(lambda f: max(f.height, f.width) * 2 <= max(target.shape[:2]))
        if small:
            warnings.append(
                f"{small:,} of {total:,} images are enlarged twofold or more: "
                "set a smaller resolution, or leave them out."
            )
        if settings.depth == "8" and self._count(lambda f: f.bits == 16):
            levels = len(np.unique(np.concatenate([i.pixels.ravel() for i in _some(items, 16)])))
            warnings.append(
                f"depth=8 divides values of 16 bits by 257, which leaves {levels} grey levels in "
                "the first images: remove depth to keep them all."
            )
        if target.dtype != np.uint8 and not settings.value_range and len(items):
            warnings += _outliers(items, target)
        return warnings

    def _count(self, test: Callable[[PixelFormat], bool]) -> int:
        return sum(count for format, count in self.formats.items() if test(format))

    def _modes(self) -> Counter[str]:
        modes: Counter[str] = Counter()
        for format, count in self.formats.items():
            modes[_kind(format)] += count
        return modes

    def _sizes(self) -> str:
        sizes: Counter[tuple[int, int]] = Counter()
        for format, count in self.formats.items():
            sizes[format.width, format.height] += count
        if len(sizes) <= _MOST:
            return _listed(Counter({f"{w}×{h}": n for (w, h), n in sizes.items()}))
        widths, heights = zip(*sizes, strict=True)
        return (
            f"{len(sizes):,} sizes, {min(widths)} to {max(widths)} wide and "
            f"{min(heights)} to {max(heights)} high"
        )

    def _fitted(self, target: PixelFormat, settings: ImageSettings) -> str:
        resized = [f for f in self.formats if (f.height, f.width) != (target.height, target.width)]
        if not resized:
            return ""
        if all(f.height * target.width == f.width * target.height for f in resized):
            return ", resized"
        how = {
            "crop": "cropped to the centre",
            "pad": "padded by repeating the edge",
            "stretch": "stretched",
        }[settings.fit]
        return f", resized; other aspect ratios are {how}"


def value_range(
    items: Iterable[Image], format: PixelFormat, settings: ImageSettings
) -> tuple[list[float], list[float]]:
    """The lowest and highest value of each channel, which become −1 and 1.

    Unsigned integers of 8 bits use their whole range, unless all are small. Others use the data's:
    colours and alpha a range in common, bands one each.
    """
    channels = format.channels
    if settings.value_range:
        low, high = settings.value_range
        return [float(low)] * channels, [float(high)] * channels
    eight = format.dtype == np.uint8
    if eight and format.alpha:
        return _whole(channels)
    lows, highs = np.full(channels, np.inf), np.full(channels, -np.inf)
    for item in items:
        low_each, high_each = item.extent
        if eight and high_each.max() > _DARK:  # the first picture with a brighter spot ends it
            return _whole(channels)
        lows, highs = np.minimum(lows, low_each), np.maximum(highs, high_each)
    if eight and not highs.max() > 0:
        return _whole(channels)
    if not format.banded:
        colours = slice(0, 3) if format.alpha else slice(None)
        lows[colours], highs[colours] = lows[colours].min(), highs[colours].max()
        if format.alpha:
            lows[3], highs[3] = 0, format.peak
    lows = np.where(highs > lows, lows, np.minimum(lows, 0))  # constant
    highs = np.where(highs > lows, highs, lows + 1)
    return lows.tolist(), highs.tolist()


def _whole(channels: int) -> tuple[list[float], list[float]]:
    return [0.0] * channels, [255.0] * channels


def _values(items: Sequence[Image], target: PixelFormat, settings: ImageSettings) -> str:
    if settings.value_range:
        low, high = settings.value_range
        return f"{low:g}…{high:g}, as value_range says, scaled to [-1, 1]; others are clipped"
    lows, highs = items[0].span or value_range(items, target, settings)
    if target.banded and target.channels > 1:
        return f"{min(lows):g}…{max(highs):g}, each band scaled from its own range to [-1, 1]"
    return f"{lows[0]:g}…{highs[0]:g}, scaled to [-1, 1]"


def _outliers(items: Sequence[Image], target: PixelFormat) -> list[str]:
    """A warning where a few values carry the range."""
    some = _some(items, _SAMPLE)
    each = max(1, some[0].pixels[..., 0].size // 4096)
    warnings = []
    for band in range(target.channels if target.banded else 1):
        values = np.concatenate([item.pixels[..., band].ravel()[::each] for item in some])
        low, high = np.quantile(values, [0.001, 0.999])
        lowest = min(item.extent[0][band] for item in some)
        highest = max(item.extent[1][band] for item in some)
        if highest - lowest > _WIDE * max(high - low, 1e-12) and high > low:
            where = f"In band {band + 1}, 99.8" if target.banded else "99.8"
            warnings.append(
                f"{where} % of the values are from {low:g} to {high:g}, but the range is "
                f"{lowest:g} to {highest:g}: set value_range=[{low:g},{high:g}] to clip the others."
            )
    return warnings


def _some(items: Sequence[Image], count: int) -> list[Image]:
    return [items[i] for i in range(0, len(items), max(1, len(items) // count))][:count]


def _kind(format: PixelFormat) -> str:
    return format.mode + (f" {format.depth}" if format.depth else "")


def _listed(counts: Mapping[str, int]) -> str:
    order = sorted(counts, key=lambda kind: -counts[kind])
    named = ", ".join(f"{kind} ({counts[kind]:,})" for kind in order[:_MOST])
    rest = len(order) - _MOST
    return named + (f" and {rest} more {'kind' if rest == 1 else 'kinds'}" if rest > 0 else "")
