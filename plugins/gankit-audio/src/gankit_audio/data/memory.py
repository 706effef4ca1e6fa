"""Recordings in memory: arrays with or without their rates, mappings, clips, a data frame."""

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

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

KEYS = ("audio", "file_name", "path", "file", "filename", "samples", "array", "waveform")
"""Keys of the audio in a mapping."""
RATE_KEYS = ("rate", "sampling_rate", "sample_rate")
"""Keys of the rate in a mapping."""
MOST_CHANNELS = 32
"""A first axis of at most this length, and no longer than the second, is the channels."""

LEAST_RATE = 1000
"""Whole numbers beside recordings are rates from here on, and labels below."""

_GIVE = "Give arrays with their rates: [(array, rate), …] or [{'audio': array, 'rate': n}, …]"


def listing(source: object, settings: AudioSettings) -> Listing:
    """The recordings of an object in memory.

    An array ``(N, L)`` or ``(N, channels, L)``, alone or as ``(array, rate)``; an iterable of
    arrays ``(L,)``, ``(channels, L)`` or ``(L, channels)``, of pairs of such an array and its
    rate, of paths, of clips, or of mappings with one of these, a label and other values; or a data
    frame with such columns. ``settings.rate`` is used where there is no rate.

    Raises:
        GankitError: none of these, or no rate.
    """
    return Listing(
        "in memory", [_entry(item, i, settings) for i, item in enumerate(_items(source))]
    )


def waveform(array: Any, rate: object, name: str) -> Waveform:
    """An array of samples as a recording.

    Raises:
        GankitError: not an array of samples, or no rate.
    """
    try:
        found = np.asarray(array)
    except (ValueError, TypeError) as error:
        raise GankitError(f"{name}: not an array of samples ({error})", _GIVE) from None
    if found.ndim not in (1, 2) or found.dtype.kind not in "iuf" or found.dtype == np.int64:
        raise GankitError(
            f"{name}: {found.dtype} of shape {found.shape} is not a recording",
            "Give floats up to 1, or integers of 8, 16 or 32 bits, of shape (L,) or (channels, L)",
        )
    if found.ndim == 1:
        found = found[:, None]
    elif found.shape[0] <= min(MOST_CHANNELS, found.shape[1]):
        found = found.T
    if rate is None or rate == "auto":
        raise GankitError(f"{name} has no rate", f"{_GIVE}, or set rate")
    try:
        return Waveform(found, round(float(str(rate))))
    except (ValueError, OverflowError):
        raise GankitError(f"{name}: rate={rate} is not a number of samples per second") from None


def _items(source: object) -> Iterable[Any]:
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[1], (int, np.integer)):
        stack, rate = np.asarray(source[0]), int(source[1])
        return [(one, rate) for one in stack] if _is_stack(stack) else [(stack, rate)]
    if isinstance(source, tuple) and len(source) == 2 and _matches(*source):
        sounds, values = source
        if all(isinstance(v, (int, np.integer)) and v >= LEAST_RATE for v in values):
            return list(zip(sounds, values, strict=True))
        return [{"audio": s, "label": v} for s, v in zip(sounds, values, strict=True)]
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        records: Sequence[Any] = source.to_dict("records")
        return records
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise GankitError(f"cannot read audio from {type(source).__name__}", _GIVE)
    if hasattr(source, "__array__") and not _is_stack(np.asarray(source)):
        return [source]
    return source


def _matches(sounds: Any, values: Any) -> bool:
    """Whether these are recordings and a rate or label of each."""
    if not hasattr(sounds, "__len__") or np.ndim(values) != 1 or len(sounds) != len(values):
        return False
    return len(sounds) > 0 and (isinstance(sounds[0], (str, bytes, Path)) or np.ndim(sounds[0]) > 0)


def _is_stack(array: np.ndarray[Any, Any]) -> bool:
    return array.ndim == 3 or (array.ndim == 2 and array.shape[0] > 2)


def _entry(item: Any, number: int, settings: AudioSettings) -> Entry:
    if isinstance(item, Clip):
        sound = item.samples if item.recording is None else item.recording
        return _named_entry(
            waveform(sound, item.rate, f"clip {number}"), item.name or str(number), item.values
        )
    if not isinstance(item, Mapping):
        return _named_entry(_content(item, None, number, settings), str(number), {})
    key = next((k for k in (settings.audio_key, *KEYS) if k in item), None)
    if key is None or settings.audio_key not in ("auto", key):
        raise GankitError(
            f"recording {number} has no audio; it has {', '.join(map(str, item)) or 'nothing'}",
            f"Set audio_key. {did_you_mean(settings.audio_key, list(map(str, item)))}",
        )
    rate_key = next((k for k in RATE_KEYS if k in item), None)
    content = _content(item[key], item[rate_key] if rate_key else None, number, settings)
    row = {str(k): v for k, v in item.items() if k not in (key, rate_key)}
    return _named_entry(content, str(number), {k: _plain(v) for k, v in row.items()})


def _content(item: Any, rate: object, number: int, settings: AudioSettings) -> Content:
    """The content of a recording: a path, bytes, or samples with a rate."""
    name = f"recording {number}"
    if isinstance(item, (str, Path)):
        return Path(item)
    if isinstance(item, bytes):
        return item
    if isinstance(item, Mapping):  # as in Hugging Face's datasets, decoded or not
        if item.get("array") is not None:
            return waveform(item["array"], item.get("sampling_rate", rate), name)
        if item.get("bytes") is not None:
            return bytes(item["bytes"])
        if item.get("path") is not None:
            return Path(item["path"])
    if isinstance(item, tuple) and len(item) == 2 and np.ndim(item[1]) == 0:
        item, rate = item
    return waveform(item, settings.rate if rate is None else rate, name)


def _plain(value: object) -> object:
    """A NumPy scalar as a Python one."""
    return value.item() if isinstance(value, np.generic) else value


def _named_entry(content: Content, name: str, row: Mapping[str, Any]) -> Entry:
    if isinstance(content, Path):
        name = content.name
    return Entry(name, partial(_identity, content), row)


def _identity(content: Content) -> Content:
    return content
