"""Reading: every kind of source, labels and tables, and invalid data of every kind."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from gankit.config.schema import validate
from gankit.contract import Dataset, Provenance, Sample
from gankit.errors import GankitError
from gankit.kit import archives
from gankit_audio.data import folders, sources
from gankit_audio.data.clips import Clip
from gankit_audio.output import writing
from gankit_audio.settings import AudioSettings

SHARED = Path(__file__).parents[4].parent / "shared" / "data"


def silent(what: str, done: int, total: int) -> None: ...


def read(source: object | None, **settings: Any) -> Dataset[Clip]:
    return sources.read(source, replace(AudioSettings(), **settings), silent)


def noise(length: int = 800, seed: int = 0, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (length, channels)).astype("f4")


def wav(seed: int = 0, length: int = 800, rate: int = 8000, **how: Any) -> bytes:
    file = io.BytesIO()
    sf.write(file, noise(length, seed), rate, **{"format": "WAV", **how})
    return file.getvalue()


def fill(root: Path, names: Sequence[str]) -> Path:
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(wav(i))
    return root


def eight(pattern: str = "{}.wav") -> list[str]:
    return [pattern.format(i) for i in range(8)]


def labels(source: Dataset[Clip]) -> list[str | None]:
    return [clip.label for clip in source.items]


def column(source: Dataset[Clip], key: str) -> list[str | float | None]:
    return [clip.values.get(key) for clip in source.items]


# --- Folders ------------------------------------------------------------------------------------


def test_folder_of_every_format(tmp_path: Path) -> None:
    formats = {"wav": "WAV", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3", "aif": "AIFF",
               "aiff": "AIFF", "WAV": "WAV"}  # fmt: skip
    for suffix, format in formats.items():
        (tmp_path / f"a.{suffix}").write_bytes(wav(0, 4000, 16000, format=format))
    (tmp_path / "a.opus").write_bytes(wav(0, 4000, 16000, format="OGG", subtype="OPUS"))
    (tmp_path / "read.me").write_text("no sound")
    (tmp_path / "stereo.wav").write_bytes(b"")
    sf.write(tmp_path / "stereo.wav", noise(3000, 1, 2), 44100)
    found = read(tmp_path)
    assert len(found.items) == 9
    assert not found.issues
    assert {clip.samples.shape for clip in found.items} == {(1, 4000)}
    assert {clip.rate for clip in found.items} == {16000}
    assert [clip.name for clip in found.items] == sorted(clip.name for clip in found.items)
    assert found.description.startswith(
        "folder: 9 recordings (AIFF, FLAC, MP3, OGG, WAV, 16000 to 44100 Hz"
    )
    assert "9 clips of 0.25 s at 16000 Hz, mono" in found.description


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["cat/1.wav", "dog/2.wav", "dog/deep/3.wav"], ["cat", "dog", "dog"]),
        (["data/cat/1.wav", "data/dog/2.wav"], ["cat", "dog"]),
        (["cat/1.wav", "cat/2.wav"], [None, None]),  # a single folder is not a label
        (["1.wav", "2.wav"], [None, None]),
        (["cat/1.wav", "dog/2.wav", "3.wav"], [None, "cat", "dog"]),
        (["train/cat/1.wav", "train/dog/2.wav", "test/cat/3.wav"], ["cat", "dog"]),
        ([".hidden/1.wav", "__MACOSX/2.wav", "cat/3.wav", "dog/4.wav"], ["cat", "dog"]),
    ],
)
def test_folders_are_labels(
    tmp_path: Path, names: list[str], expected: list[str | None], monkeypatch: Any
) -> None:
    monkeypatch.setattr(sources, "FEWEST", 1)
    assert labels(read(fill(tmp_path, names))) == expected


def test_labels_on_demand(tmp_path: Path) -> None:
    names = [f"x/{digit}_{who}-{i}.wav" for i in range(2) for digit in "01" for who in "ab"]
    fill(tmp_path, [*names, "x/kick.wav", "x/hi-hat.wav"])
    assert set(labels(read(tmp_path))) == {None}
    assert set(labels(read(tmp_path, label="folder"))) == {"x"}
    assert sorted(set(labels(read(tmp_path, label="prefix")))) == ["0", "1", "hi", "kick"]
    assert set(labels(read(tmp_path, label="none"))) == {None}
    assert "4 classes" in read(tmp_path, label="prefix").description


def test_a_folder_of_archives_or_tables(tmp_path: Path) -> None:
    for i in range(2):
        with zipfile.ZipFile(tmp_path / f"{i}.zip", "w") as archive:
            for name in eight():
                archive.writestr(name, wav())
    assert len(read(tmp_path).items) == 16
    (tmp_path / "1.zip").unlink()
    assert len(read(tmp_path).items) == 8
    pq.write_table(pa.table({"audio": [wav(i) for i in range(9)]}), tmp_path / "x.parquet")
    assert len(read(tmp_path).items) == 9


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "the folder is empty"),
        (["a.txt"], "no recordings found in .* \\(1 other files\\)"),
        (["a.m4a", "b.m4a"], "but 2 files .m4a. Convert"),
    ],
)
def test_folders_without_recordings(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(GankitError, match=message):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("drums.wv", ".wv is not supported"),
        ("a.m4a", ".m4a is not supported"),
        ("drum", "no such file or folder. Did you mean drums.wv"),
        ("no/such", "no such path, and no folder"),
    ],
)
def test_paths_without_recordings(tmp_path: Path, name: str, message: str) -> None:
    for there in ("drums.wv", "a.m4a"):
        (tmp_path / there).write_bytes(b"x")
    with pytest.raises(GankitError, match=message) as error:
        read(str(tmp_path / name))
    assert name in str(error.value)


def test_one_file_is_cut_up(tmp_path: Path) -> None:
    sf.write(tmp_path / "long.wav", noise(8000), 8000)
    found = read(tmp_path / "long.wav", slice="all", duration=0.1)
    assert len(found.items) == 10
    assert found.items[0].name == "long.wav"
    assert found.items[3].name == "long.wav at 0.300 s"
    random = read(tmp_path / "long.wav", slice="random", duration=0.1)
    assert len(random.items) == 10
    assert random.items[0].recording is not None
    assert random.items[0].recording.shape == (1, 8000)
    assert random.items[3].samples.shape == (1, 800)
    inside = slice(20, -20)  # the edges are faded
    assert (
        random.items[3].samples[:, inside] == random.items[0].recording[:, 2400:3200][:, inside]
    ).all()
    with pytest.raises(GankitError, match="long.wav: only 1 clip. .* slice=all cuts"):
        read(tmp_path / "long.wav")


# --- Rate, duration and the like ----------------------------------------------------------------


def spread(rates: Sequence[int], seconds: Sequence[float]) -> list[tuple[np.ndarray, int]]:
    return [
        (noise(round(s * r), i)[:, 0], r)
        for i, (r, s) in enumerate(zip(rates, seconds, strict=True))
    ]


def test_auto_rate_is_the_most_common_one_within_bounds() -> None:
    def rate(*rates: int) -> int:
        return read(spread(rates, [0.1] * len(rates))).items[0].rate

    assert rate(*[8000] * 5, *[11025] * 4) == 8000
    assert rate(*[8000] * 5, *[11025] * 5) == 11025
    assert rate(*[44100] * 8) == 16000
    assert rate(*[4000] * 8) == 4000
    assert read(spread([44100] * 8, [0.1] * 8), rate=48000).items[0].rate == 48000


def test_auto_duration_fits_nine_tenths_of_the_recordings() -> None:
    def seconds(*each: float) -> float:
        clip = read(spread([8000] * len(each), each)).items[0]
        return clip.samples.shape[1] / clip.rate

    assert seconds(*[0.1] * 9, 1.0) == 0.1
    assert seconds(*[0.1] * 8, 1.0, 1.0) == 1.0
    assert seconds(*[0.3001] * 10) == 0.31
    assert seconds(*[0.3] * 10) == 0.3
    assert seconds(*[3.0] * 8) == 2.0
    assert seconds(*[0.01] * 8) == 0.05


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 3999},
        {"rate": 192_001},
        {"rate": "fast"},
        {"rate": 8000.5},
        {"code": 0},
        {"mels": 3},
        {"rounds": -1},
        {"frames": -3},
        {"width": -1},
        {"latent": 0},
        {"duration": 0.04},
        {"duration": 61},
        {"duration": "long"},
        {"duration": float("nan")},
        {"loudness": "loud"},
        {"loudness": 3},
        {"loudness": -80.0},
        {"trim": -1.0},
        {"silent": 1.0},
        {"memory": -1.0},
        {"workers": 0},
    ],
)
def test_settings_out_of_range(wrong: dict[str, Any]) -> None:
    (key,) = wrong
    with pytest.raises(GankitError, match=f"{key}=.*(: out of range. Use|Expected )"):
        validate(AudioSettings, wrong)


def test_settings_in_words_and_numbers() -> None:
    found = validate(AudioSettings, {"rate": "4000", "duration": "0.25", "loudness": "-30"})
    assert (found.rate, found.duration, found.loudness) == (4000, 0.25, -30)
    assert validate(AudioSettings, {"loudness": "keep"}).loudness == "keep"


def test_every_clip_has_the_same_form(tmp_path: Path) -> None:
    for i, (rate, length) in enumerate(
        [(8000, 80), (44100, 99_999), (4000, 4000), (192_000, 5)] * 2
    ):
        sf.write(tmp_path / f"{i}.wav", noise(length, i, 1 + i % 6), rate)
    for pad in ("zero", "reflect"):
        found = read(tmp_path, pad=pad, channels="stereo", duration=0.5, rate=11025)
        assert {c.samples.shape for c in found.items} == {(2, 5512)}
        assert not found.issues
        for clip in found.items:
            assert np.isfinite(clip.samples).all()
            assert np.abs(clip.samples).max() == pytest.approx(10 ** (-1 / 20), rel=1e-5)
    with pytest.raises(GankitError, match="only 4 clips; skipped: 4"):
        read(tmp_path, pad="drop", duration=0.5)
    found = read(tmp_path, pad="drop", duration=0.5, slice="all", rate=44100)
    assert [p.location for p in found.issues] == ["0.wav", "3.wav", "4.wav", "7.wav"]
    assert found.issues[0].reason == "shorter than a clip of 0.5 s (pad=drop)"


# --- Unusable files -----------------------------------------------------------------------------


def bad(root: Path) -> Path:
    fill(root, eight("good/{}.wav"))
    for name, data in {
        "empty.wav": b"",
        "text.wav": b"a text\n" * 100,
        "cut.wav": wav()[:900],
        "nan.wav": wav(subtype="FLOAT")[:-4] + np.float32(np.nan).tobytes(),
        "slow.wav": wav(rate=1000),
        "nothing.wav": wav(length=0),
    }.items():
        (root / "good" / name).write_bytes(data)
    sf.write(root / "good" / "silent.wav", np.zeros(800), 8000)
    (root / "good" / "flac.wav").write_bytes(wav(7, format="FLAC"))
    return root


@pytest.mark.parametrize("zipped", [False, True])
def test_bad_files_are_named_and_skipped(tmp_path: Path, zipped: bool) -> None:
    source = bad(tmp_path / "data")
    if zipped:
        source = tmp_path / "data.zip"
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted((tmp_path / "data").rglob("*.wav")):
                archive.write(file, file.relative_to(tmp_path / "data"))
    found = read(source)
    assert len(found.items) == 9
    assert {
        p.location.removeprefix("good/"): p.reason.split(":")[0].split(" (")[0]
        for p in found.issues
    } == {
        "empty.wav": "an empty file",
        "text.wav": "cannot be decoded",
        "cut.wav": "cut off",
        "nan.wav": "holds NaN or infinite samples",
        "slow.wav": "a rate of 1000 Hz; supported are 4000 to 192000",
        "nothing.wav": "no samples",
        "silent.wav": "silent",
    }
    with pytest.raises(GankitError, match="data.*, good/.*wav: .*strict=false"):
        read(source, strict=True)


def test_no_usable_recordings(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.wav").write_bytes(b"junk")
    with pytest.raises(
        GankitError,
        match="none of 3 recordings can be used; the first issue: 0.wav: cannot be decoded",
    ):
        read(tmp_path)
    with pytest.raises(
        GankitError, match="none of 8 recordings can be used; the first issue: 0: silent"
    ):
        read([(np.zeros(100), 8000)] * 8)


def test_progress_is_reported(tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    sources.read([(noise()[:, 0], 8000)] * 100, AudioSettings(), lambda *call: calls.append(call))
    assert calls == [
        (what, done, 100)
        for what in ("reading headers", "decoding recordings")
        for done in (64, 100)
    ]


def test_the_order_does_not_depend_on_threads(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i:03d}.wav" for i in range(50)])
    one, many = read(tmp_path, workers=1), read(tmp_path, workers=8)
    assert [c.name for c in one.items] == [c.name for c in many.items]
    assert all((a.samples == b.samples).all() for a, b in zip(one.items, many.items, strict=True))


def test_the_fingerprint_is_of_content(tmp_path: Path) -> None:
    names = ["a/0.wav", "b/1.wav", *eight()]
    one, two = fill(tmp_path / "x", names), fill(tmp_path / "y" / "z", names)
    assert read(one).fingerprint == read(two).fingerprint
    assert read(one).fingerprint != read(one, label="none").fingerprint
    (two / "0.wav").write_bytes(wav(99))
    assert read(one).fingerprint != read(two).fingerprint
    (two / "0.wav").write_bytes((one / "0.wav").read_bytes())
    assert read(one).fingerprint == read(two).fingerprint
    (two / "0.wav").rename(two / "00.wav")
    assert read(one).fingerprint != read(two).fingerprint


def test_items_are_a_sequence() -> None:
    items = read(None, duration=0.1).items
    assert len(items) == 1200
    assert items[-1].name == items[1199].name == "C5 99"
    assert [c.name for c in items[2:6:2]] == ["A2 2", "A2 4"]
    assert [c.name for c in items.__getitems__(np.array([5, 2]))] == ["A2 5", "A2 2"]  # type: ignore[attr-defined]
    with pytest.raises(IndexError):
        items[1200]


# --- Zip ----------------------------------------------------------------------------------------


def test_a_zip_archive(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(8):
            archive.writestr(f"data/{'ab'[i % 2]}/{i}.flac", wav(i, format="FLAC"))
        archive.writestr("../evil.wav", wav())  # unpacked nowhere
        archive.writestr("__MACOSX/x.wav", b"")
    found = read(file, label="prefix")
    names = {f"data/{'ab'[i % 2]}/{i}.flac" for i in range(8)}
    assert {clip.name for clip in found.items} == names
    assert {clip.label for clip in found.items} == set("01234567")
    assert found.description.startswith("zip archive: 8 recordings (FLAC, ")
    assert not (tmp_path.parent / "evil.wav").exists()


def test_archive_bombs_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in eight():
            archive.writestr(name, wav())
        archive.writestr("bomb.wav", bytes(10_000_000))
    monkeypatch.setattr(folders, "MAX_MEMBER", 1_000_000)
    found = read(file)
    assert [(p.location, p.reason) for p in found.issues] == [
        ("bomb.wav", "unpacks to more than 1,000,000 bytes")
    ]
    monkeypatch.setattr(archives, "MAX_ARCHIVE", 5_000_000)
    with pytest.raises(GankitError, match="refused, it would unpack to 9 files"):
        read(file)


@pytest.mark.parametrize("cut", [0, 100, 3000])
def test_damaged_archives(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in eight():
            archive.writestr(name, wav())
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(GankitError, match="a.zip: not a readable zip archive"):
        read(file)


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in [*eight(), "z.wav"]:
            archive.writestr(name, wav())
    data = bytearray(file.read_bytes())
    data[data.rindex(b"RIFF") + 600] ^= 255
    file.write_bytes(data)
    found = read(file)
    assert [p.location for p in found.issues] == ["z.wav"]
    assert "damaged in the archive" in found.issues[0].reason


# --- Manifests ----------------------------------------------------------------------------------

CSV = "file_name,label,tempo,mood\n" + "".join(
    f"{i}.wav,{'ab'[i % 2]},{90 + i / 2},{i}\n" for i in range(8)
)


@pytest.mark.parametrize("name", ["metadata.csv", "manifest.csv", "list.csv", "list.tsv"])
def test_a_manifest(tmp_path: Path, name: str) -> None:
    fill(tmp_path, eight())
    text = CSV.replace(",", "\t") if name.endswith("tsv") else CSV
    (tmp_path / name).write_text(f"\ufeff{text}")
    source = tmp_path if "list" not in name else tmp_path / name
    found = read(source, conditions=("label", "tempo"))
    assert labels(found) == list("abababab")
    assert column(found, "tempo") == [90 + i / 2 for i in range(8)]
    assert column(found, "mood") == list("01234567")  # a number that is no condition is text
    assert not found.issues


def test_semicolons_and_quotes(tmp_path: Path) -> None:
    fill(tmp_path, eight("{}, loud.wav"))
    rows = [f'"{i}, loud.wav";"x;y"\r\n' for i in range(8)]
    (tmp_path / "a.csv").write_text("path;label\r\n" + "\r\n" + "".join(rows))
    assert labels(read(tmp_path / "a.csv")) == ["x;y"] * 8


@pytest.mark.parametrize("name", ["metadata.jsonl", "list.jsonl"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    fill(tmp_path, eight("sub/{}.wav"))
    rows = [
        {
            "file_name": f"sub/{i}.wav",
            "label": i % 2,
            "x": i / 4,
            "y": float(i),
            "z": None,
            "t": [1],
        }
        for i in range(8)
    ]
    (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))
    found = read(tmp_path if name == "metadata.jsonl" else tmp_path / name, conditions=("x", "z"))
    assert labels(found) == list("01010101")
    assert found.items[3].values == {"label": "1", "x": 0.75, "y": "3"}


def test_numbers_are_numbers_only_where_all_are(tmp_path: Path) -> None:
    def values(*cells: str) -> list[str | float | None]:
        fill(tmp_path, eight())
        rows = [f"{i}.wav,{cell}" for i, cell in enumerate((*cells, *["1"] * 8)[:8])]
        (tmp_path / "a.csv").write_text("\n".join(["file,x", *rows]))
        return column(read(tmp_path / "a.csv", conditions=("x",)), "x")

    assert values("1.5", "2") == [1.5, 2, *[1.0] * 6]
    assert values("1.5", "loud") == ["1.5", "loud", *["1"] * 6]
    assert values("", "2") == [None, 2, *[1.0] * 6]
    assert values("nan", "2") == ["nan", "2", *["1"] * 6]


def test_a_pitch_is_always_a_number(tmp_path: Path) -> None:
    fill(tmp_path, eight())
    rows = [f"{i}.wav,{60 + i}" for i in range(8)]
    (tmp_path / "metadata.csv").write_text("\n".join(["file,pitch", *rows]))
    assert read(tmp_path).items[1].values == {"pitch": 61.0}
    found = read(tmp_path, label_key="pitch", conditions=("label", "pitch"))
    assert found.items[1].values == {"label": "61", "pitch": "61"}


def test_conditions_missing_from_the_data_are_no_error_yet(tmp_path: Path) -> None:
    assert read(fill(tmp_path, eight()), conditions=("pitch",)).items[0].values == {}


def test_manifests_and_files_that_disagree(tmp_path: Path) -> None:
    fill(tmp_path, [*eight(), "more.wav", "most.wav"])
    (tmp_path / "metadata.csv").write_text(f"{CSV}gone.wav,a,1,1\n,a,1,1\n")
    found = read(tmp_path)
    assert len(found.items) == 8
    assert {p.location: p.reason for p in found.issues} == {
        f"{tmp_path}, metadata.csv, line 11": "no path in column file_name",
        "more.wav": "not listed in the table: left out",
        "most.wav": "not listed in the table: left out",
        "gone.wav": "listed in metadata.csv, but not there",
    }
    (tmp_path / "metadata.csv").write_text(CSV)
    assert len(read(tmp_path, strict=True).items) == 8  # files that are not listed are valid


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("sound,label\na.wav,x\n", {}, "has no audio column; it has sound, label"),
        ("sound,label\na.wav,x\n", {"audio_key": "sounds"}, "no column 'sounds'.*mean sound"),
        ("path,species\na.wav,x\n", {"label_key": "specis"}, "there are species. Did you mean"),
        ("", {}, "no rows"),
        ("path,label\n", {}, "no rows"),
        ("path,path\na,b\n", {}, "two columns named 'path'"),
        ("path,label\na.wav,x,y\n", {}, "line 2: 3 cells, 2 columns"),
        ('path,label\n"a.wav,x\n' + "x" * 200_000, {}, "line .*field larger"),
    ],
)  # fmt: skip
def test_invalid_manifests(
    tmp_path: Path, text: str, settings: dict[str, Any], message: str
) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(GankitError, match=message):
        read(tmp_path / "a.csv", **settings)


def test_a_column_of_labels_in_data_without_columns_is_refused(tmp_path: Path) -> None:
    for i, sound in enumerate(SOUNDS):
        sf.write(tmp_path / f"{i}.wav", sound, 8000)
    with pytest.raises(GankitError, match=r"label_key=kind: the data has no columns\. .*prefix"):
        read(tmp_path, label_key="kind")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"path,label\n\xff.wav,x\n", "not UTF-8"),
        (b"[1]\n", "line 1: not a JSON object"),
        (b'{"path": "a.wav"}\n{\n', "line 2: not a JSON object"),
        (b"[" * 100_000, "line 1: not a JSON object"),
    ],
)
def test_damaged_manifests(tmp_path: Path, data: bytes, message: str) -> None:
    name = "a.csv" if b"," in data else "a.jsonl"
    (tmp_path / name).write_bytes(data)
    with pytest.raises(GankitError, match=message):
        read(tmp_path / name)


def test_several_manifests(tmp_path: Path) -> None:
    fill(tmp_path, eight())
    for name in ("metadata.csv", "manifest.csv"):
        (tmp_path / name).write_text(CSV)
    found = read(tmp_path)
    assert labels(found) == list("abababab")
    assert found.warnings == ["manifest.csv: ignored, since another table describes its folder"]


def test_a_manifest_in_each_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        fill(tmp_path / split, eight())
        (tmp_path / split / "metadata.csv").write_text(CSV)
    found = read(tmp_path)
    assert labels(found) == list("abababab")
    assert found.description.startswith("folder with train/metadata.csv (its part train)")


def test_a_manifest_in_an_archive(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for i, name in enumerate(eight("data/{}.wav")):
            archive.writestr(name, wav(i))
        archive.writestr("data/metadata.csv", f"{CSV}gone.wav,a,1,1\n")
    found = read(file)
    assert labels(found) == list("abababab")
    assert [(p.location, p.reason) for p in found.issues] == [
        ("data/gone.wav", "listed in data/metadata.csv, but not there")
    ]


def test_labels_come_from_the_place_in_the_setting(tmp_path: Path) -> None:
    fill(tmp_path, [f"{'xy'[i % 2]}/{i}_z.wav" for i in range(8)])
    rows = [f"{'xy'[i % 2]}/{i}_z.wav,column" for i in range(8)]
    (tmp_path / "metadata.csv").write_text("\n".join(["file,label", *rows]))
    assert set(labels(read(tmp_path))) == {"column"}
    assert set(labels(read(tmp_path, label="folder"))) == {"x", "y"}
    assert set(labels(read(tmp_path, label="prefix"))) == set("01234567")
    assert set(labels(read(tmp_path, label="none"))) == {None}


# --- Parquet ------------------------------------------------------------------------------------


def hugging_face(path: Path, group: int = 3) -> Path:
    features = {"label": {"names": ["dog", "cat"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    audio = [{"bytes": wav(i), "path": f"{i}.wav"} for i in range(10)]
    table = pa.table({"audio": audio, "label": [0, 1] * 4 + [-1, 7], "speed": range(10)})
    pq.write_table(table.replace_schema_metadata(metadata), path, row_group_size=group)
    return path


@pytest.mark.parametrize("workers", [1, 4])
def test_parquet_as_hugging_face_writes_it(tmp_path: Path, workers: int) -> None:
    found = read(hugging_face(tmp_path / "a.parquet"), conditions=("speed",), workers=workers)
    assert labels(found) == [*["dog", "cat"] * 4, None, "7"]
    assert column(found, "speed") == list(map(float, range(10)))
    assert [c.name for c in found.items][:2] == ["row 0", "row 1"]
    expected = noise(800, 5)[:, 0]
    given = found.items[5].samples[0]
    assert np.corrcoef(given, expected)[0, 1] > 0.9999
    assert found.description.startswith("Parquet: 10 recordings")
    assert labels(read(tmp_path / "a.parquet", label="prefix")) == list("0123456789")


def test_parquet_of_plain_bytes_and_of_paths(tmp_path: Path) -> None:
    fill(tmp_path / "sounds", eight())
    pq.write_table(pa.table({"audio": [wav(i) for i in range(8)]}), tmp_path / "bytes.parquet")
    paths = [f"sounds/{i}.wav" for i in range(8)]
    pq.write_table(pa.table({"path": paths}), tmp_path / "paths.parquet")
    structs = [{"bytes": None, "path": path} for path in paths]
    pq.write_table(pa.table({"x": structs}), tmp_path / "structs.parquet")
    one = read(tmp_path / "bytes.parquet")
    for found in (
        read(tmp_path / "paths.parquet"),
        read(tmp_path / "structs.parquet", audio_key="x"),
    ):
        assert all(
            (a.samples == b.samples).all() for a, b in zip(one.items, found.items, strict=True)
        )


def test_bad_rows_of_parquet_are_named(tmp_path: Path) -> None:
    rows = [*(wav(i) for i in range(8)), None, b"junk"]
    pq.write_table(pa.table({"audio": rows}), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert [(p.location, p.reason.split(" (")[0]) for p in found.issues] == [
        ("row 8", "no audio in this row"),
        ("row 9", "cannot be decoded"),
    ]


@pytest.mark.parametrize(
    ("columns", "settings", "message"),
    [
        ({"sound": [b""], "label": ["x"]}, {}, "has no audio column; it has sound, label"),
        ({"sound": [b""]}, {"audio_key": "sounds"}, "no column 'sounds'.*Did you mean sound"),
        ({"audio": [1.5]}, {}, "column 'audio' holds double, not sound files"),
        ({"audio": [b""], "kind": ["x"]}, {"label_key": "kinds"}, "no such column.*mean kind"),
    ],
)  # fmt: skip
def test_invalid_parquet(
    tmp_path: Path, columns: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(GankitError, match=message):
        read(tmp_path / "a.parquet", **settings)


def test_not_a_parquet_file(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"junk")
    with pytest.raises(GankitError, match="a.parquet: not a readable Parquet file"):
        read(tmp_path / "a.parquet")


# --- In memory ----------------------------------------------------------------------------------

SOUNDS = [noise(800, i)[:, 0] for i in range(8)]


def test_every_form_in_memory_gives_the_same() -> None:
    import pandas as pd

    stack = np.stack(SOUNDS)
    expected = read([(sound, 8000) for sound in SOUNDS])
    for source in (
        (stack, 8000),
        (stack[:, None], 8000),
        [(sound[None], 8000) for sound in SOUNDS],
        [(sound[:, None], 8000) for sound in SOUNDS],
        [{"audio": sound, "rate": 8000} for sound in SOUNDS],
        [{"samples": sound, "sampling_rate": np.int64(8000)} for sound in SOUNDS],
        [{"audio": {"array": sound, "sampling_rate": 8000}} for sound in SOUNDS],
        [Clip(sound[None], 8000) for sound in SOUNDS],
        (pair for pair in [(sound, 8000) for sound in SOUNDS]),
        pd.DataFrame({"audio": SOUNDS, "rate": 8000}),
    ):
        found = read(source)
        assert all(
            (a.samples == b.samples).all() for a, b in zip(expected.items, found.items, strict=True)
        )
        assert found.fingerprint == expected.fingerprint
    for source in (SOUNDS, stack):
        assert (read(source, rate=8000).items[3].samples == expected.items[3].samples).all()


def test_labels_and_values_in_memory() -> None:
    rows = [
        {"audio": s, "rate": 8000, "label": i % 2, "x": i, "y": "q"} for i, s in enumerate(SOUNDS)
    ]
    found = read(rows, conditions=("x",))
    assert found.items[3].values == {"label": "1", "x": 3.0, "y": "q"}
    clips = [
        Clip(s[None], 8000, {"label": "a", "pitch": 60.0}, f"c{i}") for i, s in enumerate(SOUNDS)
    ]
    found = read(clips)
    assert found.items[3].values == {"label": "a", "pitch": 60.0}
    assert found.items[3].name == "c3"
    with pytest.raises(GankitError, match="label_key=z: no such column"):
        read(rows, label_key="z")


def test_paths_in_memory(tmp_path: Path) -> None:
    fill(tmp_path, eight())
    files = [tmp_path / name for name in eight()]
    for source in (files, list(map(str, files)), [{"path": str(f), "label": "a"} for f in files]):
        assert [c.name for c in read(source).items] == eight()


def test_integers_are_scaled_by_their_type() -> None:
    for dtype in ("i2", "i4", "u1"):
        full = 2 ** (8 * np.dtype(dtype).itemsize - 1)
        scaled = [(s * (full - 1) + (full if dtype == "u1" else 0)).astype(dtype) for s in SOUNDS]
        found = read([(s, 8000) for s in scaled], loudness="keep")
        assert np.abs(found.items[2].samples[0] - SOUNDS[2]).max() < 0.02


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (SOUNDS, "recording 0 has no rate. .* or set rate"),
        ([(["a", "b"], 8000)] * 8, "recording 0: <U1 of shape \\(2,\\) is not a recording"),
        ([(np.zeros((2, 2, 2)), 8000)] * 8, "is not a recording"),
        ([(np.arange(9), 8000)] * 8, "int64 of shape"),
        ([(SOUNDS[0], "fast")] * 8, "rate=fast is not a number"),
        ([{"sound": SOUNDS[0], "rate": 8000}] * 8, "recording 0 has no audio; it has sound, rate"),
        ({"audio": SOUNDS}, "cannot read audio from dict"),
        (42, "cannot read audio from int"),
        ([], "the data: no recordings there"),
        ([(s * 32767, 8000) for s in SOUNDS], "none of 8 .*full scale, which is 1"),
    ],
)
def test_not_audio_in_memory(source: object, message: str) -> None:
    with pytest.raises(GankitError, match=message):
        read(source)


# --- Data that gankit wrote ---------------------------------------------------------------------


@pytest.mark.parametrize("format", ["wav", "wavfloat", "flac24", "ogg", "mp3", "parquet"])
def test_generated_clips_can_be_read(tmp_path: Path, format: str) -> None:
    provenance = Provenance("gankit", "run", "2030-01-01T00:00:00Z", "synthetic")
    samples = []
    for i, sound in enumerate(SOUNDS):
        values: dict[str, str | float] = {"label": "a/b" if i % 2 else "c", "pitch": 60.5 + i}
        samples.append(Sample(Clip(sound[None], 16000, values), i, values))
    writing.write(samples, tmp_path / "out", provenance, format)
    found = read(tmp_path / "out", conditions=("label", "pitch"))
    assert not found.issues
    by_pitch = {clip.values["pitch"]: clip for clip in found.items}
    assert [by_pitch[60.5 + i].label for i in range(8)] == ["c", "a/b"] * 4
    assert {clip.samples.shape for clip in found.items} == {(1, 800)}
    assert all(set(clip.values) == {"label", "pitch"} for clip in found.items)
    if format != "mp3":  # which is too short here to line up
        same = np.corrcoef(by_pitch[63.5].samples[0], SOUNDS[3])[0, 1]
        assert same > (0.8 if format == "ogg" else 0.9999)


# --- The built-in data, and real data -----------------------------------------------------------


def test_the_built_in_data() -> None:
    found = read(None)
    assert len(found.items) == 1200
    assert not found.issues
    assert found.licence
    assert found.items[500].values == {"label": "A3", "pitch": 57.0}
    assert found.items[500].samples.shape == (1, 8000)
    assert found.description == (
        "plucked strings: 1,200 recordings (8000 Hz, 0.33 h), 1,200 clips of 1 s at 8000 Hz, "
        "mono, 12 classes"
    )
    assert read(None, rate=4000, duration=0.5).fingerprint == found.fingerprint


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data")
def test_spoken_digits() -> None:
    found = read(SHARED / "fsdd", trim=40.0, loudness=-23)
    assert len(found.items) == 3000
    assert not found.issues
    assert set(labels(found)) == set("0123456789")
    assert {c.samples.shape for c in found.items} == {(1, found.items[0].samples.shape[1])}
    assert all(np.abs(c.samples).max() <= 1 for c in found.items)
    by_digit = read(SHARED / "fsdd" / "7", label="prefix", slice="onset", duration=0.1)
    assert set(labels(by_digit)) >= {"jackson", "theo"}
    assert len(by_digit.items) > 300
