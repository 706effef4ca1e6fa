"""Writing what was generated: audio files in a folder a class, or Parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError, did_you_mean
from gankit_audio.data.clips import LABEL, Clip
from gankit_audio.data.manifests import WRITTEN
from gankit_audio.output.encoding import CODINGS, encode

METADATA = "metadata.jsonl"
TAKEN = (METADATA, "provenance.json")
"""Files that lie beside the folders of labels."""
FORMATS = (*CODINGS, "parquet")
"""What can be written; the first is the default."""
ROW_GROUP = 256
"""Clips a row group of Parquet files, and so the most that are held in memory."""


def write(
    samples: Iterable[Sample[Clip]], target: Path, provenance: Provenance, format: str = "wav"
) -> None:
    """Writes clips below ``target`` as they come.

    Every generated file says in its own metadata that it was generated, with which seed and for
    which condition; a real one, in an augmented data set, says nothing. Audio formats:
    ``000000.wav``… in a folder a label, with ``metadata.jsonl``. ``parquet``: ``data.parquet``, in
    the layout of Hugging Face, with 16-bit WAV.

    Raises:
        GankitError: no such format, one that cannot hold the rate, or samples that are no numbers.
    """
    if format not in FORMATS:
        raise GankitError(f"format={format}: unknown", did_you_mean(format, list(FORMATS)))
    target.mkdir(parents=True, exist_ok=True)
    if format == "parquet":
        _write_parquet(samples, target / "data.parquet", provenance)
        return
    with (target / METADATA).open("w", encoding="utf-8") as metadata:
        for name, data, sample in _files(samples, provenance, format):
            file = target / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
            row = {"file_name": name, **_row(sample)}
            metadata.write(json.dumps(row, ensure_ascii=False) + "\n")


def _files(
    samples: Iterable[Sample[Clip]], provenance: Provenance, format: str
) -> Iterator[tuple[str, bytes, Sample[Clip]]]:
    """Each sample as a file name and the bytes of its file."""
    for i, sample in enumerate(samples):
        label = sample.condition.get(LABEL)
        folder = "" if label is None else f"{_folder_name(_said(label))}/"
        clip, texts = sample.item, {} if sample.real else marks(sample, provenance)
        name = f"{folder}{i:06d}{CODINGS[format].suffix}"
        try:
            yield name, encode(clip.samples, clip.rate, format, texts), sample
        except GankitError as error:
            raise GankitError(f"{name}: {error.message}", error.hint) from None


def marks(sample: Sample[Clip], provenance: Provenance) -> dict[str, str]:
    """What a generated file says of itself, in the texts that audio formats have."""
    asked = ", ".join(f"{key}={_said(value)}" for key, value in sample.condition.items())
    full = {**provenance.text(), "Seed": str(sample.seed), "Condition": asked}
    return {
        "title": f"generated: {asked}" if asked else "generated",
        "comment": "; ".join(f"{key}: {text}" for key, text in full.items() if text),
        "software": provenance.software,
        "date": provenance.created,
    }


def _folder_name(label: str) -> str:
    """A label as a folder's name on any system; ``metadata.jsonl`` has it unchanged."""
    name = re.sub(r"[^\w .+-]", "_", label).strip(" .")[:80] or "_"
    return f"_{name}" if name.lower() in TAKEN else name


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(sample: Sample[Clip]) -> dict[str, Any]:
    """A clip's values, and what says whether it is generated and from which seed."""
    clip = sample.item
    values = {f"{k}_" if k in WRITTEN else k: value for k, value in sample.condition.items()}
    named = {"name": clip.name} if sample.real and clip.name else {}
    return {
        **values,
        **named,
        "rate": clip.rate,
        "seconds": round(clip.samples.shape[1] / clip.rate, 6),
        "seed": None if sample.real else sample.seed,
        "generated": not sample.real,
    }


# --- Parquet ------------------------------------------------------------------------------------


def _write_parquet(samples: Iterable[Sample[Clip]], file: Path, provenance: Provenance) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = (
        {"audio": {"bytes": data, "path": name}, **_row(sample)}
        for name, data, sample in _files(samples, provenance, "wav")
    )
    first = list(islice(rows, ROW_GROUP))
    texts = _value_columns(first)
    schema = _schema(first, texts, provenance)
    everything = chain(first, rows)
    with pq.ParquetWriter(file, schema) as writer:
        while group := list(islice(everything, ROW_GROUP)):
            for row in group:
                row.update({key: _fits(row.get(key), text) for key, text in texts.items()})
            writer.write_table(pa.Table.from_pylist(group, schema))


def _value_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """Columns of the first rows that are a clip's values, and whether they are texts."""
    found: dict[str, bool] = {}
    for row in rows:
        for key in (key for key in row if key not in WRITTEN):
            number = isinstance(row[key], int | float) and not isinstance(row[key], bool)
            found[key] = found.get(key, False) or not number
    return found


def _fits(value: object, text: bool) -> str | float | None:
    if value is None:
        return None
    if text:
        return _said(value)
    try:
        return float(str(value))
    except ValueError:
        return None


def _schema(
    rows: Sequence[Mapping[str, Any]], texts: Mapping[str, bool], provenance: Provenance
) -> Any:
    """Columns, with the description that Hugging Face's datasets read and our statement."""
    import pyarrow as pa

    audio = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    types: dict[str, tuple[Any, str]] = {
        key: (pa.string(), "string") if text else (pa.float64(), "float64")
        for key, text in texts.items()
    }
    if any("name" in row for row in rows):
        types["name"] = (pa.string(), "string")
    types |= {
        "rate": (pa.int32(), "int32"),
        "seconds": (pa.float64(), "float64"),
        "seed": (pa.uint64(), "uint64"),
        "generated": (pa.bool_(), "bool"),
    }
    sound: dict[str, Any] = {"_type": "Audio"}
    if rows:
        sound["sampling_rate"] = rows[0]["rate"]
    features = {"audio": sound} | {
        key: {"dtype": name, "_type": "Value"} for key, (_, name) in types.items()
    }
    statement = {f"gankit.{key}": value for key, value in provenance.text().items()}
    columns = [("audio", audio), *((key, kind) for key, (kind, _) in types.items())]
    return pa.schema(columns).with_metadata(
        {"huggingface": json.dumps({"info": {"features": features}}), **statement}
    )
