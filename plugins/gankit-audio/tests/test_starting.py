"""``gankit train DATA``, for sounds of every kind."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

QUICK = ["--dry-run", "width=16", "rounds=2", "mels=24", "code=16", "train.samples=640",
         "train.batch=32", "train.threads=1"]  # fmt: skip
FORMATS = {
    ".wav": "WAV", ".wave": "WAV", ".rf64": "RF64", ".w64": "W64", ".flac": "FLAC", ".ogg": "OGG",
    ".oga": "OGG", ".mp3": "MP3", ".aif": "AIFF", ".aiff": "AIFF", ".aifc": "AIFF", ".au": "AU",
    ".snd": "AU", ".caf": "CAF", ".voc": "VOC", ".nist": "NIST", ".sph": "NIST", ".paf": "PAF",
    ".pvf": "PVF", ".svx": "SVX", ".ircam": "IRCAM", ".sf": "IRCAM", ".opus": "OGG",
}  # fmt: skip
"""Formats of the endings that libsndfile writes too."""


def encoded(ending, i):
    seconds = np.arange(4800) / 16000
    wave = 0.5 * np.sin(2 * np.pi * (200 + 50 * i) * seconds) * np.exp(-8 * seconds)
    file = io.BytesIO()
    kind = {"subtype": "OPUS"} if ending == ".opus" else {}
    soundfile.write(file, wave, 16000, format=FORMATS[ending], **kind)
    return file.getvalue()


def started(gankit_here, data, *words):
    done = gankit_here("train", data, *QUICK, *words)
    assert done.returncode == 0, done.stderr
    assert "plugin:         audio (" in done.stdout
    return done.stdout


@pytest.mark.parametrize("ending", FORMATS)
def test_folders_of_files(gankit_here, tmp_path, ending):
    (tmp_path / "kicks").mkdir()
    for i in range(10):
        (tmp_path / "kicks" / f"kick_{i:02d}{ending}").write_bytes(encoded(ending, i))
    assert "(10 sound files)" in started(gankit_here, "kicks")


def test_one_long_recording(gankit_here, tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 80_000)
    soundfile.write(tmp_path / "long.wav", noise, 16000)
    said = started(gankit_here, "long.wav", "slice=all", "duration=0.3")
    assert "long.wav is a recording" in said


@pytest.mark.parametrize("ending", [".zip", ".parquet", ".csv", ".jsonl"])
def test_archives_and_lists(gankit_here, tmp_path, ending):
    sounds, file = [encoded(".wav", i) for i in range(10)], tmp_path / f"all{ending}"
    for i, sound in enumerate(sounds):
        (tmp_path / f"{i}.wav").write_bytes(sound)
    if ending == ".zip":
        with zipfile.ZipFile(file, "w") as packed:
            for i, sound in enumerate(sounds):
                packed.writestr(f"{i}.wav", sound)
    elif ending == ".parquet":
        cells = [{"bytes": sound, "path": f"{i}.wav"} for i, sound in enumerate(sounds)]
        pq.write_table(pa.table({"audio": cells}), file)
    elif ending == ".csv":
        file.write_text("\n".join(["path,label", *(f"{i}.wav,a" for i in range(10))]))
    else:
        file.write_text("\n".join(f'{{"file": "{i}.wav"}}' for i in range(10)))
    started(gankit_here, file.name)
