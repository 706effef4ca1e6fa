"""Damaged files of every kind: a data set or one clear line, in bounded time."""

from __future__ import annotations

import io
import json
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from gankit.contract.data import quiet
from gankit.errors import GankitError
from gankit_audio.data import sources
from gankit_audio.data.files import UnusableError, decode, read_header
from gankit_audio.settings import AudioSettings

SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, 1000).astype("f4")
SLOW = 20.0
"""Seconds for all cases of a test, on a busy machine."""


def encoded(format: str, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    sf.write(file, SOUND, 16000, subtype, format=format)
    return file.getvalue()


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes changed, a part cut, doubled, or set to extremes, most often near the start."""
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        near = int(rng.integers(0, min(len(found), 128 if rng.random() < 0.6 else len(found)) or 1))
        size = int(rng.integers(1, 9))
        kind = rng.integers(0, 6)
        if kind == 0:
            found[near : near + size] = rng.bytes(size)
        elif kind == 1:
            found[near : near + size] = b"\xff" * size
        elif kind == 2:
            found[near : near + size] = bytes(size)
        elif kind == 3:
            del found[near : near + size * int(rng.integers(1, 50))]
        elif kind == 4:
            found[near:near] = found[near : near + size * 10]
        else:
            del found[near + int(rng.integers(0, 1 + len(found) - near)) :]
    return bytes(found)


@pytest.mark.parametrize(
    "format", ["WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3", "VOC",
               "NIST", "SVX", "MAT5", "PAF"]
)  # fmt: skip
def test_damaged_sounds(format: str) -> None:
    rng, data, start = np.random.default_rng(1), encoded(format), time.monotonic()
    reasons: list[str] = []
    for _ in range(60):
        damaged = mutated(data, rng)
        try:
            header, _ = read_header(damaged)
            found = decode(damaged, 16000, 1, most=4000)
        except UnusableError as error:
            reasons.append(str(error))
        else:
            assert header.frames > 0
            assert np.isfinite(found).all()
    assert all(reason and "\n" not in reason for reason in reasons)
    assert time.monotonic() - start < SLOW


def csv_table() -> bytes:
    return (
        "file_name,label,n\n" + "".join(f"{i}.wav,{'ab'[i % 2]},{i}\n" for i in range(8))
    ).encode()


def jsonl_table() -> bytes:
    rows = [{"file_name": f"{i}.wav", "label": "ab"[i % 2], "x": [i, None]} for i in range(8)]
    return "\n".join(map(json.dumps, rows)).encode()


def parquet_table() -> bytes:
    file = io.BytesIO()
    names = [f"{i}.wav" for i in range(8)]
    pq.write_table(pa.table({"file_name": names, "label": ["a", "b"] * 4}), file)
    return file.getvalue()


def stylegan() -> bytes:
    return json.dumps({"labels": [[f"{i}.wav", i % 2] for i in range(8)]}).encode()


def piped() -> bytes:
    return "\n".join(f'{i}|some "text|{i}' for i in range(8)).encode()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("metadata.csv", csv_table),
        ("metadata.tsv", lambda: csv_table().replace(b",", b"\t")),
        ("metadata.jsonl", jsonl_table),
        ("metadata.parquet", parquet_table),
        ("dataset.json", stylegan),
        ("index.csv", csv_table),
        ("metadata.csv", piped),
        ("examples.json", lambda: json.dumps({str(i): {"pitch": i} for i in range(8)}).encode()),
    ],
)
def test_damaged_tables(tmp_path: Path, name: str, make: Callable[[], bytes]) -> None:
    for i in range(8):
        (tmp_path / f"{i}.wav").write_bytes(encoded("WAV"))
    rng, data, start = np.random.default_rng(2), make(), time.monotonic()
    settings = replace(AudioSettings(), workers=1)
    messages: list[str] = []
    for _ in range(25):
        (tmp_path / name).write_bytes(mutated(data, rng))
        try:
            found = sources.read(tmp_path, settings, quiet)
        except GankitError as error:
            messages.append(error.message)
        else:
            assert len(found.items)
    assert all(message and "\n" not in message for message in messages)
    assert time.monotonic() - start < SLOW


@pytest.mark.parametrize("kind", ["zip", "tar", "parquet"])
def test_damaged_containers(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as packed:
            for i in range(9):
                packed.writestr(f"{i}.wav", encoded("WAV"))
    elif kind == "tar":
        with tarfile.open(file, "w") as archive:
            for i in range(9):
                member = tarfile.TarInfo(f"{i}.wav")
                member.size = len(encoded("WAV"))
                archive.addfile(member, io.BytesIO(encoded("WAV")))
    else:
        pq.write_table(pa.table({"audio": [encoded("WAV")] * 9, "label": ["a"] * 9}), file)
    rng, data, start = np.random.default_rng(3), file.read_bytes(), time.monotonic()
    messages: list[str] = []
    for i in range(25):
        cut = mutated(data[len(data) // 2 :], rng) if i % 2 else None  # the index is at the end
        file.write_bytes(data[: len(data) // 2] + cut if cut is not None else mutated(data, rng))
        try:
            found = sources.read(file, AudioSettings(), quiet)
        except GankitError as error:
            messages.append(error.message)
        else:
            assert len(found.items)
    assert all(message and "\n" not in message for message in messages)
    assert time.monotonic() - start < SLOW
