"""Images of any size for networks that double their resolution stage by stage."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Canvas:
    """A coarse grid that reaches at least the image's size after some doublings.

    A square whose side is a power of two starts from 4×4 and needs neither padding nor cropping;
    28×28 starts from 7×7; 33×50 starts from 5×7, is computed at 40×56 and cropped.
    """

    height: int
    width: int
    base: tuple[int, int]
    """Rows and columns of the coarsest grid; the smaller is 4 to 7 for images of 8×8 and more."""
    doublings: int

    @classmethod
    def of(cls, height: int, width: int, at_least: int = 0) -> Canvas:
        """The canvas with the fewest doublings, but at least ``at_least``, whose base has a side
        below 8."""
        doublings = at_least
        while -(-min(height, width) // 2**doublings) >= 8:
            doublings += 1
        step: int = 2**doublings
        return cls(height, width, (-(-height // step), -(-width // step)), doublings)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns at full resolution."""
        return self.base[0] << self.doublings, self.base[1] << self.doublings

    @property
    def _before(self) -> tuple[int, int]:
        return (self.size[0] - self.height) // 2, (self.size[1] - self.width) // 2

    def crop(self, x: Tensor) -> Tensor:
        """The centre (N, C, height, width) of ``x`` (N, C, *size)."""
        if self.size == (self.height, self.width):
            return x
        top, left = self._before
        return x[:, :, top : top + self.height, left : left + self.width]

    def pad(self, x: Tensor) -> Tensor:
        """``x`` (N, C, height, width) with its border pixels repeated up to (N, C, *size)."""
        if self.size == (self.height, self.width):
            return x
        top, left = self._before
        bottom, right = self.size[0] - self.height - top, self.size[1] - self.width - left
        return F.pad(x, (left, right, top, bottom), mode="replicate")
