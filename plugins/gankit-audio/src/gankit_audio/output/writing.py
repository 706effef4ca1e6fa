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
from gankit.kit.parquet import schema_metadata
from gankit_audio.data.clips import LABEL, Clip
from gankit_audio.data.manifests import WRITTEN
from gankit_audio.output.encoding import CODINGS, encode

METADATA = "metadata.jsonl"
TAKEN = (METADATA, "provenance.json")
"""Files next to the folders of labels."""
FORMATS = (*CODINGS, "parquet")
"""Output formats; the first is the default."""
ROW_GROUP = 256
"""Clips per row group of Parquet files, the most in memory at once."""


def write(
    samples: Iterable[Sample[Clip]], target: Path, provenance: Provenance, format: str = "wav"
) -> None:
    """Writes clips below ``target`` as they come.

    The metadata of generated files mark them as synthetic, with seed and condition; real files, in
    an augmented data set, are not marked. Audio formats: ``000000.wav`` etc. in a folder per label,
    with ``metadata.jsonl``. ``parquet``: ``data.parquet`` in the Hugging Face layout, with 16-bit
    WAV.

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
        folder = "" if label is None else f"{_folder(label)}/"
        clip, texts = sample.item, {} if sample.real else marks(sample, provenance)
        name = f"{folder}{i:06d}{CODINGS[format].suffix}"
        try:
            yield name, encode(clip.samples, clip.rate, format, texts), sample
        except GankitError as error:
            raise GankitError(f"{name}: {error.message}", error.hint) from None


def marks(sample: Sample[Clip], provenance: Provenance) -> dict[str, str]:
    """Metadata of a generated file, in the texts that audio formats have."""
    requested = ", ".join(f"{key}={_text(value)}" for key, value in sample.condition.items())
    full = {**provenance.text(), "Seed": str(sample.seed), "Condition": requested}
    return {
        "title": f"generated: {requested}" if requested else "generated",
        "comment": "; ".join(f"{key}: {text}" for key, text in full.items() if text),
        "software": provenance.software,
        "date": provenance.created,
    }


def _folder(label: str | float) -> str:
    """The folder of a label; ``metadata.jsonl`` has the label unchanged."""
    name = folder_name(_text(label))
    return f"_{name}" if name.lower() in TAKEN else name


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(sample: Sample[Clip]) -> dict[str, Any]:
    """A clip's values, its seed, and whether it is generated."""
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
                row.update({key: _converted(row.get(key), text) for key, text in texts.items()})
            writer.write_table(pa.Table.from_pylist(group, schema))


def _value_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """Columns of values in the first rows, and whether they are text."""
    found: dict[str, bool] = {}
    for row in rows:
        for key in (key for key in row if key not in WRITTEN):
            number = isinstance(row[key], int | float) and not isinstance(row[key], bool)
            found[key] = found.get(key, False) or not number
    return found


def _converted(value: object, text: bool) -> str | float | None:
    if value is None:
        return None
    if text:
        return _text(value)
    try:
        return float(str(value))
    except ValueError:
        return None


def _schema(
    rows: Sequence[Mapping[str, Any]], texts: Mapping[str, bool], provenance: Provenance
) -> Any:
    """The schema, with Hugging Face's description of features and the provenance."""
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
    columns = [("audio", audio), *((key, kind) for key, (kind, _) in types.items())]
    return pa.schema(columns).with_metadata(schema_metadata(features, provenance))
