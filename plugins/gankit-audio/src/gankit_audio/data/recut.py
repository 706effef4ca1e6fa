"""Clips of another data set in the form of a run's: its rate, channels and duration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gankit.contract.data import quiet
from gankit_audio.data.clips import Clip
from gankit_audio.data.dataset import Clips, ClipSpec
from gankit_audio.data.decoding import cut_all
from gankit_audio.data.store import Stored, Writer, disk_errors


def recut(clips: Sequence[Clip], rate: int, channels: int, size: int) -> Clips | None:
    """The clips, decoded again in another form.

    Returns:
        None where they are not one to one with the given ones: clips in memory, several clips of a
        recording, or a recording that cannot be cut in that way.
    """
    if not isinstance(clips, Clips) or clips.spec.settings.slice != "first":
        return None
    spec = replace(clips.spec, rate=rate, channels=channels, size=size)
    again = _decoded(clips, spec)
    places = {row: i for i, row in enumerate(again.rows())}
    numbers = [places.get(row) for row in clips.rows()]
    if None in numbers:
        return None
    return again.take(np.array(numbers, int))


def _decoded(clips: Clips, spec: ClipSpec) -> Clips:
    writer = Writer(spec.settings.memory * 2**30)
    with disk_errors():
        index = cut_all(clips.entries, spec, "the data", quiet, writer)
        stored = Stored(writer.finish(), index)
    return Clips(stored, clips.entries, clips.values, spec)
