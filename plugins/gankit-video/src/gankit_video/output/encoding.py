"""One clip as a file that plays: MP4, WebM or GIF, marked as synthetic in its metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from gankit.errors import GankitError
from gankit.kit.films import MOST_FPS
from gankit.kit.xmp import append_xmp, xmp_packet
from gankit_video.data.items import Clip, Frames

ENCODERS: Mapping[str, Sequence[tuple[str, Mapping[str, str]]]] = {
    "mp4": (("libx264", {"crf": "12"}), ("libopenh264", {}), ("mpeg4", {"q": "2"})),
    "webm": (("libvpx-vp9", {"crf": "15", "b": "0"}), ("libvpx", {"crf": "6", "b": "4M"})),
    "gif": (("gif", {}),),
}
"""By format, FFmpeg's encoders and their options; the first that this PyAV has is used. H.264 and
VP9 play in browsers."""
_CONTAINER = {"mp4": {"movflags": "+faststart+use_metadata_tags"}, "webm": {}, "gif": {}}


def write_clip(clip: Clip, target: Path, format: str, text: Mapping[str, str]) -> None:
    """Writes a film in the format ``mp4``, ``webm`` or ``gif``.

    MP4 and WebM lose a little (4:2:0 chroma, quantisation), and odd sides become even by repeating
    the border; a GIF has 256 colours and whole hundredths of a second.

    Args:
        text: metadata that marks it; empty for a real clip.

    Raises:
        GankitError: no encoder.
    """
    _with_av(clip, target, format, text)
    if text and format != "webm":
        append_xmp(target, xmp_packet(text))


def picture(frame: Frames) -> PIL.Image.Image:
    """A frame (H, W, C) as a Pillow picture."""
    return PIL.Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame)


def _with_av(clip: Clip, target: Path, format: str, text: Mapping[str, str]) -> None:
    import av

    rate = Fraction(min(clip.fps, MOST_FPS) if format == "gif" else clip.fps)
    frames = _even(clip.frames) if format != "gif" else clip.frames
    if frames.shape[-1] == 1 and format != "gif":
        frames = frames.repeat(3, -1)
    name, options = _encoder(format)
    with av.open(str(target), "w", format=format, options=_CONTAINER[format]) as container:
        if text:
            container.metadata["comment"] = "; ".join(f"{k}: {v}" for k, v in text.items())
        for key, value in text.items():
            container.metadata[key] = value
        rate = rate.limit_denominator(1001)
        stream: Any = container.add_stream(name, rate=rate, options=dict(options))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.thread_count = "pal8" if format == "gif" else "yuv420p", 1
        for frame in _in_palette(frames) if format == "gif" else _in_colour(frames):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _in_colour(frames: Frames) -> Iterator[Any]:
    import av

    for pixels in frames:
        yield av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")


def _in_palette(frames: Frames) -> Iterator[Any]:
    """Frames for GIF, in 256 colours that are chosen for all of them, so that nothing flickers."""
    import av

    palette = np.full((256, 4), 255, np.uint8)
    if frames.shape[-1] == 1:
        palette[:, 1:] = np.arange(256)[:, None]
        indices = frames[..., 0]
    else:
        count, height, width, _ = frames.shape
        whole = PIL.Image.fromarray(frames.reshape(count * height, width, 3)).quantize(256)
        colours = np.array(whole.getpalette() or [], np.uint8).reshape(-1, 3)
        palette[: len(colours), 1:] = colours
        indices = np.asarray(whole).reshape(count, height, width)
    for pixels in indices:
        pair: Any = (np.ascontiguousarray(pixels), palette)
        yield av.VideoFrame.from_ndarray(pair, format="pal8")


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
