"""Films: MP4, WebM, GIF and what else FFmpeg's libraries read, decoded by PyAV and scaled frame by
frame, so that memory holds only small ones."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from av.error import FFmpegError

from gankit.kit.archives import UnreadableError
from gankit.kit.folders import printable
from gankit_video.data.fitting import fitted, in_mode, placed, within
from gankit_video.data.items import Frames, Values
from gankit_video.data.videos import Decoded, Plan, Probed, UndecodableError, too_large

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".wmv"),
    *(".flv", ".3gp", ".ogv", ".y4m", ".gif"),
)
"""Endings of films that are read. FFmpeg goes by their content."""
Content: TypeAlias = "Path | bytes"
UNEVEN = 1.5
"""The longest frame lasts this many times the shortest one: a variable frame rate."""
NEAR = 0.02
"""How far a measured rate may be from the stated one, which is then right."""
SLACK = 0.05
"""Share of a frame by which time stamps may be rounded."""
COMPLETE = 0.9
"""The share of the frames that a file promises, below which it is damaged."""
_BROKEN = (FFmpegError, OSError, ValueError, EOFError, MemoryError)


@dataclass(frozen=True)
class Film:
    """A film in a file.

    Attributes:
        content: its path, or what it holds; raises UnreadableError.
    """

    name: str
    content: Callable[[], Content]

    def probe(self, max_pixels: int) -> Probed:
        with _Opened(self.content) as (container, stream):
            try:
                first = next(container.decode(stream), None)
            except _BROKEN as error:
                raise UndecodableError(f"cannot be decoded ({_reason(error)})") from None
            if first is None:
                raise UndecodableError("no frames in it")
            size = _shown(first, stream)
            too_large(size, max_pixels)
            return Probed(size, _remarks(first, stream))

    def decode(self, plan: Plan) -> Decoded:
        frames: list[Frames] = []
        times = _Times()
        with _Opened(self.content) as (container, stream):
            stream.thread_type = "AUTO"
            rate = float(stream.guessed_rate or stream.average_rate or 0) or 12.0
            count = 0
            try:
                for frame, repeats in _sampled(container.decode(stream), plan.fps, rate, times):
                    for _ in range(repeats):
                        if count % plan.stride == 0:
                            frames.append(_scaled(frame, stream, plan))
                        count += 1
                    if len(frames) >= plan.most:
                        break
            except _BROKEN as error:
                why = f"damaged after {times.count:,} frames ({_reason(error)})"
                raise UndecodableError(why) from None
            promised = stream.frames
            if len(frames) < plan.most and times.count < COMPLETE * promised:
                raise UndecodableError(f"damaged: {times.count:,} of {promised:,} frames")
        if not frames:
            raise UndecodableError("no frames in it")
        remarks = []
        if not plan.fps and times.uneven:
            remarks.append("variable frame rate: frames taken as they come (fps sets a rate)")
        if plan.fps > 1.01 * rate:
            remarks.append(f"fewer than {plan.fps:g} frames per second: frames repeated")
        measured = times.rate
        stated = not measured or abs(measured / rate - 1) < NEAR  # time stamps may be rounded
        fps = (plan.fps or (rate if stated else measured)) / plan.stride
        return Decoded(np.stack(frames), fps, self._digest(), remarks)

    def _digest(self) -> str:
        found = self.content()
        if isinstance(found, bytes):
            return hashlib.sha256(found).hexdigest()
        with found.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


class _Opened:
    """A container and its first stream of moving pictures."""

    def __init__(self, content: Callable[[], Content]) -> None:
        self._content = content

    def __enter__(self) -> tuple[Any, Any]:
        try:
            found = self._content()
        except (UnreadableError, OSError) as error:
            raise UndecodableError(printable(str(error))) from None
        try:
            self._container: Any = av.open(
                io.BytesIO(found) if isinstance(found, bytes) else str(found)
            )
        except _BROKEN as error:
            raise UndecodableError(f"cannot be opened ({_reason(error)})") from None
        streams = [s for s in self._container.streams.video if not _is_cover(s)]
        if not streams:
            sound = bool(self._container.streams.audio)
            self._container.close()
            raise UndecodableError("no video in it" + (", only sound" if sound else ""))
        return self._container, streams[0]

    def __exit__(self, *_: object) -> None:
        self._container.close()


def _is_cover(stream: Any) -> bool:
    """Whether a stream is the picture on the cover of a recording."""
    return bool(int(stream.disposition) & int(type(stream.disposition).attached_pic))


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(str(text)).rstrip(".")


# --- Time ---------------------------------------------------------------------------------------


class _Times:
    """The times of frames as they pass."""

    def __init__(self) -> None:
        self.count = 0
        self._first = self._last = 0.0
        self._least, self._most = float("inf"), 0.0

    def add(self, time: float) -> None:
        if self.count:
            step = time - self._last
            self._least, self._most = min(self._least, step), max(self._most, step)
        else:
            self._first = time
        self._last, self.count = time, self.count + 1

    @property
    def uneven(self) -> bool:
        return self.count > 2 and self._most > UNEVEN * max(self._least, 1e-6)

    @property
    def rate(self) -> float:
        """Frames per second on average; 0 where there are no times."""
        length = self._last - self._first
        return (self.count - 1) / length if length > 0 else 0.0


def _sampled(
    frames: Iterator[Any], fps: float, rate: float, times: _Times
) -> Iterator[tuple[Any, int]]:
    """Frames with how often each is used: once, or as the clock of ``fps`` meets it."""
    before, due = None, 0
    start = time = 0.0
    for frame in frames:
        time = float(frame.time) if frame.time is not None else times.count / rate
        times.add(time)
        if not fps:
            yield frame, 1
            continue
        if before is None:
            start = time
        else:
            # Frame k of the clock is the one that is shown at k / fps.
            until = math.ceil((time - start) * fps - SLACK)
            if until > due:
                yield before, until - due
                due = until
        before = frame
    if before is not None and fps:
        length = time - start + 1 / rate
        yield before, max(math.ceil(length * fps - SLACK) - due, 0 if due else 1)


# --- Pixels -------------------------------------------------------------------------------------


def _turns(frame: Any) -> int:
    """Quarter turns against the clock that a player makes."""
    return round((getattr(frame, "rotation", 0) or 0) / 90) % 4


def _shown(frame: Any, stream: Any) -> tuple[int, int]:
    """Rows and columns as a player shows them: square pixels, upright."""
    ratio = float(stream.sample_aspect_ratio or 1) or 1.0
    size = frame.height, max(1, round(frame.width * ratio))
    return (size[1], size[0]) if _turns(frame) % 2 else size


def _remarks(frame: Any, stream: Any) -> list[str]:
    said = []
    parts = frame.format.components
    if any(part.bits > 8 for part in parts):
        said.append("more than 8 bits per channel: reduced to 8")
    if frame.interlaced_frame:
        said.append("interlaced: every other line is used")
    if _turns(frame):
        said.append("turned upright, as their metadata say")
    if float(stream.sample_aspect_ratio or 1) not in (0.0, 1.0):
        said.append("pixels that are not square: stretched")
    if any(part.is_alpha for part in parts) and not frame.format.has_palette:
        said.append("transparency blended onto white")
    return said


def _scaled(frame: Any, stream: Any, plan: Plan) -> Frames:
    """A frame (H, W, 3 or 1) in the plan's size."""
    turns = _turns(frame)
    shown = _shown(frame, stream)
    rows, columns = within(shown, plan.size, plan.how)
    if turns % 2:
        rows, columns = columns, rows
    has_alpha = any(part.is_alpha for part in frame.format.components)
    format = "rgba" if has_alpha else "rgb24"
    if frame.interlaced_frame:
        field: Values = frame.to_ndarray(format=format)[::2]
        pixels = fitted(field[None], (rows, columns), 3, "stretch")[0]
    else:
        smaller = rows < frame.height or columns < frame.width
        scaled = frame.reformat(
            columns, rows, format, interpolation="AREA" if smaller else "BILINEAR"
        )
        pixels = in_mode(scaled.to_ndarray(), 3)
    upright = np.ascontiguousarray(np.rot90(pixels, turns))
    return in_mode(placed(upright, plan.size), plan.channels or 3)
