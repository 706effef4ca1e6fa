"""Real clips in an augmented data set leave as they were."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from gankit.contract import Provenance, Sample
from gankit.contract.data import quiet
from gankit_audio.data import sources
from gankit_audio.data.clips import Clip
from gankit_audio.output import writing
from gankit_audio.settings import AudioSettings

PROVENANCE = Provenance("gankit", "run", "2030-01-01T00:00:00Z", "synthetic")


def sound(seed: int, length: int = 3000, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (length, channels))


def read(source: object, **settings: Any) -> Sequence[Clip]:
    return sources.read(source, replace(AudioSettings(), **settings), quiet).items


def augmented(clips: Sequence[Clip], target: Path, format: str) -> list[dict[str, Any]]:
    """Real clips and a generated one, as written."""

    def samples() -> Iterator[Sample[Clip]]:
        for clip in clips:
            yield Sample(clip, -1, dict(clip.values), real=True)
        made = {k: v for k, v in clips[0].values.items() if k == "label"}
        yield Sample(Clip(np.zeros((1, 800), "f4"), 8000, made), 7, made)

    writing.write(samples(), target, PROVENANCE, format)
    if format == "parquet":
        return [dict(row) for row in pq.read_table(target / "data.parquet").to_pylist()]
    return [json.loads(line) for line in (target / "metadata.jsonl").read_text().splitlines()]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    kinds = [
        *((8000, 1, "PCM_16"), (44100, 2, "PCM_24"), (16000, 1, "FLOAT"), (22050, 1, "ULAW")),
        *((8000, 6, "PCM_16"), (8000, 1, "PCM_U8"), (96000, 1, "PCM_32"), (8000, 1, "MS_ADPCM")),
    ]
    for i, (rate, channels, subtype) in enumerate(kinds):
        sf.write(root / f"{i}.wav", sound(i, 3000 + i, channels), rate, subtype)
    rows: list[dict[str, Any]] = [
        {"file_name": f"{i}.wav", "label": "ab"[i % 2], "zip": f"0{i}", "n": i, "tags": ["x", i]}
        for i in range(8)
    ]
    rows[5]["extra"] = 1.5
    (root / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return root


@pytest.mark.parametrize("format", ["wav", "wav24", "wavfloat", "parquet"])
def test_files_of_the_same_format_pass_byte_for_byte(
    tmp_path: Path, data: Path, format: str
) -> None:
    rows = augmented(read(data, duration=0.1), tmp_path / "out", format)
    assert [row["generated"] for row in rows] == [False] * 8 + [True]
    for i, row in enumerate(rows[:8]):
        written = (
            row["audio"]["bytes"]
            if format == "parquet"
            else (tmp_path / "out" / row["file_name"]).read_bytes()
        )
        assert written == (data / f"{i}.wav").read_bytes()
        info = sf.info(io.BytesIO(written))
        assert (row["rate"], row["seconds"]) == (info.samplerate, round(info.duration, 6))
        assert (row["label"], row["zip"], row["n"]) == ("ab"[i % 2], f"0{i}", i)
        assert (json.loads(row["tags"]) if format == "parquet" else row["tags"]) == ["x", i]
    assert rows[5]["extra"] == 1.5


def test_other_formats_get_the_samples_of_the_file(tmp_path: Path, data: Path) -> None:
    rows = augmented(read(data, duration=0.1), tmp_path / "out", "flac")
    for i, row in enumerate(rows[:8]):
        file = tmp_path / "out" / row["file_name"]
        info, source = sf.info(file), sf.info(data / f"{i}.wav")
        assert (info.samplerate, info.channels) == (source.samplerate, source.channels)
        assert info.frames == source.frames
        step = 2.0**-23 if i in (1, 2, 6) else 2.0**-15
        difference = sf.read(file)[0] - sf.read(data / f"{i}.wav")[0]
        assert np.abs(difference).max() <= step


@pytest.mark.parametrize(
    ("ending", "deep"), [("flac", "PCM_24"), ("aiff", "PCM_16"), ("ogg", None)]
)
def test_other_sources_keep_rate_and_depth_in_wav(
    tmp_path: Path, ending: str, deep: str | None
) -> None:
    (tmp_path / "data").mkdir()
    for i in range(8):
        sf.write(tmp_path / "data" / f"{i}.{ending}", sound(i, 4000, 2), 22050, deep)
    rows = augmented(read(tmp_path / "data"), tmp_path / "out", "wav")
    for i, row in enumerate(rows[:8]):
        found, rate = sf.read(tmp_path / "out" / row["file_name"])
        source = sf.read(tmp_path / "data" / f"{i}.{ending}")[0]
        assert rate == 22050
        assert found.shape == source.shape
        assert np.abs(found - source).max() <= (2.0**-15 if ending == "ogg" else 0)


@pytest.mark.parametrize("format", ["AIFF", "AU", "FLAC", "OGG", "CAF"])
def test_parquet_passes_any_file_from_parquet(tmp_path: Path, format: str) -> None:
    files = []
    for i in range(8):
        file = io.BytesIO()
        sf.write(file, sound(i), 16000, format=format)
        files.append(file.getvalue())
    pq.write_table(pa.table({"audio": files, "n": range(8)}), tmp_path / "a.parquet")
    rows = augmented(read(tmp_path / "a.parquet"), tmp_path / "out", "parquet")
    assert [row["audio"]["bytes"] for row in rows[:8]] == files
    assert [row["n"] for row in rows[:8]] == list(range(8))


def test_rates_that_a_format_lacks_are_those_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for i in range(8):
        sf.write(tmp_path / "data" / f"{i}.wav", sound(i, 9600), 96000)
    rows = augmented(read(tmp_path / "data"), tmp_path / "out", "mp3")
    assert {row["rate"] for row in rows[:8]} == {16000}


def test_parts_of_a_recording_are_cut_from_its_own_samples(tmp_path: Path) -> None:
    file = tmp_path / "long.wav"
    sf.write(file, sound(0, 44100, 2), 44100, "PCM_24")
    rows = augmented(read(file, slice="all", duration=0.1), tmp_path / "out", "wav")
    whole = sf.read(file)[0]
    for i, row in enumerate(rows[:10]):
        found, rate = sf.read(tmp_path / "out" / row["file_name"])
        assert rate == 44100
        assert (found == whole[i * 4410 : (i + 1) * 4410]).all()


def test_an_export_of_audacity_is_read_and_passed_on(tmp_path: Path) -> None:
    """32-bit float, extensible format, with a LIST chunk and samples beyond full scale."""
    (tmp_path / "data").mkdir()
    for i in range(8):
        with sf.SoundFile(
            tmp_path / "data" / f"{i}.wav", "w", 44100, 2, "FLOAT", format="WAVEX"
        ) as out:
            out.title, out.artist = "Take", "Jo"
            out.write(sound(i, 6000, 2) * 3)
    clips = read(tmp_path / "data")
    assert len(clips) == 8
    rows = augmented(clips, tmp_path / "out", "wav")
    for i, row in enumerate(rows[:8]):
        written = (tmp_path / "out" / row["file_name"]).read_bytes()
        assert written == (tmp_path / "data" / f"{i}.wav").read_bytes()


@pytest.mark.parametrize("format", ["wav", "parquet"])
def test_augmenting_again_keeps_columns_and_marks(tmp_path: Path, data: Path, format: str) -> None:
    once = augmented(read(data, duration=0.1, silent=-120.0), tmp_path / "once", format)
    # The generated clip is silent, so it is given sound: its row stays.
    clips = read(tmp_path / "once", duration=0.1)
    twice = augmented(clips, tmp_path / "twice", format)
    assert {key for row in twice for key in row} == {key for row in once for key in row}
    marked = [replace_made(clip) for clip in clips]
    again = augmented(marked, tmp_path / "again", format)
    assert [row["generated"] for row in again] == [True] * len(again)


def replace_made(clip: Clip) -> Clip:
    assert clip.original is not None
    return replace(clip, original=replace(clip.original, made=True))
