"""Writes clips as audio files, one folder per class, or as Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError, did_you_mean
from gankit.kit.folders import folder_name
from gankit.kit.tables import TableWriter, json_line, marks, media_schema
from gankit.kit.xmp import xmp_packet
from gankit_audio.data.clips import LABEL, Clip
from gankit_audio.data.manifests import WRITTEN
from gankit_audio.output.encoding import CODINGS, encode
from gankit_audio.output.originals import as_it_was, values

METADATA = "metadata.jsonl"
TAKEN = (METADATA, "provenance.json")
"""Files next to the folders of labels."""
FORMATS = (*CODINGS, "parquet")
"""Output formats; the first is the default."""
_UNTYPED = "Use --format wav, which does not fix columns and their types"
ROW_GROUP = 256
"""Clips per row group of Parquet files, the most in memory at once."""


def write(
    samples: Iterable[Sample[Clip]], target: Path, provenance: Provenance, format: str = "wav"
) -> None:
    """Writes clips below ``target`` as they come.

    The metadata of generated files mark them as synthetic, with seed and condition; real ones, in
    an augmented data set, leave as they were: see :func:`gankit_audio.output.originals.as_it_was`.
    Audio formats: ``000000.wav`` etc. in a folder per label,
    with ``metadata.jsonl``. ``parquet``: ``data.parquet`` in the Hugging Face layout, where
    generated clips are 16-bit WAV.

    Raises:
        GankitError: unknown format, a rate that it does not support, or samples that are not
            finite.
    """
    if format not in FORMATS:
        raise GankitError(f"format={format}: unknown", did_you_mean(format, list(FORMATS)))
    target.mkdir(parents=True, exist_ok=True)
    if format == "parquet":
        _write_parquet(samples, target / "data.parquet", provenance)
        return
    with (target / METADATA).open("w", encoding="utf-8") as metadata:
        for name, data, row, _ in _files(samples, provenance, format):
            file = target / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
            metadata.write(json_line({"file_name": name, **row}))


def _files(
    samples: Iterable[Sample[Clip]], provenance: Provenance, format: str
) -> Iterator[tuple[str, bytes, dict[str, Any], Sample[Clip]]]:
    """Each sample as a file name, the bytes of its file, and its row in the table."""
    for i, sample in enumerate(samples):
        label = sample.condition.get(LABEL)
        folder = "" if label is None else f"{folder_name(_text(label), TAKEN)}/"
        clip = sample.item
        if sample.real and (original := as_it_was(clip, format)) is not None:
            row = _row(sample, original.rate, original.seconds)
            yield f"{folder}{i:06d}{original.suffix}", original.data, row, sample
            continue
        coding = "wav" if format == "parquet" else format
        name = f"{folder}{i:06d}{CODINGS[coding].suffix}"
        texts = {} if sample.real else _metadata(sample, provenance)
        row = _row(sample, clip.rate, clip.samples.shape[1] / clip.rate)
        try:
            yield name, encode(clip.samples, clip.rate, coding, texts), row, sample
        except GankitError as error:
            raise GankitError(f"{name}: {error.message}", error.hint) from None


def _metadata(sample: Sample[Clip], provenance: Provenance) -> dict[str, str]:
    """Metadata of a generated file, in the texts that audio formats have."""
    requested = ", ".join(f"{key}={_text(value)}" for key, value in sample.condition.items())
    full = {**provenance.text(), "Seed": str(sample.seed), "Condition": requested}
    return {
        "title": f"generated: {requested}" if requested else "generated",
        "comment": "; ".join(f"{key}: {text}" for key, text in full.items() if text),
        "software": provenance.software,
        "date": provenance.created,
        "xmp": xmp_packet(provenance.text()),
    }


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(sample: Sample[Clip], rate: int, seconds: float) -> dict[str, Any]:
    """A clip's values, its seed, and whether it is generated."""
    clip = sample.item
    found = values(clip, sample.condition) if sample.real else sample.condition
    renamed = {f"{k}_" if k in WRITTEN else k: value for k, value in found.items()}
    marked = marks(sample)
    if clip.original is not None and clip.original.made:  # by an earlier run
        marked["generated"] = True
    named = {"name": clip.name} if sample.real and clip.name else {}
    return {**renamed, **named, "rate": rate, "seconds": round(seconds, 6), **marked}


# --- Parquet ------------------------------------------------------------------------------------


def _write_parquet(samples: Iterable[Sample[Clip]], file: Path, provenance: Provenance) -> None:
    rows = (
        {"audio": {"bytes": data, "path": name}, **_flat(row, sample)}
        for name, data, row, sample in _files(samples, provenance, "parquet")
    )
    first = list(islice(rows, ROW_GROUP))
    kinds = _value_columns(first)
    with TableWriter(file, _schema(first, kinds, provenance), ROW_GROUP) as writer:
        for row in chain(first, rows):
            if late := row.keys() - kinds.keys() - {*WRITTEN}:
                raise GankitError(f"column {min(late)} is not in the first rows", _UNTYPED)
            cells = {key: _converted(key, row.get(key), kind) for key, kind in kinds.items()}
            writer.write({**row, **cells})


def _flat(row: Mapping[str, Any], sample: Sample[Clip]) -> dict[str, Any]:
    """A row with the columns of all real clips; lists and mappings are JSON."""
    original = sample.item.original
    named = ((f"{k}_" if k in WRITTEN else k) for k in (original.columns if original else ()))
    cells = {k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()}
    return {**dict.fromkeys(named), **cells}


def _value_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, type]:
    """Columns of values in the first rows, and the type of each: text unless all are numbers."""
    found: dict[str, type] = {}
    for row in rows:
        for key in (key for key in row if key not in WRITTEN):
            value = row[key]
            kind = type(value) if type(value) in (bool, int, float) else str
            if value is None:
                found.setdefault(key, type(None))
            elif found.get(key, type(None)) in (type(None), kind):
                found[key] = kind
            else:
                found[key] = float if {found[key], kind} == {int, float} else str
    return {key: str if kind is type(None) else kind for key, kind in found.items()}


def _converted(key: str, value: object, kind: type) -> object:
    """A value of a column.

    Raises:
        GankitError: it has another type than those of the first rows.
    """
    if value is None:
        return None
    if kind is str:
        return _text(value)
    if isinstance(value, kind) or (kind is float and isinstance(value, int)):
        return value
    raise GankitError(
        f"column {key} has {value!r} after rows of {kind.__name__}s",
        _UNTYPED,
    )


def _schema(
    rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, type], provenance: Provenance
) -> Any:
    import pyarrow as pa

    columns = {"audio": pa.struct([("bytes", pa.binary()), ("path", pa.string())])}
    types = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
    columns |= {key: types[kind] for key, kind in kinds.items()}
    if any("name" in row for row in rows):
        columns["name"] = pa.string()
    columns |= {"rate": pa.int32(), "seconds": pa.float64()}
    columns |= {"seed": pa.uint64(), "generated": pa.bool_()}
    sound: dict[str, Any] = {"_type": "Audio"}
    if rows and len({row["rate"] for row in rows}) == 1:
        sound["sampling_rate"] = rows[0]["rate"]
    return media_schema(columns, {"audio": sound}, provenance)
