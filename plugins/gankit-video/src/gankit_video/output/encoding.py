"""One clip as a file that plays: MP4, WebM or GIF, marked as synthetic in its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from gankit.errors import GankitError
from gankit.kit.films import MOST_FPS, write_film
from gankit.kit.xmp import append_xmp, xmp_packet
from gankit_video.data.items import Clip, Frames

ENCODERS = {
    "mp4": (
        ("libx264", {"crf": "12", "preset": "medium"}),
        ("libopenh264", {}),
        ("mpeg4", {"q": "2"}),
    ),
    "webm": (
        ("libvpx-vp9", {"crf": "15", "b": "0", "row-mt": "0"}),
        ("libvpx", {"crf": "6", "b": "4M"}),
    ),
}
"""By format, FFmpeg's encoders and their options; the first that this PyAV has is used. H.264 and
VP9 play in browsers."""
_CONTAINER = {"mp4": {"movflags": "+faststart+use_metadata_tags"}, "webm": {}}


def write_clip(clip: Clip, target: Path, format: str, text: Mapping[str, str]) -> None:
    """Writes a film in the format ``mp4``, ``webm`` or ``gif``.

    MP4 and WebM lose a little (4:2:0 chroma, quantisation), and odd sides become even by repeating
    the border; a GIF has 256 colours and whole hundredths of a second.

    Args:
        text: metadata that marks it; empty for a real clip.

    Raises:
        GankitError: no encoder.
    """
    if format == "gif":
        frames = (picture(frame) for frame in clip.frames)
        write_film(frames, target, fps=min(clip.fps, MOST_FPS), text=text, side=0)
        return
    _with_av(clip, target, format, text)
    if text and format == "mp4":
        append_xmp(target, xmp_packet(text))


def picture(frame: Frames) -> PIL.Image.Image:
    """A frame (H, W, C) as a Pillow picture."""
    return PIL.Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame)


def _with_av(clip: Clip, target: Path, format: str, text: Mapping[str, str]) -> None:
    import av

    frames = _even(clip.frames)
    if frames.shape[-1] == 1:
        frames = frames.repeat(3, -1)
    name, options = _encoder(format)
    with av.open(str(target), "w", format=format, options=_CONTAINER[format]) as container:
        for key, value in text.items():
            container.metadata[key] = value
        if text:
            container.metadata["comment"] = "; ".join(f"{k}: {v}" for k, v in text.items())
        rate = Fraction(clip.fps).limit_denominator(1001)
        stream: Any = container.add_stream(name, rate=rate, options=dict(options))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.thread_count = "yuv420p", 1
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _even(frames: Frames) -> Frames:
    """Chroma is stored for two by two pixels together."""
    height, width = frames.shape[1:3]
    if height % 2 == width % 2 == 0:
        return frames
    return np.pad(frames, [(0, 0), (0, height % 2), (0, width % 2), (0, 0)], mode="edge")


def _encoder(format: str) -> tuple[str, Mapping[str, str]]:
    import av

    for name, options in ENCODERS[format]:
        try:
            av.codec.Codec(name, "w")
        except ValueError:
            continue
        return name, options
    names = ", ".join(name for name, _ in ENCODERS[format])
    raise GankitError(
        f"format={format}: this PyAV has none of the encoders {names}",
        "Install the wheel of av from PyPI, or use --format gif, frames or npy",
    )
