"""The item of this modality: one image, in memory or decoded at first access."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, overload

if TYPE_CHECKING:
    import numpy as np

    Pixels: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Image:
    """An image with its class.

    Attributes:
        pixels: ``(H, W, C)``, uint8 or uint16; C is 1 (grey), 3 (RGB) or 4 (RGB and alpha, not
            premultiplied).
        label: the class, or None.
        name: the path inside the data set, or the row.
    """

    pixels: Pixels = field(repr=False)
    label: str | None = None
    name: str = ""


class DeferredImage(Image):
    """An image whose pixels are loaded at first access, so that its label costs nothing."""

    def __init__(self, load: Callable[[], Pixels], label: str | None, name: str) -> None:
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "_load", load)

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
