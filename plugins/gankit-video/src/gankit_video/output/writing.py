"""Writing generated clips: films or folders of frames, one per clip, or one array."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gankit.contract import Provenance, Sample, Written
from gankit.errors import GankitError, did_you_mean
from gankit.kit.folders import folder_name
from gankit.kit.pictures import png
from gankit.kit.tables import json_line, marks
from gankit.kit.xmp import xmp_packet
from gankit_video.data.items import LABEL, Clip
from gankit_video.output.encoding import picture, write_clip

METADATA = "metadata.jsonl"
TAKEN = (METADATA, "provenance.json")
"""Files next to the folders of classes."""
FORMATS = ("mp4", "webm", "gif", "frames", "npy")
"""Output formats; the first is the default."""


def write(
    samples: Iterable[Sample[Clip]], target: Path, provenance: Provenance, format: str
) -> Written:
    """Writes clips below ``target`` as they come, with their labels, seeds and rates in
    ``metadata.jsonl``.

    ``mp4``, ``webm``, ``gif``: ``000000.mp4``… in a folder per label; ``frames``: a folder of PNG
    files each; both marked as synthetic in the metadata of every file. ``npy``: the array
    ``clips.npy`` (N, T, H, W, C), which has no metadata.

    Real clips, in an augmented data set, are encoded anew, since they may be a part of a longer
    video; they are not marked.

    Raises:
        GankitError: no such format, or no encoder for it.
    """
    if format not in FORMATS:
        raise GankitError(f"format={format}: unknown", did_you_mean(format, list(FORMATS)))
    target.mkdir(parents=True, exist_ok=True)
    counts = {"re-encoded": 0}
    stream = _counted(samples, counts)
    with (target / METADATA).open("w", encoding="utf-8") as metadata:
        rows = (
            _array(stream, target / "clips.npy")
            if format == "npy"
            else _files(stream, target, provenance, format)
        )
        for row in rows:
            metadata.write(json_line(row))
    return Written({key: n for key, n in counts.items() if n})


def _counted(samples: Iterable[Sample[Clip]], counts: dict[str, int]) -> Iterator[Sample[Clip]]:
    for sample in samples:
        counts["re-encoded"] += sample.real
        yield sample


def _files(
    samples: Iterable[Sample[Clip]], target: Path, provenance: Provenance, format: str
) -> Iterator[dict[str, Any]]:
    for i, sample in enumerate(samples):
        row = _row(sample)
        label = row.get(LABEL)
        name = f"{i:06d}" if label is None else f"{folder_name(str(label), TAKEN)}/{i:06d}"
        text = {} if sample.real else _text(sample, provenance)
        if format == "frames":
            _frames(sample.item, target / name, text)
        else:
            name = f"{name}.{format}"
            (target / name).parent.mkdir(exist_ok=True)
            write_clip(sample.item, target / name, format, text)
        yield {"file_name": name, **row}


def _frames(clip: Clip, folder: Path, text: Mapping[str, str]) -> None:
    folder.mkdir(parents=True)
    xmp = xmp_packet(text) if text else ""
    for i, frame in enumerate(clip.frames):
        (folder / f"{i:04d}.png").write_bytes(png(picture(frame), text, xmp=xmp))


def _array(samples: Iterable[Sample[Clip]], file: Path) -> Iterator[dict[str, Any]]:
    """The pixels wait in a file of their own, since the header states their number."""
    aside = file.with_suffix(".pixels")
    shape: tuple[int, ...] = ()
    count = 0
    try:
        with aside.open("wb") as out:
            for i, sample in enumerate(samples):
                frames = np.ascontiguousarray(sample.item.frames)
                if count and frames.shape != shape:
                    raise GankitError(
                        f"clip {i} has the shape {frames.shape}, and the first one {shape}",
                        "Use --format mp4 or frames",
                    )
                shape, count = frames.shape, count + 1
                out.write(frames.data)
                yield {"index": i, **_row(sample)}
        with file.open("wb") as out, aside.open("rb") as pixels:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
            np.lib.format.write_array_header_1_0(out, header)
            shutil.copyfileobj(pixels, out)
    finally:
        aside.unlink(missing_ok=True)


def _row(sample: Sample[Clip]) -> dict[str, Any]:
    """A clip's values, its seed, and whether it is generated."""
    clip = sample.item
    if sample.real:
        values: dict[str, Any] = {**clip.values}
        if clip.label is not None:
            values[LABEL] = clip.label
        if clip.name:
            values["name"] = clip.name
    else:
        values = dict(sample.condition)
    return {**values, "fps": round(clip.fps, 4), "frames": len(clip.frames), **marks(sample)}


def _text(sample: Sample[Clip], provenance: Provenance) -> dict[str, str]:
    texts = {**provenance.text(), "Seed": str(sample.seed)}
    if sample.condition:
        texts["Condition"] = ", ".join(f"{k}={v}" for k, v in sample.condition.items())
    return texts
