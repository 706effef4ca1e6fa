"""The networks' output as pixels: for decoding, and as a part of exported graphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from gankit_image.data.pixels import PixelFormat


class ToPixels(nn.Module):
    """``x (N, C, H, W)`` in [-1, 1] to ``(N, H, W, C)`` in the data's units, rounded for integers
    and clamped to the range.

    Integers of more than 8 bits are int32 or int64, which more programs compute with than with
    uint16 and uint32.

    Args:
        low, high: of each channel.
        plain: whether values are 8 bits from 0 to 255.
    """

    def __init__(
        self, format: PixelFormat, low: Sequence[float], high: Sequence[float], plain: bool
    ) -> None:
        super().__init__()
        self.plain = plain
        self.limits: tuple[int, int] | None = None
        self.numbers = torch.float32
        if format.kind != "f":
            info = np.iinfo(format.dtype)
            self.limits = int(info.min), int(info.max)
            wide = torch.int64 if self.limits[1] >= 2**31 else torch.int32
            self.numbers = torch.uint8 if format.dtype == np.uint8 else wide
        self.low: Tensor
        self.reach: Tensor
        bottom, top = (torch.tensor(values, dtype=torch.float64) for values in (low, high))
        self.register_buffer("low", bottom, persistent=False)
        self.register_buffer("reach", (top - bottom) / 2, persistent=False)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        if self.plain:
            return ((x + 1) * 127.5).round().clamp(0, 255).permute(0, 2, 3, 1).to(self.numbers)
        values = (x.clamp(-1, 1).permute(0, 2, 3, 1).double() + 1) * self.reach + self.low
        if self.limits is not None:  # the user's limits of the range need not be integers
            values = values.round().clamp(*self.limits)
        return values.to(self.numbers)
