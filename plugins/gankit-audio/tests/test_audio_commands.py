"""The command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from words import once

SMALL = ["width=16", "rounds=2", "mels=24", "code=16", "train.samples=640", "train.batch=32",
         "train.threads=1", "log.preview_count=4"]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory, gankit_):
    """A folder of two classes in two formats, with a damaged file, and a run on it."""
    home = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    for i in range(40):
        name = ("high", "low")[i % 2]
        t = np.arange(2400) / 8000
        x = 0.5 * np.sin(2 * np.pi * (800 if name == "high" else 200) * t) * np.exp(-8 * t)
        (home / "data" / name).mkdir(parents=True, exist_ok=True)
        suffix = ("wav", "flac")[i % 4 // 2]
        file = home / "data" / name / f"{i}.{suffix}"
        soundfile.write(file, x + rng.normal(0, 0.01, 2400), 8000)
    (home / "data" / "low" / "broken.wav").write_bytes(b"nothing")
    words = ["--plugin", "audio", "--data", home / "data", "--out", home / "run"]
    return home, gankit_(*once("train", *words, *SMALL))


def test_a_damaged_file_is_named(trained):
    home, done = trained
    assert "broken.wav" in done.stderr + (home / "run" / "log.txt").read_text()


def test_clips_of_a_class(trained, gankit_):
    home, _ = trained
    out = home / "low"
    gankit_("generate", home / "run", "-n", 3, "--where", "label=low", "--out", out)
    files = sorted(out.rglob("*.wav"))
    assert [f.parent.name for f in files] == ["low"] * 3
    assert soundfile.info(files[0]).samplerate == 8000
    with soundfile.SoundFile(files[0]) as sound:
        assert "generated" in " ".join(sound.copy_metadata().values())
    rows = [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]
    assert {row["label"] for row in rows} == {"low"}


def test_loops_and_interpolation(trained, gankit_):
    home, _ = trained
    loops, between = home / "loops", home / "between"
    gankit_("generate", home / "run", "-n", 2, "--out", loops, "loop=true", "--format", "flac")
    gankit_("generate", home / "run", "-n", 3, "--between", "1:2", "--out", between)
    (loop, *_), files = sorted(loops.rglob("*.flac")), sorted(between.rglob("*.wav"))
    assert len(files) == 3
    assert soundfile.info(loop).frames < soundfile.info(files[0]).frames


def test_more_of_a_class(trained, gankit_):
    home, _ = trained
    out = home / "more"
    words = ["--data", home / "data", "--factor", 1.5, "--out", out]
    gankit_("augment", home / "run", *words)
    rows = [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]
    assert [row["generated"] for row in rows].count(
        False
    ) == 40  # generated ones may all be rejected


def test_an_augmented_folder_is_data_again(trained, gankit_):
    """It is balanced, and augmenting it again adds no columns."""
    home, _ = trained
    few = home / "few"
    for i in range(12):
        (few / ("high", "low")[i % 3 // 2]).mkdir(parents=True, exist_ok=True)
        name = f"{('high', 'low')[i % 3 // 2]}/{i}.wav"
        x, rate = soundfile.read(sorted((home / "data").rglob(f"*/{i}.*"))[0])
        soundfile.write(few / name, x, rate)

    def rows(folder):
        text = (folder / "metadata.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    words = ["augment", home / "run", "--balance", "label", "--keep-all"]
    gankit_(*words, "--data", few, "--out", home / "once")
    once = rows(home / "once")
    assert [row["label"] for row in once].count("low") == 8
    assert [row["label"] for row in once].count("high") == 8
    assert {row["name"] for row in once if not row["generated"]} >= {"high/0.wav", "low/2.wav"}
    words = ["augment", home / "run", "-n", 2, "--keep-all"]
    gankit_(*words, "--data", home / "once", "--out", home / "twice")
    twice = rows(home / "twice")
    assert len(twice) == 18
    assert {key for row in twice for key in row} == {key for row in once for key in row}


def test_scores(trained, gankit_):
    home, _ = trained
    done = gankit_("evaluate", home / "run", "--metrics", "artefacts")
    assert {"silence_rate", "steady_tone_rate"} <= set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["rate=3"], "rate=3"),
        (["rounds=-1"], "rounds=-1"),
        (["conditions=['tempo']"], "tempo"),
    ],
)
def test_bad_input_is_one_line(tmp_path, words, message, gankit_):
    done = gankit_("train", "--plugin", "audio", "--out", tmp_path / "run", *words, code=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
