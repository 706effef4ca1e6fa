"""Small clips that move, for tests."""

from __future__ import annotations

from typing import Any

import av
import numpy as np

TINY = {"frames": 6, "width": [8], "latent": 8, "motion": 4, "embedding": 8, "frames_judged": 2}


def square(start: int, step: int, frames: int = 6, side: int = 16, channels: int = 1) -> Any:
    """A bright square that moves to the right: (T, H, W, C), uint8."""
    out = np.zeros((frames, side, side, channels), np.uint8)
    for t in range(frames):
        left = (start + step * t) % (side - 4)
        out[t, 4:10, left : left + 4] = 40 * np.arange(1, channels + 1) + 120
    return out


def squares(n: int = 24, frames: int = 6, side: int = 16, channels: int = 1) -> list[Any]:
    """Slow and fast ones, in turns."""
    rng, made = np.random.default_rng(0), []
    for i in range(n):
        step = 1 + 2 * (i % 2)
        clip = square(int(rng.integers(side)), step, frames, side, channels)
        noise = rng.integers(0, 12, clip.shape, np.uint8)
        made.append(
            {"frames": clip + noise, "label": ["slow", "fast"][i % 2], "speed": step + i / n}
        )
    return made


def film(path: Any, frames: Any, fps: int = 12, codec: str = "libx264", **options: Any) -> Any:
    """Writes frames (T, H, W, 3) as a film, with a codec that loses little."""
    pix_fmt = options.pop("pix_fmt", "yuv420p")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options={"crf": "1"} | options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path
