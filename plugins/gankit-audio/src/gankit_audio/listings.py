"""Where recordings lie, and what is said of them: folders, archives, manifests, Parquet, memory."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gankit.errors import GankitError, did_you_mean
from gankit_audio.clips import LABEL, Clip, Samples
from gankit_audio.files import SUFFIXES, UnusableError
from gankit_audio.settings import AudioSettings

READS = f"Reads folders and zip archives of {', '.join(SUFFIXES)}; Parquet; CSV, TSV and JSONL"
MANIFESTS = (".csv", ".tsv", ".jsonl")
BESIDE = ("metadata.jsonl", "metadata.csv", "manifest.jsonl", "manifest.csv", "manifest.tsv")
"""Manifests that are looked for in a folder or archive."""
AUDIO_KEYS = ("audio", "file_name", "path", "file", "filename")
LABEL_KEYS = ("label", "labels", "class", "category")
SPLITS = {"train", "training", "test", "val", "valid", "validation", "eval"}
MAX_MEMBER = 4 * 2**30
"""Largest recording in an archive, in bytes, unpacked."""

Values = Mapping[str, str | float]


@dataclass(frozen=True)
class Entry:
    """A recording that was found: where it lies, its bytes on demand or its samples, and what is
    said of it.
    """

    name: str
    open: Callable[[], BinaryIO] | None = None
    samples: Samples | None = None
    rate: int = 0
    values: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """What was found, in a fixed order."""

    kind: str
    entries: list[Entry]


def find(source: object, settings: AudioSettings) -> Listing:
    """The recordings of a path or of an object in memory.

    Raises:
        GankitError: no such path, a file that holds no recordings, a manifest that lacks a column.
    """
    if not isinstance(source, (str, Path)):
        return _memory(source, settings)
    path = Path(source)
    if not path.exists():
        near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise GankitError(f"{path}: no such file or folder", did_you_mean(path.name, near))
    suffix = path.suffix.lower()
    if path.is_dir():
        names = list(_walk(path))
        tables = [path / n for n in names if n.lower().endswith(".parquet")]
        if tables and not any(map(_is_audio, names)):
            train = [t for t in tables if t.name.startswith("train")]
            return _parquet(train or tables, settings)
        return _files("folder", str(path), names, lambda n: _file(path / n), settings)
    if suffix == ".zip":
        return _archive(path, settings)
    if suffix == ".parquet":
        return _parquet([path], settings)
    if suffix in MANIFESTS:
        rows = _rows(path.name, path.read_bytes(), str(path))
        opener = lambda name: _file(path.parent / name)  # noqa: E731
        return Listing("manifest", _listed(rows, str(path), opener, settings))
    if _is_audio(path.name):
        return Listing("file", [Entry(path.name, partial(_file, path))])
    raise GankitError(f"{path}: no recordings can be read from {suffix or 'such'} files", READS)


def _is_audio(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _file(path: Path) -> BinaryIO:
    return path.open("rb")


def _walk(root: Path) -> Iterator[str]:
    """Names of the files below a folder, sorted, with slashes; hidden ones are left out."""
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = sorted(n for n in subfolders if not n.startswith("."))
        for name in sorted(n for n in files if not n.startswith(".")):
            yield (Path(folder) / name).relative_to(root).as_posix()


# --- Files with their labels --------------------------------------------------------------------


def _files(
    kind: str,
    where: str,
    names: Sequence[str],
    opener: Callable[[str], BinaryIO],
    settings: AudioSettings,
) -> Listing:
    audio = [n for n in names if _is_audio(n)]
    if not audio:
        raise GankitError(f"{where}: no recordings among its {len(names):,} files", READS)
    beside = next((n for n in BESIDE if n in names), None)
    if beside and settings.label == "auto":
        with opener(beside) as file:
            rows = _rows(beside, file.read(), f"{where}/{beside}")
        entries = _listed(rows, f"{where}/{beside}", opener, settings)
        return Listing(f"{kind} with {beside}", entries)
    firsts = {n.split("/")[0] if "/" in n else "" for n in audio}
    train = next((f for f in sorted(firsts) if f.lower() in ("train", "training")), None)
    if train and {f.lower() for f in firsts} <= SPLITS:
        audio, kind = [n for n in audio if n.startswith(f"{train}/")], f"{kind} (its part {train})"
    labels = _labels(audio, settings)
    return Listing(
        kind,
        [
            Entry(name, partial(opener, name), values={} if label is None else {LABEL: label})
            for name, label in zip(audio, labels, strict=True)
        ],
    )


def _labels(names: Sequence[str], settings: AudioSettings) -> Sequence[str | None]:
    none = [None] * len(names)
    if settings.label == "prefix":
        stems = [n.rpartition("/")[2].rpartition(".")[0].replace("-", "_") for n in names]
        return [s.partition("_")[0] if "_" in s else None for s in stems]
    if settings.label == "none":
        return none
    folders = [n.split("/")[-2] if "/" in n else None for n in names]
    several = len(set(folders)) > 1 and None not in folders
    return folders if several or settings.label == "folder" else none


def _archive(path: Path, settings: AudioSettings) -> Listing:
    try:
        opened = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise GankitError(
            f"{path}: not a readable zip archive ({error})", "Pack it again"
        ) from None
    hidden = (".", "__MACOSX")
    members = {
        m.filename: m
        for m in opened.infolist()
        if not m.is_dir() and not any(p.startswith(hidden) for p in m.filename.split("/"))
    }
    names, top = sorted(members), ""
    while names and all("/" in n for n in names) and len({n.split("/")[0] for n in names}) == 1:
        if all(n.count("/") == 1 for n in names) and settings.label == "folder":
            break
        top += names[0].split("/")[0] + "/"
        names = [n.partition("/")[2] for n in names]
    return _files(
        "zip archive", str(path), names, lambda n: _member(opened, members[top + n]), settings
    )


def _member(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    try:
        with opened.open(member) as file:
            data = file.read(MAX_MEMBER + 1)  # the declared size may lie
    except RuntimeError:
        raise UnusableError("encrypted") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise UnusableError(f"damaged archive member ({error})") from None
    if len(data) > MAX_MEMBER:
        raise UnusableError(f"unpacks to more than {MAX_MEMBER:,} bytes")
    return io.BytesIO(data)


# --- Manifests ----------------------------------------------------------------------------------


def _rows(name: str, data: bytes, where: str) -> list[dict[str, Any]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise GankitError(f"{where}: not UTF-8 text", "Save it as UTF-8") from None
    rows: list[dict[str, Any]] = []
    if name.lower().endswith(".jsonl"):
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise GankitError(f"{where} line {number}: {error}", "Mend the line") from None
                if not isinstance(row, dict):
                    raise GankitError(f"{where} line {number}: not an object", "Mend the line")
                rows.append(row)
    else:
        tab = name.lower().endswith(".tsv")
        try:
            rows = list(csv.DictReader(io.StringIO(text), delimiter="\t" if tab else ","))
        except csv.Error as error:
            raise GankitError(f"{where}: {error}", "Mend the file") from None
    if not rows:
        raise GankitError(f"{where}: it lists nothing", "A manifest has a line for each recording")
    return rows


def _listed(
    rows: Sequence[Mapping[str, Any]],
    where: str,
    opener: Callable[[str], BinaryIO],
    settings: AudioSettings,
) -> list[Entry]:
    known = list(dict.fromkeys(str(key) for row in rows for key in row))
    audio = _column(known, settings.audio_key, "auto", AUDIO_KEYS, where, "audio_key")
    if audio is None:
        raise GankitError(
            f"{where}: no column with the paths; it has {', '.join(known)}", "Set audio_key"
        )
    told = _told(rows, known, where, settings)
    paths = [str(row.get(audio) or "") for row in rows]
    return [
        Entry(path or f"row {i}", partial(opener, path), values=values)
        for i, (path, values) in enumerate(zip(paths, told, strict=True))
    ]


def _column(
    known: Sequence[str], key: str, default: str, usual: Sequence[str], where: str, setting: str
) -> str | None:
    if key != default:
        if key not in known:
            raise GankitError(
                f"{setting}={key}: {where} has no such column; it has {', '.join(known)}",
                did_you_mean(key, list(known)),
            )
        return key
    return next((name for name in usual if name in known), None)


def _told(
    rows: Sequence[Mapping[str, Any]], known: Sequence[str], where: str, settings: AudioSettings
) -> list[Values]:
    """The label of each row, and the columns that are conditions: as numbers, where all are."""
    label = _column(known, settings.label_key, LABEL, LABEL_KEYS, where, "label_key")
    wanted = {name: name for name in settings.conditions if name in known and name != LABEL}
    if label is not None and settings.label in ("auto", "none"):
        wanted[LABEL] = label
    told: list[dict[str, str | float]] = [{} for _ in rows]
    for name, column in wanted.items():
        values = [row.get(column) for row in rows]
        numbers = None if name == LABEL else _numbers(values)
        for i, value in enumerate(values):
            if value is not None and value != "":
                told[i][name] = str(value) if numbers is None else numbers[i]
    return list(told)


def _numbers(values: Sequence[Any]) -> list[float] | None:
    try:
        return [float(v) for v in values]
    except (TypeError, ValueError):
        return None


# --- Parquet ------------------------------------------------------------------------------------


def _parquet(paths: Sequence[Path], settings: AudioSettings) -> Listing:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    entries: list[Entry] = []
    for path in paths:
        try:
            schema = pq.read_schema(path)
            known = schema.names
            audio = _column(known, settings.audio_key, "auto", AUDIO_KEYS, str(path), "audio_key")
            if audio is None:
                raise GankitError(
                    f"{path}: no column with audio; it has {', '.join(known)}", "Set audio_key"
                )
            label = _column(known, settings.label_key, LABEL, LABEL_KEYS, str(path), "label_key")
            others = [n for n in settings.conditions if n in known]
            table = pq.read_table(path, columns=list({audio, *others, *([label] if label else [])}))
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise GankitError(f"{path}: not a readable Parquet file ({reason})", READS) from None
        column = table[audio]
        if pa.types.is_struct(column.type):
            column = pc.struct_field(column, "bytes")
        if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
            raise GankitError(
                f"{path}: column {audio!r} holds {column.type}, not audio files",
                "Expected binary, or a struct with the field bytes",
            )
        rest = table.drop_columns([audio]).to_pylist() or [{}] * len(column)
        names = _class_names(schema.metadata or {}, label)
        if label and names:
            for row in rest:
                value = row[label]
                if isinstance(value, int):
                    row[label] = names[value] if 0 <= value < len(names) else None
        told = _told(rest, known, str(path), settings)
        prefix = f"{path.name} " if len(paths) > 1 else ""
        entries += [
            Entry(f"{prefix}row {i}", partial(_cell, column, i), values=values)
            for i, values in enumerate(told)
        ]
    return Listing("Parquet", entries)


def _cell(column: Any, row: int) -> BinaryIO:
    value = column[row].as_py()
    if value is None:
        raise UnusableError("no audio in this row")
    return io.BytesIO(value)


def _class_names(metadata: Mapping[bytes, bytes], label: str | None) -> Sequence[str]:
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return [str(name) for name in features[label]["names"]]
    except (KeyError, TypeError, ValueError):
        classes = metadata.get(b"classes", b"").decode("utf-8", "replace")
        return classes.split(",") if classes else ()


# --- In memory ----------------------------------------------------------------------------------


def _memory(source: object, settings: AudioSettings) -> Listing:
    stacked = isinstance(source, np.ndarray) and source.ndim >= 2
    if not (stacked or (isinstance(source, Sequence) and not isinstance(source, bytes))):
        raise GankitError(
            f"data of type {type(source).__name__} is no list of sounds",
            "Give a path, or a list of arrays, of (array, rate), of clips or of mappings with "
            "audio, rate and label",
        )
    several: Sequence[Any] = source  # type: ignore[assignment]
    entries = [_of_memory(i, one, settings) for i, one in enumerate(several)]
    return Listing("memory", entries)


def _of_memory(i: int, one: Any, settings: AudioSettings) -> Entry:
    if isinstance(one, Clip):
        return Entry(one.name or f"item {i}", samples=one.samples, rate=one.rate, values=one.values)
    rate, values = settings.rate, {}
    if isinstance(one, Mapping):
        samples = next((one[k] for k in ("samples", "audio", "array") if k in one), None)
        if isinstance(samples, Mapping):  # Hugging Face's decoded audio
            one, samples = {**samples, **one}, samples.get("array")
        rate = one.get("rate", one.get("sampling_rate", rate))
        names = {LABEL, *settings.conditions}
        values = {k: v if isinstance(v, float) else str(v) for k, v in one.items() if k in names}
        label = one.get(settings.label_key)
        values |= {} if label is None else {LABEL: str(label)}
    elif isinstance(one, tuple) and len(one) == 2:
        samples, rate = one
    else:
        samples = one
    x = np.asarray(samples)
    if samples is None or x.dtype.kind not in "fiu" or x.ndim not in (1, 2):
        raise GankitError(f"item {i}: no samples (T,) or (channels, T)", "Give a NumPy array")
    if not isinstance(rate, (int, np.integer)):
        raise GankitError(f"item {i}: its rate is not known", "Give (array, rate), or set rate")
    if x.dtype.kind in "iu":
        info = np.iinfo(x.dtype)  # unsigned samples lie about their middle
        full = 2.0 ** (info.bits - 1)
        x = (x.astype(np.float32) - (full if info.min == 0 else 0.0)) / full
    if x.ndim == 2 and x.shape[0] > x.shape[1]:
        raise GankitError(
            f"item {i}: {x.shape[0]:,} channels of {x.shape[1]:,} samples",
            "Channels come first: (channels, T)",
        )
    return Entry(
        f"item {i}", samples=np.atleast_2d(x).astype(np.float32), rate=int(rate), values=values
    )
