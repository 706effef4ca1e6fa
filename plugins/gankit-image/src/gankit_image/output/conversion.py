"""Images as arrays, tensors and Pillow images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gankit_image.codec.display import brightness
from gankit_image.data.images import Image
from gankit_image.data.pixels import as_pillow

if TYPE_CHECKING:
    from gankit_image.codec.image_codec import ImageCodec


def convert(items: Sequence[Image], to: str, codec: ImageCodec | None) -> Any:
    """Images of one size as an array ``(N, H, W, C)`` of the data's type, a tensor
    ``(N, C, H, W)`` of the same, or a list of Pillow images in 8 bits (16 for grey ones)."""
    if to == "pil":
        return [as_pillow(_drawable(item, codec)) for item in items]
    stack = np.stack([item.pixels for item in items]) if items else np.zeros((0, 0, 0, 0), np.uint8)
    if to == "numpy":
        return stack
    import torch

    return torch.from_numpy(np.ascontiguousarray(stack.transpose(0, 3, 1, 2)))


def _drawable(item: Image, codec: ImageCodec | None) -> np.ndarray[Any, Any]:
    """What Pillow can hold without loss, or else the picture that a preview shows."""
    pixels = item.pixels
    if pixels.dtype == np.uint8 and pixels.shape[-1] in (1, 3, 4) and not item.bands:
        return pixels
    if pixels.dtype == np.uint16 and pixels.shape[-1] == 1:
        return pixels
    return np.rint(brightness(item, codec)).astype(np.uint8)
