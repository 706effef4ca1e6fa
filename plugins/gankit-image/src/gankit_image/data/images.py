"""The item of this modality: one image, in memory or decoded at first access."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, overload

if TYPE_CHECKING:
    import numpy as np

    from gankit_image.data.pixels import PixelFormat
    from gankit_image.data.pixels import Pixels as Pixels

    Span: TypeAlias = tuple[Sequence[float], Sequence[float]]
    Extent: TypeAlias = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@dataclass(frozen=True, eq=False)
class Image:
    """An image with its class.

    Attributes:
        pixels: ``(H, W, C)``, uint8, uint16, int16, int32, uint32 or float32; C is 1 (grey), 3
            (RGB), 4 (RGB and alpha, not premultiplied), or up to 16 bands.
        label: the class, or a number as text, or None.
        name: the path inside the data set, or the row.
        bands: whether four channels are bands, and the last one not alpha.
        original: reads the file that the image was decoded from.
        span: the lowest and highest value of each channel in its data set.
    """

    pixels: Pixels = field(repr=False)
    label: str | None = None
    name: str = ""
    bands: bool = False
    original: Callable[[], bytes] | None = field(default=None, repr=False)
    span: Span | None = field(default=None, repr=False)

    @property
    def format(self) -> PixelFormat:
        from gankit_image.data.pixels import PixelFormat

        return PixelFormat.of(self.pixels, False if self.bands else None)

    @cached_property
    def extent(self) -> Extent:
        """The lowest and the highest value of each channel."""
        return extent(self.pixels)


def extent(pixels: Pixels) -> Extent:
    """The lowest and the highest value of each channel of ``(H, W, C)``, as floats (C,)."""
    return pixels.min((0, 1)).astype(float), pixels.max((0, 1)).astype(float)


class DeferredImage(Image):
    """An image whose pixels are loaded at first access, so that its label costs nothing."""

    def __init__(
        self,
        load: Callable[[], Pixels],
        label: str | None,
        name: str,
        bands: bool = False,
        original: Callable[[], bytes] | None = None,
        extent: Extent | None = None,
        span: Span | None = None,
    ) -> None:
        given: dict[str, Any] = {
            "label": label,
            "name": name,
            "bands": bands,
            "original": original,
            "span": span,
        }
        given["_load"] = load
        for key, value in given.items():
            object.__setattr__(self, key, value)
        if extent is not None:
            self.__dict__["extent"] = extent

    @cached_property
    def pixels(self) -> Pixels:
        load: Callable[[], Pixels] = self.__dict__["_load"]
        return load()


class Images(Sequence[Image]):
    """``count`` images, each created at access."""

    def __init__(self, count: int, make: Callable[[int], Image]) -> None:
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> list[Image]: ...
    def __getitem__(self, index: int | slice) -> Image | list[Image]:
        if isinstance(index, slice):
            return [self._make(i) for i in range(self._count)[index]]
        return self._make(range(self._count)[index])
