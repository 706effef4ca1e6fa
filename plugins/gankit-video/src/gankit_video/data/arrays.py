"""Clips that are arrays: .npy files and objects in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from gankit.errors import GankitError
from gankit.kit.datasets import gathered, is_dataset
from gankit.kit.row_tables import ENDINGS, LABEL_COLUMNS, label_text, read_rows
from gankit.kit.tables import find_column
from gankit_video.data.fitting import fitted, in_mode
from gankit_video.data.items import LABEL, Clip, Frames, Values
from gankit_video.data.stills import FPS
from gankit_video.data.videos import (
    Decoded,
    Entry,
    Listing,
    Plan,
    Probed,
    UndecodableError,
    too_large,
)

READS = "Arrays are (N, T, H, W, C) or (T, H, W, C) with C of 1, 3 or 4, or without C where grey"
_CHANNELS = (1, 3, 4)
Row: TypeAlias = "tuple[str | None, dict[str, float]]"
"""A label, and numbers by name."""


@dataclass(frozen=True)
class ArrayVideo:
    """A video in memory."""

    name: str
    frames: Frames
    fps: float = FPS

    def probe(self, max_pixels: int) -> Probed:
        size = (self.frames.shape[1], self.frames.shape[2])
        too_large(size, max_pixels)
        alpha = self.frames.shape[3] == 4
        return Probed(size, ["transparency blended onto white"] if alpha else [])

    def decode(self, plan: Plan) -> Decoded:
        if not len(self.frames):
            raise UndecodableError("no frames in it")
        some = self.frames[:: plan.stride][: plan.most]
        pixels = fitted(in_mode(some, plan.channels or 3), plan.size, plan.channels or 3, plan.how)
        digest = hashlib.sha256(np.ascontiguousarray(self.frames).data).hexdigest()
        return Decoded(pixels, (plan.fps or self.fps) / plan.stride, digest)


# --- Files --------------------------------------------------------------------------------------


def npy(path: Path, label_key: str = LABEL) -> Listing:
    """The clips of a ``.npy`` file, with the labels next to it: a table with a column ``index``, as
    gankit writes it, or ``labels.npy``.

    Raises:
        GankitError: it cannot be read, or is no array of clips.
    """
    stack, notes = as_stack(load(path), str(path))
    rows = _rows_beside(path, len(stack), label_key) or [(None, {})] * len(stack)
    entries = [
        Entry(ArrayVideo(f"{path.name}[{i}]", frames), *row)
        for i, (frames, row) in enumerate(zip(stack, rows, strict=True))
    ]
    labelled = any(label is not None for label, _ in rows)
    facts = {"numbers": "; ".join(notes)} if notes else {}
    source = "a file beside it" if labelled else ""
    return Listing("array", entries, facts=facts, labels_from=source)


def load(path: Path) -> Values:
    """The array in a ``.npy`` file; no pickles.

    Raises:
        GankitError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, TypeError, MemoryError) as error:
        why = " ".join(str(error).split())[:120]
        raise GankitError(f"{path}: not a readable .npy file ({why})", "Save it again") from None
    if not isinstance(found, np.ndarray):
        raise GankitError(f"{path}: its content is an .npz file's", "Save the clips as one .npy")
    return found


def as_stack(array: Any, where: str) -> tuple[Frames, list[str]]:
    """Clips (N, T, H, W, C) in 8 bits, and what was done to them.

    Raises:
        GankitError: another shape, or numbers of another kind.
    """
    notes: list[str] = []
    found = np.asarray(array)
    shape = "×".join(map(str, found.shape))
    if found.ndim == 5 and found.shape[4] not in _CHANNELS and found.shape[2] in _CHANNELS:
        notes.append(f"shape {shape} taken as (N, T, C, H, W)")
        found = found.transpose(0, 1, 3, 4, 2)
    elif found.ndim == 4 and found.shape[3] in _CHANNELS:
        found = found[None]
    elif found.ndim == 4:
        notes.append(f"shape {shape} taken as (N, T, H, W), grey")
        found = found[..., None]
    elif found.ndim == 3:
        found = found[None, ..., None]
    if found.ndim != 5 or found.shape[4] not in _CHANNELS:
        raise GankitError(f"{where}: an array of {shape or 'one number'} holds no clips", READS)
    return _in_eight_bits(found, where, notes), notes


def _in_eight_bits(found: Values, where: str, notes: list[str]) -> Frames:
    if found.dtype == np.uint8:
        return found
    if found.dtype == bool:
        notes.append("bool times 255")
        return found.astype(np.uint8) * 255
    if found.dtype.kind not in "uif":
        raise GankitError(f"{where}: an array of {found.dtype} holds no pixels", "Save numbers")
    if not found.size:
        return found.astype(np.uint8)
    low, high = float(found.min()), float(found.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise GankitError(f"{where}: some numbers are not finite", "Save pixels from 0 to 255")
    if low < 0 or high > 255:
        raise GankitError(
            f"{where}: numbers from {low:g} to {high:g}, and pixels are 0 to 255 (or 0 to 1)",
            "Scale them, and save them as uint8",
        )
    if found.dtype.kind == "f" and high <= 1:
        notes.append(f"{found.dtype} times 255")
        scaled: Frames = np.rint(found * 255).astype(np.uint8)
        return scaled
    notes.append(f"{found.dtype} read as uint8 with the same values")
    whole: Frames = np.rint(found).astype(np.uint8)
    return whole


def _rows_beside(path: Path, count: int, label_key: str) -> list[Row]:
    """The label and the numbers of each of an array's clips; none where there are none.

    Raises:
        GankitError: there are more or fewer labels than clips.
    """
    for ending in ENDINGS:
        table = path.with_name(f"metadata{ending}")
        if table.is_file():
            rows = [row for _, row in read_rows(str(table), table.read_bytes())]
            columns = list(dict.fromkeys(key for row in rows for key in row))
            if "index" not in columns:
                continue
            label = find_column(columns, label_key, LABEL, LABEL_COLUMNS)
            by_index = {label_text(row.get("index")): row for row in rows}
            found = [by_index.get(str(i), {}) for i in range(count)]
            return [
                (label_text(row.get(label)) if label is not None else None, numbers(row))
                for row in found
            ]
    beside = path.with_name("labels.npy")
    if path.name == "labels.npy" or not beside.is_file():
        return []
    values = load(beside)
    if values.shape != (count,):
        raise GankitError(
            f"{beside}: {len(values) if values.ndim else 1:,} labels for {count:,} clips",
            "Save one label per clip",
        )
    return [(str(value), {}) for value in values.tolist()]


# --- Memory -------------------------------------------------------------------------------------


def memory(source: object, label_key: str = LABEL) -> Listing:
    """Clips in memory: an array or tensor, a list of them, of :class:`Clip` or of mappings with
    ``frames`` and values, or a pair of clips and labels.

    Raises:
        GankitError: none of these.
    """
    if is_dataset(source):
        source, _ = gathered(source)
    labels: list[object] | None = None
    if isinstance(source, tuple) and len(source) == 2:
        clips, given = source
        labels = [_plain(label) for label in given]
        source = clips
    if isinstance(source, Clip):
        source = [source]
    entries: list[Entry] = []
    notes: list[str] = []
    if isinstance(source, Sequence) and not isinstance(source, str):
        for i, one in enumerate(source):
            entries += _of_one(one, i, label_key, notes)
    elif source is not None:
        stack, notes = as_stack(_array(source), "the data")
        entries = [Entry(ArrayVideo(str(i), frames)) for i, frames in enumerate(stack)]
    if labels is not None:
        if len(labels) != len(entries):
            raise GankitError(
                f"{len(labels):,} labels for {len(entries):,} clips", "Give one label per clip"
            )
        entries = [
            Entry(e.video, None if label is None else str(label), e.values)
            for e, label in zip(entries, labels, strict=True)
        ]
    facts = {"numbers": "; ".join(dict.fromkeys(notes))} if notes else {}
    return Listing("clips in memory", entries, facts=facts, labels_from="the data")


def _of_one(one: object, i: int, label_key: str, notes: list[str]) -> list[Entry]:
    if isinstance(one, Clip):
        video = ArrayVideo(one.name or str(i), one.frames, one.fps)
        return [Entry(video, one.label, one.values)]
    label, values, fps = None, {}, FPS
    if isinstance(one, Mapping):
        key = find_column(list(one), "frames", "frames", ("video", "clip"))
        if key is None:
            raise GankitError(
                f"item {i}: no frames; it has {', '.join(map(str, one))}", "Name them frames"
            )
        rest = {name: _plain(value) for name, value in one.items() if name != key}
        given = rest.pop(label_key, None)
        label = None if given is None else str(given)
        rate = rest.pop("fps", None)
        fps = float(rate) if isinstance(rate, int | float) and rate > 0 else FPS
        values = numbers(rest)
        one = one[key]
    stack, said = as_stack(_array(one), f"item {i}")
    notes += said
    return [Entry(ArrayVideo(str(i), frames, fps), label, values) for frames in stack]


def _array(source: Any) -> Values:
    return np.asarray(source.numpy() if hasattr(source, "numpy") else source)


def _plain(value: Any) -> Any:
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def numbers(row: Mapping[str, object]) -> dict[str, float]:
    """The values of a row that are finite numbers."""
    found = {}
    for name, value in row.items():
        try:
            number = float(str(value))
        except ValueError:
            continue
        if np.isfinite(number) and not isinstance(value, bool):
            found[name] = number
    return found
