"""Which plugin trains on what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from types import SimpleNamespace

import pytest

from gankit.contract import Look, PluginInfo, Recognised
from gankit.errors import GankitError
from gankit.kit import looking
from gankit.workflows import choosing
from gankit.workflows.choosing import Chosen, choose_plugin, count_items, look_at


@pytest.fixture
def plugins(monkeypatch):
    """Plugins whose functions say what a test wants: by name, a function or a tuple of endings."""
    module, reported = types.ModuleType("looks_of_tests"), []
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def have(**given):
        infos = {}
        for name, how in given.items():
            if callable(how):
                setattr(module, name, how)
                infos[name] = PluginInfo(name, "", "", recognises=f"looks_of_tests:{name}")
            else:
                infos[name] = PluginInfo(name, "", "", suffixes=how)
        found = SimpleNamespace(infos=lambda: infos, report=lambda *words: reported.append(words))
        monkeypatch.setattr(choosing, "installed", lambda: found)
        return reported

    return have


def sure(confidence, kind="dots", items=None):
    return lambda look: Recognised(confidence, kind, f"it is {kind}", items)


def test_the_most_confident_is_chosen_and_the_next_is_named(plugins, tmp_path):
    plugins(dots=sure(0.6), stars=sure(0.9, "stars", 7), nothing=lambda look: None)
    (tmp_path / "a").touch()
    chosen = choose_plugin(str(tmp_path / "a"))
    assert chosen == Chosen("stars", "it is stars; --plugin dots treats it as dots", 7)


def test_a_draw_says_how_to_choose(plugins, tmp_path):
    plugins(dots=sure(0.85), stars=sure(0.9, "stars"))
    (tmp_path / "a").touch()
    with pytest.raises(GankitError, match="stars .* or dots .* Choose with --plugin stars or"):
        choose_plugin(str(tmp_path / "a"))


def test_without_a_function_suffixes_decide(plugins, tmp_path):
    plugins(dots=(".dot",), stars=(".star", ".sta"))
    for name in ("1.star", "2.STAR", "3.dot", "readme.md"):
        (tmp_path / name).touch()
    assert choose_plugin(str(tmp_path)).plugin == "stars"
    assert choose_plugin(str(tmp_path / "3.dot")).plugin == "dots"
    assert count_items(str(tmp_path), PluginInfo("stars", "", "", suffixes=(".star",))) == 2


def test_a_function_that_fails_is_reported_and_has_no_say(plugins, tmp_path):
    def fails(look):
        raise RuntimeError("a bug")

    reported = plugins(bad=fails, odd=lambda look: "yes", dots=sure(0.5))
    (tmp_path / "a").touch()
    assert choose_plugin(str(tmp_path / "a")).plugin == "dots"
    assert [name for name, _ in reported] == ["bad", "odd"]
    assert "a bug" in reported[0][1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("http://127.0.0.1:9/a.csv", "no connection"),
        ("pepole.dot", "Did you mean people.dot?"),
        ("empty", "the folder is empty"),
        ("a.docx", r"no installed plugin reads \.docx files\. dots reads \.dot"),
        ("a.wav", "Install the plugin that does: pip install gankit-audio"),
        ("oracle://me:secret@host/x", "oracle://me@host/x: no installed plugin reads databases"),
        ("broken.zip", "not a readable archive"),
        ("dangling.dot", "is a link to nowhere, which does not exist"),
        ("pipe.dot", "is a pipe or a device"),
        ("both", r"reads its files \(1 \.a, 1 \.b\)"),
    ],
)
def test_what_nobody_reads(plugins, tmp_path, monkeypatch, data, message):
    plugins(dots=(".dot",))
    monkeypatch.setattr("gankit.kit.remote.PAUSES", ())
    monkeypatch.chdir(tmp_path)
    for name in ("people.dot", "a.docx", "a.wav", "broken.zip"):
        (tmp_path / name).write_text("x")
    (tmp_path / "dangling.dot").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.dot")
    (tmp_path / "empty").mkdir()
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "1.a").touch()
    (tmp_path / "both" / "2.b").touch()
    with pytest.raises(GankitError, match=message):
        choose_plugin(data)


def test_an_ending_without_the_content(plugins, tmp_path):
    plugins(dots=lambda look: None)
    infos = choosing.installed().infos()
    infos["dots"] = PluginInfo("dots", "", "", suffixes=(".txt",), recognises="looks_of_tests:dots")
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(GankitError, match="its content is not clear. Say what it is with --plugin"):
        choose_plugin(str(tmp_path / "a.txt"))


def test_own_output_is_answered_with_its_command(plugins, tmp_path, monkeypatch):
    plugins(dots=sure(1.0))
    monkeypatch.chdir(tmp_path)
    for folder in ("run", "run/model", "made"):
        (tmp_path / folder).mkdir()
    (tmp_path / "run" / "run.toml").write_text('[run]\nplugin = "dots"\n')
    (tmp_path / "run" / "model" / "model.json").write_text("{}")
    record = json.dumps({"generated": True})
    (tmp_path / "made" / "provenance.json").write_text(record)
    (tmp_path / "made" / "1.dot").touch()
    (tmp_path / "one.dot").touch()
    (tmp_path / "one.dot.provenance.json").write_text(record)
    for data, command in {
        "run": "gankit train --out run",
        "run/model": "gankit generate run/model",
        "made": "gankit evaluate made --data REAL",
        "one.dot": "gankit evaluate one.dot --data REAL",
    }.items():
        with pytest.raises(GankitError, match=command):
            choose_plugin(data)


def test_looking_ends_in_huge_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(looking, "MOST_FILES", 5)
    for i in range(8):
        (tmp_path / f"{i}.dot").touch()
    seen = look_at(str(tmp_path))
    assert len(seen.names) == 5
    assert not seen.complete


def test_compressed_files_have_the_ending_below():
    seen = Look("a", "folder", ["1.csv.gz", "b/2.CSV", "3.gz", "4.csv.zip"])
    assert seen.ending(".csv") == ["1.csv.gz", "b/2.CSV"]


LIGHT = """
import sys
from gankit.workflows.choosing import Chosen, choose_plugin
for data in sys.argv[1:]:
    print(choose_plugin(data).plugin)
heavy = {"torch", "numpy", "pyarrow", "rdkit", "PIL", "soundfile", "pymatgen"} & set(sys.modules)
assert not heavy, heavy
"""


def test_looking_imports_nothing_heavy(tmp_path):
    (tmp_path / "people.csv").write_text("name,age\nAda,36\nBob,41\n")
    (tmp_path / "drugs.csv").write_text("id,smiles\n1,CCO\n2,c1ccccc1O\n")
    for i in range(9):
        (tmp_path / f"kick_{i}.wav").touch()
    (tmp_path / "oxides.csv").write_text("id,formula\n1,SrTiO3\n2,Fe2O3\n3,NaAlO2\n")
    words = ["people.csv", "drugs.csv", "oxides.csv", "."]
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["tabular", "molecule", "material", "audio"]


def array(path, *shape):
    header = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode() + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


def test_films_frames_and_pictures(tmp_path):
    for folder, name in (
        ("films/a", "{}.mp4"),
        ("gifs", "{}.gif"),
        ("frames/a/clip0", "frame{:04d}.png"),
        ("frames/a/clip1", "frame{:04d}.png"),
        ("sounds", "{}.wav"),
    ):
        (tmp_path / folder).mkdir(parents=True)
        for i in range(9):
            (tmp_path / folder / name.format(i)).touch()
    array(tmp_path / "clips.npy", 20, 16, 32, 32, 1)
    array(tmp_path / "pictures.npy", 20, 32, 32, 3)
    found = {
        name: choose_plugin(str(tmp_path / name))
        for name in ("films", "films/a/1.mp4", "gifs", "frames", "sounds", "clips.npy")
    }
    found["pictures.npy"] = choose_plugin(str(tmp_path / "pictures.npy"))
    assert {name: chosen.plugin for name, chosen in found.items()} == {
        "films": "video",
        "films/a/1.mp4": "video",
        "gifs": "image",
        "frames": "image",
        "sounds": "audio",
        "clips.npy": "video",
        "pictures.npy": "image",
    }
    for ambiguous in ("gifs", "frames"):
        assert "--plugin video treats it as video" in found[ambiguous].reason
