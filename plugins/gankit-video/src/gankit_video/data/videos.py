"""What every source gives: videos by name, of any length, that are probed first and then read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gankit.contract import Issue
from gankit_video.data.items import Frames


class UndecodableError(Exception):
    """A video that cannot be used; the message says why."""


@dataclass(frozen=True)
class Probed:
    """What is known of a video before it is read.

    Attributes:
        size: rows and columns, as shown.
        remarks: what is done to it, worded alike for all that need it.
    """

    size: tuple[int, int]
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Plan:
    """The form in which videos are read.

    Attributes:
        size: rows and columns of a frame.
        channels: 1 or 3; 0 is RGB, unless every frame turns out to be grey.
        how: how frames of another aspect ratio are fitted: crop, pad or stretch.
        fps: frames per second; 0 takes frames as they come.
        stride: every n-th frame of those is kept.
        most: frames; more are not read.
    """

    size: tuple[int, int]
    channels: int = 0
    how: str = "crop"
    fps: float = 0.0
    stride: int = 1
    most: int = 2**31


@dataclass(frozen=True)
class Decoded:
    """A video that was read: frames ``(M, H, W, C)`` at ``fps``."""

    frames: Frames
    fps: float
    digest: str
    """SHA-256 of its content."""
    remarks: Sequence[str] = ()


class Video(Protocol):
    """One video of a data set."""

    @property
    def name(self) -> str: ...

    def probe(self, max_pixels: int) -> Probed:
        """Reads its beginning.

        Raises:
            UndecodableError: it is none, or too large.
        """

    def decode(self, plan: Plan) -> Decoded:
        """Reads it.

        Raises:
            UndecodableError: it is damaged.
        """


@dataclass(frozen=True)
class Entry:
    """A video with what its folder or a table says about it."""

    video: Video
    label: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """The videos of a source, and a description of it for the run's record."""

    kind: str
    entries: Sequence[Entry]
    issues: Sequence[Issue] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the source was taken for: its split, its tables."""
    labels_from: str = ""
    warnings: Sequence[str] = ()
    licence: str = ""
    people: str = ""


def too_large(size: tuple[int, int], max_pixels: int) -> None:
    """Refuses frames of more pixels.

    Raises:
        UndecodableError: it has more.
    """
    if size[0] * size[1] > max_pixels:
        raise UndecodableError(f"frames have more than {max_pixels:,} pixels (max_pixels)")
    if min(size) < 1:
        raise UndecodableError("frames have no pixels")
