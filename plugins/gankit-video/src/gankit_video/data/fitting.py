"""Frames of another size or mode in the form of the data set."""

from __future__ import annotations

import numpy as np
import PIL.Image
from PIL.Image import Resampling

from gankit.errors import GankitError
from gankit_video.data.items import Frames

GREY = np.array([0.299, 0.587, 0.114])
"""Luma of RGB (ITU-R BT.601)."""
SMALLEST, LARGEST = 8, 512
DEFAULT, LARGEST_AUTO = 64, 64


def size_of(resolution: int | str) -> tuple[int, int] | None:
    """The rows and columns of ``resolution``; None for auto.

    Raises:
        GankitError: it is none of the forms, or out of range.
    """
    text = str(resolution).lower().strip()
    if text == "auto":
        return None
    width, cross, height = text.replace("×", "x").partition("x")
    try:
        size = int(height if cross else width), int(width)
    except ValueError:
        raise GankitError(
            f"resolution={resolution}: not a size", 'Use 64, "64x48" (width, height) or auto'
        ) from None
    if min(size) < SMALLEST or max(size) > LARGEST:
        raise GankitError(
            f"resolution={resolution}: out of range", f"Use {SMALLEST} to {LARGEST} pixels"
        )
    return size


def within(size: tuple[int, int], target: tuple[int, int], how: str) -> tuple[int, int]:
    """The size to scale to before :func:`placed` crops or pads: rows and columns."""
    if how == "stretch" or size == target:
        return target
    scales = [t / s for t, s in zip(target, size, strict=True)]
    scale = max(scales) if how == "crop" else min(scales)
    limit = max if how == "crop" else min
    rows, columns = (limit(t, round(s * scale)) for t, s in zip(target, size, strict=True))
    return max(rows, 1), max(columns, 1)


def placed(frame: Frames, target: tuple[int, int]) -> Frames:
    """The centre of a frame (H, W, C), or the frame in the centre of black."""
    height, width = target
    if frame.shape[:2] == target:
        return frame
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    if top >= 0 and left >= 0:
        return frame[top : top + height, left : left + width]
    out = np.zeros((height, width, frame.shape[2]), np.uint8)
    out[-top : frame.shape[0] - top, -left : frame.shape[1] - left] = frame
    return out


def in_mode(frames: Frames, channels: int) -> Frames:
    """Frames (…, C) as grey (1) or RGB (3); transparency is blended onto white."""
    if frames.shape[-1] in (2, 4):
        alpha = frames[..., -1:] / 255
        frames = np.rint(frames[..., :-1] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    if frames.shape[-1] == channels:
        return frames
    if channels == 3:
        return frames.repeat(3, -1)
    grey: Frames = np.rint(frames @ GREY)[..., None].astype(np.uint8)
    return grey


def fitted(frames: Frames, target: tuple[int, int], channels: int, how: str) -> Frames:
    """Frames (T, H, W, C) as (T, *target, channels)."""
    frames = in_mode(frames, channels)
    size = (frames.shape[1], frames.shape[2])
    if size == target:
        return frames
    rows, columns = within(size, target, how)
    out = np.empty((len(frames), *target, channels), np.uint8)
    for i, frame in enumerate(frames):
        picture = PIL.Image.fromarray(frame[..., 0] if channels == 1 else frame)
        scaled = np.asarray(
            picture.resize(
                (columns, rows), Resampling.BOX if rows < size[0] else Resampling.BILINEAR
            )
        )
        out[i] = placed(scaled.reshape(rows, columns, channels), target)
    return out
