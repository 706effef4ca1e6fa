"""Cuts videos into clips of one length."""

from __future__ import annotations

from gankit_video.data.items import Frames


def starts(length: int, frames: int, most: int = 0) -> list[int]:
    """Where clips of ``frames`` frames begin in a video of ``length``: one after another.

    Args:
        most: clips, evenly spread over the video; 0 for all.
    """
    count = length // frames
    if most and count > most:
        room = length - frames
        if most == 1:
            return [room // 2]
        return [round(i * room / (most - 1)) for i in range(most)]
    return [i * frames for i in range(count)]


def said(videos: int, clips: int, frames: int, cut: int, left: int) -> str:
    """What cutting did, in one line.

    Args:
        cut: videos that became several clips.
        left: frames that are in no clip.
    """
    parts = [f"{clips:,} of {frames} frames from {videos:,} videos"]
    if cut:
        parts.append(f"{cut:,} longer ones cut into several")
    if left:
        parts.append(f"{left:,} frames left over")
    return "; ".join(parts)


def is_grey(frames: Frames) -> bool:
    """Whether frames (…, 3) have no colour."""
    return bool((frames[..., :1] == frames).all())
