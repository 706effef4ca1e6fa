"""Writes clips as audio files, one folder per class, or as Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError, did_you_mean
from gankit.kit.folders import folder_name
from gankit.kit.tables import TableWriter, json_line, marks, media_schema
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
            metadata.write(json_line({"file_name": name, **_row(sample)}))


def _files(
    samples: Iterable[Sample[Clip]], provenance: Provenance, format: str
) -> Iterator[tuple[str, bytes, Sample[Clip]]]:
    """Each sample as a file name and the bytes of its file."""
    for i, sample in enumerate(samples):
        label = sample.condition.get(LABEL)
        folder = "" if label is None else f"{folder_name(_text(label), TAKEN)}/"
        clip, texts = sample.item, {} if sample.real else _metadata(sample, provenance)
        name = f"{folder}{i:06d}{CODINGS[format].suffix}"
        try:
            yield name, encode(clip.samples, clip.rate, format, texts), sample
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
    }


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
        **marks(sample),
    }


# --- Parquet ------------------------------------------------------------------------------------


def _write_parquet(samples: Iterable[Sample[Clip]], file: Path, provenance: Provenance) -> None:
    rows = (
        {"audio": {"bytes": data, "path": name}, **_row(sample)}
        for name, data, sample in _files(samples, provenance, "wav")
    )
    first = list(islice(rows, ROW_GROUP))
    texts = _value_columns(first)
    with TableWriter(file, _schema(first, texts, provenance), ROW_GROUP) as writer:
        for row in chain(first, rows):
            values = {key: _converted(row.get(key), text) for key, text in texts.items()}
            writer.write({**row, **values})


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
    import pyarrow as pa

    columns = {"audio": pa.struct([("bytes", pa.binary()), ("path", pa.string())])}
    columns |= {key: pa.string() if text else pa.float64() for key, text in texts.items()}
    if any("name" in row for row in rows):
        columns["name"] = pa.string()
    columns |= {"rate": pa.int32(), "seconds": pa.float64()}
    columns |= {"seed": pa.uint64(), "generated": pa.bool_()}
    sound: dict[str, Any] = {"_type": "Audio"}
    if rows:
        sound["sampling_rate"] = rows[0]["rate"]
    return media_schema(columns, {"audio": sound}, provenance)
