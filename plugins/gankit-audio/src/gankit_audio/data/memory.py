"""Recordings in memory: arrays, with their rates or without, mappings, clips, a data frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gankit.errors import GankitError, did_you_mean
from gankit_audio.data.clips import Clip
from gankit_audio.data.files import Content, Waveform
from gankit_audio.data.listing import Entry, Listing
from gankit_audio.data.manifests import AUDIO_KEYS

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

KEYS = (*AUDIO_KEYS, "samples", "array", "waveform")
"""Names under which a mapping has its audio."""
RATE_KEYS = ("rate", "sampling_rate", "sample_rate")
"""Names under which a mapping has its rate."""
MOST_CHANNELS = 32
"""An axis of up to so many is the channels', where the other is longer."""

_GIVE = "Give arrays with their rates: [(array, rate), …] or [{'audio': array, 'rate': n}, …]"


def listing(source: object, settings: AudioSettings) -> Listing:
    """The recordings of an object in memory.

    An array ``(N, L)`` or ``(N, channels, L)``, alone or as ``(array, rate)``; or anything that
    gives, one after the other, arrays ``(L,)``, ``(channels, L)`` or ``(L, channels)``, pairs of
    such a one and its rate, paths, clips, or mappings of any of these with a label and more; or a
    data frame with such columns. What says no rate has ``settings.rate``.

    Raises:
        GankitError: none of these, or no rate.
    """
    return Listing(
        "in memory", [_entry(thing, i, settings) for i, thing in enumerate(_things(source))]
    )


def waveform(array: Any, rate: object, name: str) -> Waveform:
    """An array of samples as a recording.

    Raises:
        GankitError: it is none, or has no rate.
    """
    try:
        found = np.asarray(array)
    except (ValueError, TypeError) as error:
        raise GankitError(f"{name}: no array of samples ({error})", _GIVE) from None
    if found.ndim not in (1, 2) or found.dtype.kind not in "iuf" or found.dtype == np.int64:
        raise GankitError(
            f"{name}: {found.dtype} of shape {found.shape} is no recording",
            "Give floats up to 1, or integers of 8, 16 or 32 bits, of shape (L,) or (channels, L)",
        )
    if found.ndim == 1:
        found = found[:, None]
    elif found.shape[0] <= min(MOST_CHANNELS, found.shape[1]):
        found = found.T
    if rate is None or rate == "auto":
        raise GankitError(f"{name} does not say its rate", f"{_GIVE}, or set rate")
    try:
        return Waveform(found, round(float(str(rate))))
    except (ValueError, OverflowError):
        raise GankitError(f"{name}: rate={rate} is no number of samples a second") from None


def _things(source: object) -> Iterable[Any]:
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[1], (int, np.integer)):
        stack, rate = np.asarray(source[0]), int(source[1])
        return [(one, rate) for one in stack] if _is_stack(stack) else [(stack, rate)]
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        records: Sequence[Any] = source.to_dict("records")
        return records
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise GankitError(f"cannot read audio from {type(source).__name__}", _GIVE)
    if hasattr(source, "__array__") and not _is_stack(np.asarray(source)):
        return [source]
    return source


def _is_stack(array: np.ndarray[Any, Any]) -> bool:
    return array.ndim == 3 or (array.ndim == 2 and array.shape[0] > 2)


def _entry(thing: Any, number: int, settings: AudioSettings) -> Entry:
    if isinstance(thing, Clip):
        sound = thing.samples if thing.recording is None else thing.recording
        return _held(
            waveform(sound, thing.rate, f"clip {number}"), thing.name or str(number), thing.values
        )
    if not isinstance(thing, Mapping):
        return _held(_content(thing, None, number, settings), str(number), {})
    key = next((k for k in (settings.audio_key, *KEYS) if k in thing), None)
    if key is None or settings.audio_key not in ("auto", key):
        raise GankitError(
            f"recording {number} has no audio; it has {', '.join(map(str, thing)) or 'nothing'}",
            f"Set audio_key. {did_you_mean(settings.audio_key, list(map(str, thing)))}",
        )
    of_rate = next((k for k in RATE_KEYS if k in thing), None)
    content = _content(thing[key], thing[of_rate] if of_rate else None, number, settings)
    row = {str(k): v for k, v in thing.items() if k not in (key, of_rate)}
    return _held(content, str(number), {k: _plain(v) for k, v in row.items()})


def _content(thing: Any, rate: object, number: int, settings: AudioSettings) -> Content:
    """What a recording is: a path, bytes, or samples with a rate."""
    name = f"recording {number}"
    if isinstance(thing, (str, Path)):
        return Path(thing)
    if isinstance(thing, bytes):
        return thing
    if isinstance(thing, Mapping):  # as Hugging Face's datasets give it, decoded or not
        if thing.get("array") is not None:
            return waveform(thing["array"], thing.get("sampling_rate", rate), name)
        if thing.get("bytes") is not None:
            return bytes(thing["bytes"])
        if thing.get("path") is not None:
            return Path(thing["path"])
    if isinstance(thing, tuple) and len(thing) == 2 and np.ndim(thing[1]) == 0:
        thing, rate = thing
    return waveform(thing, settings.rate if rate is None else rate, name)


def _plain(value: object) -> object:
    """A number or text of NumPy's as one of Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _held(content: Content, name: str, row: Mapping[str, Any]) -> Entry:
    if isinstance(content, Path):
        name = content.name
    return Entry(name, partial(_same, content), row)


def _same(content: Content) -> Content:
    return content
