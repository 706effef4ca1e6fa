"""Well-known layouts of data sets, each as a small copy."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from gankit.contract import Dataset
from gankit.contract.data import quiet
from gankit.errors import GankitError
from gankit_audio.data import sources
from gankit_audio.data.clips import Clip
from gankit_audio.settings import AudioSettings


def read(source: object, **settings: Any) -> Dataset[Clip]:
    return sources.read(source, replace(AudioSettings(), **settings), quiet)


def wav(seed: int = 0, format: str = "WAV") -> bytes:
    file = io.BytesIO()
    sound = np.random.default_rng(seed).uniform(-0.5, 0.5, 1600).astype("f4")
    sf.write(file, sound, 16000, format=format)
    return file.getvalue()


def fill(root: Path, names: Sequence[str], format: str = "WAV") -> Path:
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(wav(i, format))
    return root


def classes(found: Dataset[Clip]) -> Counter[str | None]:
    return Counter(clip.label for clip in found.items)


# --- Classes in folders -------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["wav", "au"])
def test_gtzan(tmp_path: Path, ending: str) -> None:
    names = [f"genres/{g}/{g}.{i:05d}.{ending}" for g in ("blues", "jazz") for i in range(5)]
    fill(tmp_path, names, "AU" if ending == "au" else "WAV")
    (tmp_path / "genres" / "jazz" / "._jazz.wav").write_bytes(b"mac")
    found = read(tmp_path)
    assert classes(found) == {"blues": 5, "jazz": 5}
    assert found.facts["labels"] == "2 classes, from the folders"


def test_gtzan_as_on_kaggle(tmp_path: Path) -> None:
    names = [f"{g}/{g}.{i:05d}.wav" for g in ("blues", "jazz") for i in range(5)]
    fill(tmp_path / "Data" / "genres_original", names)
    (tmp_path / "Data" / "images_original" / "blues").mkdir(parents=True)
    (tmp_path / "Data" / "images_original" / "blues" / "blues00000.png").write_bytes(b"png")
    for seconds, ending in ((30, "wav"), (3, "0.wav")):
        rows = [f"{n.rpartition('/')[2][:-3]}{ending},661794,0.35,{n[:4]}x" for n in names]
        text = "\n".join(["filename,length,chroma,label", *rows])
        (tmp_path / "Data" / f"features_{seconds}_sec.csv").write_text(text)
    found = read(tmp_path)
    assert len(found.items) == 10
    assert set(classes(found)) == {"bluex", "jazzx"}
    assert found.facts["table"] == "Data/features_30_sec.csv"


def test_speech_commands(tmp_path: Path) -> None:
    names = [f"{word}/{i}_nohash_0.wav" for word in ("yes", "no") for i in range(8)]
    fill(tmp_path, [*names, "_background_noise_/pink.wav", "_background_noise_/tap.wav"])
    (tmp_path / "validation_list.txt").write_text("yes/0_nohash_0.wav\nno/0_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("yes/1_nohash_0.wav\n")
    found = read(tmp_path)
    assert "other files" not in found.facts
    assert classes(found) == {"yes": 6, "no": 7}
    assert found.facts["split"] == "validation (2 recordings), test (1 recording) left out"
    assert {i.reason for i in found.issues} == {"in _background_noise_: left out"}
    assert classes(read(tmp_path, split="all")) == {"yes": 8, "no": 8}


def test_splits_are_no_classes(tmp_path: Path) -> None:
    fill(tmp_path, [f"{s}/{c}/{i}.wav" for s in ("Train", "val", "TEST") for c in "ab"
                    for i in range(5)])  # fmt: skip
    found = read(tmp_path)
    assert classes(found) == {"a": 5, "b": 5}
    assert "val (10 files)" in found.facts["split"]
    assert "TEST (10 files)" in found.facts["split"]
    assert all(clip.name.startswith("TEST") for clip in read(tmp_path, split="test").items)
    assert len(read(tmp_path, split="all").items) == 30


# --- Tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize("quote", ["", '"'])
def test_ljspeech(tmp_path: Path, quote: str) -> None:
    names = [f"LJ001-{i:04d}" for i in range(9)]
    fill(tmp_path / "wavs", [f"{name}.wav" for name in names])
    rows = [
        f"{n}|The {quote}Times, no. {i};|The {quote}Times, no. {i};" for i, n in enumerate(names)
    ]
    (tmp_path / "metadata.csv").write_text("\n".join(rows))
    found = read(tmp_path)
    assert len(found.items) == 9
    assert not found.issues
    assert found.items[3].values["column 2"] == f"The {quote}Times, no. 3;"
    assert "metadata.csv has no header; column 1 names the recording" in found.facts["table"]
    assert found.facts["labels"] == "none"
    direct = read(tmp_path / "metadata.csv")
    assert [c.values for c in direct.items] == [c.values for c in found.items]


def test_esc_50(tmp_path: Path) -> None:
    names = [f"{1 + i % 5}-{100 + i}-A-{i % 2}.wav" for i in range(10)]
    fill(tmp_path / "audio", names)
    rows = [f"{n},{1 + i % 5},{i % 2},{('dog', 'rain')[i % 2]},True,{100 + i},A"
            for i, n in enumerate(names)]  # fmt: skip
    (tmp_path / "meta").mkdir()
    head = "filename,fold,target,category,esc10,src_file,take"
    (tmp_path / "meta" / "esc50.csv").write_text("\n".join([head, *rows]))
    (tmp_path / "requirements.txt").write_text("numpy")
    found = read(tmp_path)
    assert classes(found) == {"dog": 5, "rain": 5}
    assert found.facts["labels"] == "2 classes, from the column category of meta/esc50.csv"
    assert classes(read(tmp_path, label_key="fold")) == {str(i): 2 for i in range(1, 6)}


def test_urbansound8k(tmp_path: Path) -> None:
    names = [f"fold{1 + i % 3}/{i}-{i % 2}-0-0.wav" for i in range(12)]
    fill(tmp_path / "audio", names)
    no_table = read(tmp_path)
    assert classes(no_table) == {None: 12}
    assert "are folds of a cross-validation, not classes" in no_table.facts["split"]
    rows = [f"{n.rpartition('/')[2]},{i},0.0,0.1,1,{n[4]},{i % 2},{('siren', 'drill')[i % 2]}"
            for i, n in enumerate(names)]  # fmt: skip
    (tmp_path / "metadata").mkdir()
    head = "slice_file_name,fsID,start,end,salience,fold,classID,class"
    (tmp_path / "metadata" / "UrbanSound8K.csv").write_text("\n".join([head, *rows]))
    assert classes(read(tmp_path)) == {"siren": 6, "drill": 6}


def test_common_voice(tmp_path: Path) -> None:
    home = tmp_path / "cv-corpus-17.0" / "cy"
    fill(home / "clips", [f"common_voice_cy_{i}.mp3" for i in range(30)], "MP3")
    head = "client_id\tpath\tsentence\tup_votes\tage\tgender\tlocale"
    parts = {"train": range(12), "dev": range(12, 16), "test": range(16, 20),
             "validated": range(20), "other": range(20, 25),
             "invalidated": range(25, 28)}  # fmt: skip
    for part, numbers in parts.items():
        rows = [
            f'c{i}\tcommon_voice_cy_{i}.mp3\tSay "hello" now{i}\t2\t\t{"fm"[i % 2]}\tcy'
            for i in numbers
        ]
        (home / f"{part}.tsv").write_text("\n".join([head, *rows]))
    durations = [f"common_voice_cy_{i}.mp3\t{100 + i}" for i in range(30)]
    (home / "clip_durations.tsv").write_text("\n".join(["clip\tduration[ms]", *durations]))
    found = read(tmp_path)
    assert len(found.items) == 12
    assert found.facts["split"].startswith("cv-corpus-17.0/cy/train.tsv; ")
    assert "cv-corpus-17.0/cy/test.tsv (4 recordings)" in found.facts["split"]
    assert found.items[3].values["sentence"] == 'Say "hello" now3'
    assert found.items[3].values["duration[ms]"] == "103"
    assert not found.issues
    assert classes(read(tmp_path, label_key="gender")) == {"f": 6, "m": 6}
    (home / "train.tsv").unlink()
    assert len(read(home).items) == 20
    assert "validated.tsv is used" in read(home).warnings[0]


def test_nsynth(tmp_path: Path) -> None:
    home = tmp_path / "nsynth-train"
    names = [f"bass_electronic_{i:03d}-{60 + i:03d}-100" for i in range(9)]
    fill(home / "audio", [f"{name}.wav" for name in names])
    notes = {n: {"note": i, "note_str": n, "pitch": 60 + i, "velocity": 100,
                 "instrument_family_str": ("bass", "flute")[i % 2], "qualities": [0, 1]}
             for i, n in enumerate(names)}  # fmt: skip
    (home / "examples.json").write_text(json.dumps(notes))
    found = read(tmp_path)
    assert classes(found) == {"bass": 5, "flute": 4}
    assert [clip.values["pitch"] for clip in found.items] == [60.0 + i for i in range(9)]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("spelled", ["{}", "./{}", ".\\{}", "sub\\..\\{}", "SUB/{}"])
def test_hugging_face(tmp_path: Path, ending: str, spelled: str) -> None:
    for split in ("train", "test"):
        fill(tmp_path / split, [f"sub/{i}.wav" for i in range(8)])
        names = [spelled.format(f"sub/{i}.wav" if "sub" not in spelled.lower() else f"{i}.wav")
                 for i in range(8)]  # fmt: skip
        if "..\\" in spelled:
            names = [f"sub\\..\\sub\\{i}.wav" for i in range(8)]
        kinds = ["ab"[i % 2] for i in range(8)]
        file = tmp_path / split / f"metadata.{ending}"
        if ending == "parquet":
            pq.write_table(pa.table({"file_name": names, "label": kinds}), file)
        elif ending == "csv":
            file.write_text("file_name,label\n" + "".join(map("{},{}\n".format, names, kinds)))
        else:
            rows = [{"file_name": n, "label": k} for n, k in zip(names, kinds, strict=True)]
            file.write_text("\n".join(map(json.dumps, rows)))
    found = read(tmp_path)
    assert classes(found) == {"a": 4, "b": 4}
    assert not found.issues
    assert all(clip.name.startswith("train/") for clip in found.items)
    assert "test (8 files) left out" in found.facts["split"]


def test_a_column_with_splits(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.wav" for i in range(12)])
    rows = [f"{i}.wav,{'ab'[i % 2]},{'train' if i < 8 else 'test'}" for i in range(12)]
    (tmp_path / "index.csv").write_text("\n".join(["wav,species,subset", *rows]))
    found = read(tmp_path)
    assert classes(found) == {"a": 4, "b": 4}
    assert found.facts["split"] == "test (4 recordings) left out"
    assert len(read(tmp_path, split="all").items) == 12
    with pytest.raises(
        GankitError, match="no split 'dev' in column subset. There are: test, train"
    ):
        read(tmp_path, split="dev")


def test_nemo_manifests_and_ids(tmp_path: Path) -> None:
    fill(tmp_path / "wav", [f"utt{i}.flac" for i in range(8)], "FLAC")
    rows = [{"audio_filepath": f"/elsewhere/wav/utt{i}.flac", "duration": 0.1, "text": "x"}
            for i in range(8)]  # fmt: skip
    (tmp_path / "train_manifest.json").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "train_manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read(tmp_path).items[2].values["text"] == "x"
    (tmp_path / "train_manifest.jsonl").unlink()
    (tmp_path / "train_manifest.json").unlink()
    ids = "\n".join(["utterance_id;speaker", *(f"utt{i};s{i % 2}" for i in range(8))])
    (tmp_path / "speakers.csv").write_text(ids)
    assert classes(read(tmp_path, label_key="speaker")) == {"s0": 4, "s1": 4}


def test_tables_about_something_else_are_left_alone(tmp_path: Path) -> None:
    fill(tmp_path, [f"{c}/{i}.wav" for c in ("cat", "dog") for i in range(5)])
    (tmp_path / "prices.csv").write_text("item,price\nmilk,1\nbread,2\n")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "ragged.csv").write_text("a\n1,2,3\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\xfa\x00\xd8")
    found = read(tmp_path)
    assert classes(found) == {"cat": 5, "dog": 5}
    assert not found.issues


def test_a_damaged_table_about_the_recordings_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, [f"sound-{i}.wav" for i in range(9)])
    rows = [f"sound-{i}.wav,a" for i in range(8)]
    (tmp_path / "classes.csv").write_text("\n".join(["file,class", *rows, "sound-8.wav,a,b"]))
    with pytest.raises(GankitError, match="classes.csv, line 10: 3 cells, 2 columns"):
        read(tmp_path)


def test_a_table_of_a_few_recordings_does_not_leave_out_the_others(tmp_path: Path) -> None:
    fill(tmp_path, [f"{c}/{c}{i}.wav" for c in ("cat", "dog") for i in range(5)])
    (tmp_path / "favourites.csv").write_text("file,stars\ncat1.wav,5\ndog2.wav,4\n")
    found = read(tmp_path)
    assert classes(found) == {"cat": 5, "dog": 5}
    assert found.warnings[0].startswith("favourites.csv names 2 of 10 recordings: not used")


def test_stylegans_labels_for_sounds(tmp_path: Path) -> None:
    names = [f"0000{i // 4}/clip{i}.wav" for i in range(8)]
    fill(tmp_path, names)
    for labels, expected in (
        ([[n, i % 2] for i, n in enumerate(names)], {"0": 4, "1": 4}),
        (None, {None: 8}),
    ):
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
        assert classes(read(tmp_path)) == expected


# --- Archives -----------------------------------------------------------------------------------


def shard(path: Path, start: int, count: int = 5) -> None:
    with tarfile.open(path, "w") as archive:
        for i in range(start, start + count):
            for ending, data in (("flac", wav(i, "FLAC")), ("cls", str(i % 2).encode()),
                                 ("json", json.dumps({"pitch": 60 + i}).encode())):  # fmt: skip
                member = tarfile.TarInfo(f"{i:06d}.{ending}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))


def test_webdataset(tmp_path: Path) -> None:
    shard(tmp_path / "train-000000.tar", 0)
    shard(tmp_path / "train-000001.tar", 5)
    shard(tmp_path / "test-000000.tar", 10)
    found = read(tmp_path)
    assert classes(found) == {"0": 5, "1": 5}
    assert found.items[3].values["pitch"] == 63.0
    assert "other files" not in found.facts
    assert "test (1 file) left out" in found.facts["split"]
    one = tmp_path / "one.tar"
    shard(one, 0, 9)
    assert len(read(one).items) == 9


def test_a_zip_from_windows(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(8):
            info = zipfile.ZipInfo("x")
            info.filename = f"Data\\{'ab'[i % 2]}\\{i}.wav"
            archive.writestr(info, wav(i))
        archive.writestr("Thumbs.db", b"x")
    assert classes(read(file)) == {"a": 4, "b": 4}


def test_parquet_in_folders_of_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / "default" / split).mkdir(parents=True)
        audio = [{"bytes": wav(i), "path": f"{i}.wav"} for i in range(8)]
        table = pa.table({"audio": audio, "label": ["a", "b"] * 4})
        pq.write_table(table, tmp_path / "default" / split / "0000.parquet")
    found = read(tmp_path)
    assert len(found.items) == 8
    assert "test (1 file) left out" in found.facts["split"]
    shards = tmp_path / "shards"
    shards.mkdir()
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001"):
        pq.write_table(table, shards / f"{name}.parquet")
    assert len(read(shards).items) == 16


# --- What is left out ---------------------------------------------------------------------------


def test_runs_and_generated_sounds_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, [f"{c}/{i}.wav" for c in ("cat", "dog") for i in range(5)])
    fill(tmp_path, ["runs/audio-1/previews/0.wav", "made/dog/0.wav"])
    (tmp_path / "runs" / "audio-1" / "run.toml").write_text('[run]\nplugin = "audio"\n')
    (tmp_path / "made" / "provenance.json").write_text('{"generated": true}')
    found = read(tmp_path)
    assert classes(found) == {"cat": 5, "dog": 5}
    assert len(read(tmp_path, strict=True).items) == 10
    assert sorted(i.reason for i in found.issues) == [
        "generated by gankit: left out",
        "part of a gankit run: left out",
    ]


def test_sounds_that_cannot_be_read_are_counted_by_ending(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.wav" for i in range(8)])
    for i in range(5):
        (tmp_path / f"{i}.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    (tmp_path / "a.raw").write_bytes(bytes(100))
    (tmp_path / "cover.png").write_bytes(b"png")
    found = read(tmp_path)
    assert found.facts["other files"] == "1 .png: not read"
    assert Counter(i.reason.split(":")[0] for i in found.issues) == {
        ".m4a is not supported": 5,
        ".raw files have no header": 1,
    }


def test_sounds_are_recognised_by_content(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}" for i in range(4)])
    fill(tmp_path, [f"x{i}.dat" for i in range(4)], "AU")
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 1600)
    sf.write(tmp_path / "m.mat", sound, 16000, format="MAT5")
    (tmp_path / "notes").write_text("RIFF is a format")
    assert len(read(tmp_path).items) == 9


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.wav" for i in range(8)])
    (Path(str(tmp_path)) / b"caf\xe9.wav".decode("utf-8", "surrogateescape")).write_bytes(wav(9))
    found = read(tmp_path)
    assert len(found.items) == 9
    assert any(clip.name == "caf\\xe9.wav" for clip in found.items)


def test_one_of_several_configurations(tmp_path: Path) -> None:
    for at, folder in enumerate(("default", "small")):
        (tmp_path / folder).mkdir()
        cells = [{"bytes": wav(i + 20 * at), "path": f"{i}.wav"} for i in range(8)]
        table = pa.table({"audio": cells, "label": ["a", "b"] * 4})
        pq.write_table(table, tmp_path / folder / "train-00000-of-00001.parquet")
    found = read(tmp_path)
    assert len(found.items) == 8
    assert found.facts["split"].startswith("configuration default; small (1 file) left out")


def test_channels_that_cancel_are_said(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.wav" for i in range(8)])
    sound = np.random.default_rng(9).uniform(-0.5, 0.5, 1600)
    sf.write(tmp_path / "x.wav", np.stack([sound, -sound], 1), 16000)
    found = read(tmp_path)
    assert [issue.location for issue in found.issues] == ["x.wav"]
    assert "set channels=stereo" in found.issues[0].reason
    assert len(read(tmp_path, channels="stereo").items) == 9
