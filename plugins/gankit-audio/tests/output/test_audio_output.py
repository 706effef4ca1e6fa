"""Written files: samples are preserved, never clipped, and every file is marked as generated."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError
from gankit_audio.data.clips import Clip
from gankit_audio.output import writing
from gankit_audio.output.encoding import CODINGS, encode

PROVENANCE = Provenance(
    software="gankit 0.1",
    run="audio-digits-001",
    created="2030-01-02T03:04:05Z",
    source_type="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
)
LOSSLESS = {"wav": 16, "wav24": 24, "wavfloat": 32, "flac": 16, "flac24": 24}
AWKWARD = ["cat", "a/../b", "dög 10", "..", "metadata.jsonl", "provenance.json"]


def samples(
    count: int = 6,
    labels: Sequence[str] = (),
    channels: int = 1,
    rate: int = 8000,
    length: int = 801,
    **values: str | float,
) -> list[Sample[Clip]]:
    rng = np.random.default_rng(0)
    made = []
    for i in range(count):
        sound = rng.uniform(-0.8, 0.8, (channels, length)).astype(np.float32)
        label = {"label": labels[i % len(labels)]} if labels else {}
        condition = {**label, **values}
        made.append(Sample(Clip(sound, rate, condition), 2**63 + i, condition))
    return made


def lines(target: Path) -> list[dict[str, object]]:
    text = (target / "metadata.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def decoded(data: bytes) -> tuple[np.ndarray, int, Mapping[str, str]]:
    if data[:1] == b"\xff":  # without a tag, libsndfile knows MP3 by its extension only
        data = b"ID3\3\0\0\0\0\0\x0a" + bytes(10) + data
    with sf.SoundFile(io.BytesIO(data)) as file:
        return file.read(dtype="float64", always_2d=True).T, file.samplerate, file.copy_metadata()


def files(target: Path, format: str) -> Iterator[tuple[str, bytes]]:
    if format == "parquet":
        for row in pq.read_table(target / "data.parquet")["audio"].to_pylist():
            yield row["path"], row["bytes"]
    else:
        for row in lines(target):
            yield str(row["file_name"]), (target / str(row["file_name"])).read_bytes()


@pytest.mark.parametrize("format", writing.FORMATS)
@pytest.mark.parametrize("labels", [(), AWKWARD], ids=["plain", "labelled"])
@pytest.mark.parametrize("channels", [1, 2])
def test_written_samples_are_preserved(
    tmp_path: Path, format: str, labels: Sequence[str], channels: int
) -> None:
    made = samples(6, labels, channels)
    target = tmp_path / "out"
    writing.write(iter(made), target, PROVENANCE, format)
    found = list(files(target, format))
    assert len({name for name, _ in found}) == 6
    for (name, data), sample in zip(found, made, strict=True):
        sound, rate, _ = decoded(data)
        assert rate == 8000
        assert sound.shape == sample.item.samples.shape
        bits = LOSSLESS.get(format, 16)
        if format in LOSSLESS or format == "parquet":
            assert np.abs(sound - sample.item.samples).max() <= 0.5 / 2 ** (bits - 1)
        assert ("/" in name) == bool(labels)
    everything = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert all(target in p.parents for p in everything)


@pytest.mark.parametrize("format", writing.FORMATS)
def test_every_file_is_marked_as_generated(tmp_path: Path, format: str) -> None:
    writing.write(samples(4, ["cat", "dog"]), tmp_path, PROVENANCE, format)
    for i, (_, data) in enumerate(files(tmp_path, format)):
        _, _, texts = decoded(data)
        for key, value in {
            **PROVENANCE.text(),
            "Seed": str(2**63 + i),
            "Condition": f"label={['cat', 'dog'][i % 2]}",
        }.items():
            assert f"{key}: {value}" in texts["comment"]
        assert texts["title"].startswith("generated")
        assert texts["date"] == PROVENANCE.created
        if format != "mp3":  # the encoder writes its own name
            assert texts["software"].startswith(PROVENANCE.software)


def test_a_label_of_any_letters_is_kept(tmp_path: Path) -> None:
    odd = "dög\n„<&>“ 猫"
    for format in ("wav", "flac", "ogg", "mp3"):
        writing.write(samples(1, [odd]), tmp_path / format, PROVENANCE, format)
        ((_, data),) = files(tmp_path / format, format)
        label = " ".join(odd.split())
        if format == "mp3":
            label = label.encode("ascii", "backslashreplace").decode()
        assert f"Condition: label={label}" in decoded(data)[2]["comment"]
        assert lines(tmp_path / format)[0]["label"] == odd


def test_metadata_lines(tmp_path: Path) -> None:
    writing.write(samples(2, ["cat", "dog"], pitch=60.5, rate_=1.0), tmp_path, PROVENANCE)
    assert lines(tmp_path)[1] == {
        "file_name": "dog/000001.wav",
        "label": "dog",
        "pitch": 60.5,
        "rate_": 1.0,
        "rate": 8000,
        "seconds": 0.100125,
        "seed": 2**63 + 1,
        "generated": True,
    }


@pytest.mark.parametrize("format", ["wav", "parquet"])
def test_values_cannot_replace_our_columns(tmp_path: Path, format: str) -> None:
    made = samples(1)[0]
    faked = Sample(made.item, 5, {"generated": "no", "seed": 9.0, "file_name": "x", "audio": "y"})
    writing.write([faked], tmp_path, PROVENANCE, format)
    (row,) = (
        pq.read_table(tmp_path / "data.parquet").to_pylist()
        if format == "parquet"
        else lines(tmp_path)
    )
    assert (row["generated"], row["seed"]) == (True, 5)
    assert (row["generated_"], row["seed_"], row["file_name_"]) == ("no", 9.0, "x")


# --- Real clips among generated ones ------------------------------------------------------------


@pytest.mark.parametrize("format", writing.FORMATS)
def test_real_clips_are_not_marked(tmp_path: Path, format: str) -> None:
    made = samples(2, ["cat"])
    known = {"label": "cat", "speaker": "jo"}
    real = Sample(Clip(made[0].item.samples, 8000, known, "a/x.wav"), -1, known, real=True)
    writing.write([real, made[1]], tmp_path, PROVENANCE, format)
    (_, first), (_, second) = files(tmp_path, format)
    assert not any("gankit" in text for text in decoded(first)[2].values())
    assert "gankit" in decoded(second)[2]["comment"]
    rows = (
        pq.read_table(tmp_path / "data.parquet").to_pylist()
        if format == "parquet"
        else lines(tmp_path)
    )
    assert [row["generated"] for row in rows] == [False, True]
    assert (rows[0]["seed"], rows[0]["name"], rows[0]["speaker"]) == (None, "a/x.wav", "jo")
    assert rows[1].get("name") is None
    assert rows[1].get("speaker") is None


@pytest.mark.parametrize(("format", "bits"), [("wav", 16), ("flac", 16), ("wav24", 24)])
def test_integer_samples_are_written_exactly(format: str, bits: int) -> None:
    full = 2 ** (bits - 1)
    whole = np.random.default_rng(1).integers(-full, full, (2, 500))
    whole[0, :3] = -full, full - 1, 0
    sound = (whole / full).astype(np.float32)
    assert np.array_equal(decoded(encode(sound, 44100, format, {}))[0] * full, whole)


# --- Full scale ---------------------------------------------------------------------------------


@pytest.mark.parametrize("format", CODINGS)
@given(level=st.floats(0.5, 40), offset=st.floats(-1, 1))
def test_nothing_is_clipped(format: str, level: float, offset: float) -> None:
    """A clip beyond full scale keeps its shape, up to one factor."""
    t = np.arange(2000) / 8000
    sound = (level * (np.sin(2 * np.pi * 400 * t) + offset))[None].astype(np.float32)
    found = decoded(encode(sound, 8000, format, {}))[0]
    assert np.abs(found).max() <= 1
    if format in LOSSLESS:
        factor = float((found * sound).sum() / (sound**2).sum())
        assert factor <= 1 + 1e-4
        assert np.abs(found - factor * sound).max() < 1.01 / 2**15
        if np.abs(sound).max() > 1.001:
            assert np.abs(found).max() > 0.9999
        else:
            assert factor == pytest.approx(1, abs=1.1e-3)


def test_nan_samples_are_refused(tmp_path: Path) -> None:
    bad = samples(2)
    bad[1].item.samples[0, 5] = np.nan
    with pytest.raises(GankitError, match="000001.wav: a clip holds NaN or infinite samples"):
        writing.write(bad, tmp_path, PROVENANCE)


@pytest.mark.parametrize(("format", "rate"), [("mp3", 10000), ("flac", 65537)])
def test_rates_that_a_format_does_not_support(tmp_path: Path, format: str, rate: int) -> None:
    with pytest.raises(
        GankitError, match=f"does not support {rate} samples per second. Use --format wav"
    ):
        writing.write(samples(1, rate=rate), tmp_path, PROVENANCE, format)


def test_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(GankitError, match="Did you mean wav24"):
        writing.write(samples(1), tmp_path, PROVENANCE, "wav2")


# --- WAV and Parquet ----------------------------------------------------------------------------


@given(
    channels=st.integers(1, 2),
    length=st.integers(1, 40),
    format=st.sampled_from(["wav", "wav24", "wavfloat"]),
    title=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
)
def test_wav_files_of_any_size(channels: int, length: int, format: str, title: str) -> None:
    """Other programs can read the chunks, with their sizes and padding."""
    sound = np.linspace(-1, 0.9, channels * length).reshape(channels, length).astype(np.float32)
    data = encode(sound, 22050, format, {"title": title, "comment": "c"})
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    found, rate, texts = decoded(data)
    assert (found.shape, rate) == (sound.shape, 22050)
    assert texts.get("title", "") == " ".join(title.split())
    if format != "wavfloat":
        with wave.open(io.BytesIO(data)) as file:
            assert file.getparams()[:4] == (channels, 3 if format == "wav24" else 2, 22050, length)


def test_the_same_clip_gives_the_same_bytes() -> None:
    sound = samples(1)[0].item.samples
    for format in ("wav", "wav24", "wavfloat", "flac", "mp3"):
        texts = {"comment": "c"}
        assert encode(sound, 8000, format, texts) == encode(sound, 8000, format, texts)


def test_parquet_carries_provenance_and_features(tmp_path: Path) -> None:
    writing.write(samples(3, ["x"], pitch=60.0), tmp_path, PROVENANCE, "parquet")
    table = pq.read_table(tmp_path / "data.parquet")
    metadata = table.schema.metadata
    for key, value in PROVENANCE.text().items():
        assert metadata[f"gankit.{key}".encode()] == value.encode()
    features = json.loads(metadata[b"huggingface"])["info"]["features"]
    assert features["audio"] == {"_type": "Audio", "sampling_rate": 8000}
    assert list(features) == table.column_names
    assert table["pitch"].to_pylist() == [60.0] * 3
    assert table["seed"].to_pylist() == [2**63 + i for i in range(3)]


def test_parquet_without_clips(tmp_path: Path) -> None:
    writing.write([], tmp_path, PROVENANCE, "parquet")
    assert pq.read_table(tmp_path / "data.parquet").num_rows == 0


def test_columns_of_mixed_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first row group decides on the columns and their types; later rows must fit."""
    monkeypatch.setattr(writing, "ROW_GROUP", 2)
    clip = samples(1)[0].item

    def write(*conditions: dict[str, Any]) -> None:
        made = [Sample(clip, i, c) for i, c in enumerate(conditions)]
        writing.write(made, tmp_path, PROVENANCE, "parquet")

    write({"a": 1.0}, {"a": "x", "n": 1.0}, {"n": 2.0}, {"a": 3.0})
    table = pq.read_table(tmp_path / "data.parquet")
    assert table["a"].to_pylist() == ["1", "x", None, "3"]
    assert table["n"].to_pylist() == [None, 1.0, 2.0, None]
    with pytest.raises(GankitError, match="column n has '.' after rows of floats"):
        write({"n": 1.0}, {"n": 1.0}, {"n": "?"})
    with pytest.raises(GankitError, match="column late is not in the first rows"):
        write({"n": 1.0}, {"n": 1.0}, {"late": 1.0})


@pytest.mark.parametrize("format", ["wav", "parquet"])
def test_writing_streams(tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most a row group of clips is in memory."""
    monkeypatch.setattr(writing, "ROW_GROUP", 4)
    sizes = []

    def stream() -> Iterator[Sample[Clip]]:
        for sample in samples(40, length=4000):
            yield sample
            sizes.append(sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()))

    writing.write(stream(), tmp_path, PROVENANCE, format)
    assert sizes[20] > 4000
    assert sizes[-1] > 1.5 * sizes[20]
