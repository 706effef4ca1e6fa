"""Generated items on disk: a folder or one file, whole or not at all, with their provenance."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gankit.contract import Sample, Written, hookimpl
from gankit.errors import GankitError, PluginError
from gankit.plugins.registry import Plugins, installed
from gankit.runs import output
from gankit.runs.output import write_generated
from gankit.runs.targets import Target, resolve_target

SAMPLES = [Sample((1.5, 0), 7, {}), Sample((2.5, 1), 8, {})]


@pytest.fixture
def json_lines(vectors, monkeypatch):
    """The modality of numbers, writing the format ``jsonl``, or files of one number each."""
    monkeypatch.setattr(vectors.modality, "formats", ("jsonl", "numbers"))

    def write(samples, target, codec, provenance, format):
        if format == "jsonl":
            lines = [json.dumps([*s.item, s.seed]) for s in samples]
            (target / "table.jsonl").write_text("\n".join(lines))
        else:
            for sample in samples:
                (target / f"{sample.seed}.txt").write_text(str(sample.item[0]))

    monkeypatch.setattr(vectors.modality, "write", write)
    return vectors


def write(vectors, path, samples=SAMPLES, *, plugins=None, format="folder", **given):
    """Writes into a folder, or a file where the path's ending is the format's."""
    target = Target(path, format, single_file=path.suffix == f".{format}")
    given = {"codec": None, "run": "r", "record": {"seeds": [7, 8]}} | given
    plugins = plugins or Plugins([])
    return write_generated(vectors, iter(samples), target, plugins=plugins, **given)


def with_hook(function):
    """Plugins whose only hook is an output hook."""

    class Hook:
        @hookimpl
        def gankit_outputs(self, folder, record):
            function(folder, record)

    plugins = Plugins([])
    plugins.manager.register(Hook())
    return plugins


# --- A folder -----------------------------------------------------------------------------------


def test_a_folder_has_its_record(vectors, tmp_path):
    write(vectors, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert record["generated"] is True
    assert record["digital_source_type"].endswith("trainedAlgorithmicMedia")
    assert (record["plugin"], record["format"], record["run"]) == ("vectors", "folder", "r")
    assert record["count"] == 2
    assert record["seeds"] == [7, 8]
    content = (tmp_path / "out" / "numbers.jsonl").read_bytes()
    assert record["files"] == {"numbers.jsonl": hashlib.sha256(content).hexdigest()}


def test_the_plugin_gets_codec_provenance_and_format(vectors, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(vectors.modality, "write", lambda *given: seen.append(given))
    codec = object()
    write(vectors, tmp_path / "out", codec=codec, between=(3, 9))
    ((_, target, given, provenance, format),) = seen
    assert (given, format) == (codec, "folder")
    assert target.name == ".out.partial"
    assert (provenance.run, provenance.between) == ("r", (3, 9))
    assert "between seeds 3 and 9" in provenance.text()["Source"]


def test_counts_of_a_plugin_are_kept(vectors, tmp_path, monkeypatch):
    assert "counted" not in write(vectors, tmp_path / "none")
    monkeypatch.setattr(vectors.modality, "write", lambda *_: {"seen": np.int64(2)})
    assert write(vectors, tmp_path / "some")["counted"] == {"seen": 2}
    monkeypatch.setattr(vectors.modality, "write", lambda *_: "a path")  # no counts
    assert "counted" not in write(vectors, tmp_path / "other")
    for odd in ("many", 0.5):
        monkeypatch.setattr(vectors.modality, "write", lambda *_, odd=odd: {"seen": odd})
        with pytest.raises(PluginError, match="write counted .*, which are not integers"):
            write(vectors, tmp_path / "odd")
        assert not (tmp_path / "odd").exists()


def test_warnings_of_the_plugin_stand_beside_those_of_the_request(vectors, tmp_path, monkeypatch):
    told = Written({}, ["all are alike"])
    monkeypatch.setattr(vectors.modality, "write", lambda *given: told)
    write(vectors, tmp_path / "out", record={"warnings": ["some are copies"]})
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert record["warnings"] == ["some are copies", "all are alike"]


def test_nothing_is_overwritten_without_a_request(vectors, tmp_path):
    write(vectors, tmp_path / "out")
    with pytest.raises(GankitError, match="exists already"):
        write(vectors, tmp_path / "out")
    write(vectors, tmp_path / "out", SAMPLES[:1], overwrite=True)
    assert json.loads((tmp_path / "out" / "provenance.json").read_text())["count"] == 1


def test_an_empty_folder_is_written_into(vectors, tmp_path):
    (tmp_path / "out").mkdir()
    assert write(vectors, tmp_path / "out")["count"] == 2
    assert (tmp_path / "out" / "provenance.json").is_file()


def test_an_empty_working_folder_is_filled_and_stays(vectors, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = Path().stat().st_ino
    write(vectors, Path())
    assert sorted(p.name for p in Path().iterdir()) == ["numbers.jsonl", "provenance.json"]
    assert Path().stat().st_ino == tmp_path.stat().st_ino == before


def test_a_name_that_is_too_long(json_lines, tmp_path):
    with pytest.raises(GankitError, match="cannot write .*name too long"):
        write(json_lines, tmp_path / ("x" * 400 + ".jsonl"))


def test_outputs_pass_through_the_hook(vectors, tmp_path):
    """Where signing will happen: before the hashes are taken and the folder appears."""

    def sign(folder, record):
        (folder / "NOTICE").write_text(record["software"])
        record["generated"] = False  # a copy: it changes nothing

    record = write(vectors, tmp_path / "out", plugins=with_hook(sign))
    assert sorted(record["files"]) == ["NOTICE", "numbers.jsonl"]
    assert record["generated"] is True
    assert json.loads((tmp_path / "out" / "provenance.json").read_text()) == record


def test_the_record_is_completed_once_everything_is_written(vectors, tmp_path):
    seen = []

    def samples():
        for sample in SAMPLES:
            seen.append(sample.seed)
            yield sample

    record = write(
        *(vectors, tmp_path / "out", samples()), finish=lambda full: full.update(kept=len(seen))
    )
    assert record["kept"] == 2


# --- One file -----------------------------------------------------------------------------------


def test_one_file_has_its_record_next_to_it(json_lines, tmp_path):
    record = write(json_lines, tmp_path / "people.jsonl", format="jsonl")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "people.jsonl",
        "people.jsonl.provenance.json",
    ]
    content = (tmp_path / "people.jsonl").read_bytes()
    assert content.splitlines() == [b"[1.5, 0, 7]", b"[2.5, 1, 8]"]
    assert json.loads((tmp_path / "people.jsonl.provenance.json").read_text()) == record
    assert record["files"] == {"people.jsonl": hashlib.sha256(content).hexdigest()}


def test_a_format_of_several_files_needs_a_folder(json_lines, tmp_path):
    with pytest.raises(GankitError, match="format numbers writes 2 files, and my.numbers is one"):
        write(json_lines, tmp_path / "my.numbers", format="numbers")
    assert list(tmp_path.iterdir()) == []


def test_further_files_of_hooks_are_named_for_the_file(json_lines, tmp_path):
    plugins = with_hook(lambda folder, record: (folder / "sig").write_text("signed"))
    record = write(json_lines, tmp_path / "a.jsonl", format="jsonl", plugins=plugins)
    names = ["a.jsonl", "a.jsonl.provenance.json", "a.jsonl.sig"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    assert sorted(record["files"]) == ["a.jsonl", "a.jsonl.sig"]
    for name, digest in record["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest


def test_only_a_generated_file_is_overwritten(json_lines, tmp_path):
    mine, made = tmp_path / "mine.jsonl", tmp_path / "made.jsonl"
    mine.write_text("years of work")
    with pytest.raises(GankitError, match="was not generated by gankit.*no file but its own"):
        write(json_lines, mine, format="jsonl", overwrite=True)
    assert mine.read_text() == "years of work"
    write(json_lines, made, format="jsonl")
    with pytest.raises(GankitError, match="made.jsonl exists already.*--overwrite"):
        write(json_lines, made, format="jsonl")
    write(json_lines, made, SAMPLES[:1], format="jsonl", overwrite=True)
    assert made.read_text() == "[1.5, 0, 7]"


def test_a_file_with_a_record_that_is_not_gankits(json_lines, tmp_path):
    """A record of that name may be anything."""
    for text in ("no json", "[]", '{"generated": false}'):
        (tmp_path / "a.jsonl").write_text("mine")
        (tmp_path / "a.jsonl.provenance.json").write_text(text)
        with pytest.raises(GankitError, match="was not generated by gankit"):
            write(json_lines, tmp_path / "a.jsonl", format="jsonl", overwrite=True)
        assert (tmp_path / "a.jsonl").read_text() == "mine"


def test_a_record_without_its_file(json_lines, tmp_path):
    """Another program's file of that name is kept; gankit's own is what a deleted file left."""
    file, record = tmp_path / "a.jsonl", tmp_path / "a.jsonl.provenance.json"
    record.write_text("mine")
    with pytest.raises(GankitError, match="a.jsonl.provenance.json exists already, and was not"):
        write(json_lines, file, format="jsonl", overwrite=True)
    assert record.read_text() == "mine"
    record.unlink()
    write(json_lines, file, format="jsonl")
    file.unlink()
    write(json_lines, file, format="jsonl")
    assert file.is_file()


# --- Pictures and sounds as one file ------------------------------------------------------------


@pytest.fixture
def one_each(vectors, monkeypatch):
    """The modality of numbers, writing a text file each with a row of metadata."""
    monkeypatch.setattr(vectors.modality, "formats", ("folder", "zip"))
    started = []

    def write(samples, target, codec, provenance, format):
        started.clear()
        with (target / "metadata.jsonl").open("w") as rows:
            for sample in samples:
                started.append(sample.seed)
                (target / f"{sample.seed}.txt").write_text(str(sample.item[0]))
                print(json.dumps({"file_name": "x", "label": "a", "seed": sample.seed}), file=rows)
        if format == "zip":
            with zipfile.ZipFile(target / "numbers.zip", "w") as archive:
                for file in sorted(target.glob("*.txt")):
                    archive.write(file, file.name)
            for file in target.glob("*.[tj]*"):
                file.unlink()

    monkeypatch.setattr(vectors.modality, "write", write)
    return vectors, started


def write_to(vectors, target, samples=SAMPLES, **given):
    given = {"codec": None, "run": "r", "record": {}, "plugins": Plugins([])} | given
    return write_generated(vectors, iter(samples), target, **given)


def test_one_sample_as_one_file(one_each, tmp_path):
    target = Target(tmp_path / "one.txt", "folder", single_file=True, ending="txt")
    record = write_to(one_each[0], target, SAMPLES[:1])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.txt", "one.txt.provenance.json"]
    assert record["items"] == [{"label": "a", "seed": 7}]
    assert list(record["files"]) == ["one.txt"]


def test_many_samples_are_not_one_file(one_each, tmp_path):
    vectors, started = one_each
    target = Target(tmp_path / "one.txt", "folder", single_file=True, ending="txt")
    many = [Sample((1.0, 0), seed, {}) for seed in range(1000)]
    hint = r"one.txt is one. Use -n 1, --out one.zip, or name a folder"
    with pytest.raises(GankitError, match=f"format folder writes a file per sample, and {hint}"):
        write_to(vectors, target, many)
    assert len(started) < 5
    assert list(tmp_path.iterdir()) == []


def test_another_kind_of_file_than_was_named(one_each, tmp_path):
    target = Target(tmp_path / "one.png", "folder", single_file=True, ending="png")
    with pytest.raises(GankitError, match="format folder writes .txt files. End the name in .txt"):
        write_to(one_each[0], target, SAMPLES[:1])
    assert list(tmp_path.iterdir()) == []


def test_two_spellings_of_an_ending(one_each, tmp_path, monkeypatch):
    monkeypatch.setitem(output._SAME, ".txt", {".txt", ".text"})
    target = Target(tmp_path / "one.text", "folder", single_file=True, ending="text")
    write_to(one_each[0], target, SAMPLES[:1])
    assert [file.name for file in tmp_path.glob("*.text")] == ["one.text"]


def test_an_archive_of_the_folder(one_each, tmp_path):
    contents = []
    for name in ("a.zip", "b.zip"):
        target = Target(tmp_path / name, "folder", single_file=True, packing="zip")
        record = write_to(one_each[0], target, finish=lambda full: full.update(created="then"))
        assert list(record["files"]) == [name]
        assert sorted(p.name for p in tmp_path.glob(f"{name}*")) == [
            name,
            f"{name}.provenance.json",
        ]
        with zipfile.ZipFile(tmp_path / name) as archive:
            names = archive.namelist()
            inside = json.loads(archive.read("provenance.json"))
        contents.append((tmp_path / name).read_bytes())
        assert names == ["provenance.json", "7.txt", "8.txt", "metadata.jsonl"]
        assert sorted(inside["files"]) == ["7.txt", "8.txt", "metadata.jsonl"]
        assert inside["generated"] is True
        content = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert record["files"][name] == content
    assert contents[0] == contents[1]
    assert sorted(p.name for p in tmp_path.iterdir())[::2] == ["a.zip", "b.zip"]


def test_the_record_of_an_archive_that_the_plugin_writes_is_inside_too(one_each, tmp_path):
    record = write_to(one_each[0], Target(tmp_path / "a.zip", "zip", single_file=True))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["7.txt", "8.txt", "provenance.json"]
    assert record["files"] == {
        "a.zip": hashlib.sha256((tmp_path / "a.zip").read_bytes()).hexdigest()
    }


@pytest.mark.parametrize(
    ("way", "opened"), [("gz", gzip.open), ("bz2", bz2.open), ("xz", lzma.open)]
)
def test_a_compressed_file(json_lines, tmp_path, way, opened):
    contents = []
    for name in ("a", "b"):
        target = Target(tmp_path / f"{name}.jsonl.{way}", "jsonl", single_file=True, packing=way)
        write_to(json_lines, target)
        assert opened(target.path, "rt").read().splitlines() == ["[1.5, 0, 7]", "[2.5, 1, 8]"]
        assert target.record.is_file()
        contents.append(target.path.read_bytes())
    assert contents[0] == contents[1]


# --- Standard output ----------------------------------------------------------------------------


def test_to_standard_output(json_lines, tmp_path, capfdbinary, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = write_to(json_lines, Target(Path("-"), "jsonl", single_file=True, stdout=True))
    assert capfdbinary.readouterr().out == b"[1.5, 0, 7]\n[2.5, 1, 8]"
    assert list(tmp_path.iterdir()) == []
    assert record["count"] == 2


def test_several_files_are_refused(one_each, capfdbinary):
    with pytest.raises(GankitError, match="format folder writes .*, and --out - takes one"):
        write_to(one_each[0], Target(Path("-"), "folder", single_file=True, stdout=True))
    assert capfdbinary.readouterr().out == b""


def test_no_binary_data_for_a_terminal(json_lines, monkeypatch, capfdbinary):
    def write(samples, target, *rest):
        list(samples)
        (target / "x.parquet").write_bytes(b"PAR1\0\0")

    monkeypatch.setattr(json_lines.modality, "write", write)
    target = Target(Path("-"), "parquet", single_file=True, stdout=True)
    write_to(json_lines, target)
    assert capfdbinary.readouterr().out == b"PAR1\0\0"
    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(GankitError, match="format parquet is binary, and standard output is a"):
        write_to(json_lines, target)
    assert capfdbinary.readouterr().out == b""


# --- Where the folder is ------------------------------------------------------------------------


def on_another_disk(monkeypatch, *, within):
    """Has renames out of or into a folder fail, as those over the edge of a file system do."""
    replace = os.replace

    def refusing(source, target):
        if (within in Path(source).parents) != (within in Path(target).parents):
            raise OSError(18, "Invalid cross-device link")
        replace(source, target)

    monkeypatch.setattr(output.os, "replace", refusing)


def test_an_empty_mount_point_is_filled(vectors, tmp_path, monkeypatch):
    mounted = tmp_path / "mnt"
    (mounted / "lost+found").mkdir(parents=True)
    on_another_disk(monkeypatch, within=mounted)
    monkeypatch.setattr(output.os.path, "ismount", lambda path: Path(path) == mounted)
    assert write(vectors, mounted)["count"] == 2
    names = ["lost+found", "numbers.jsonl", "provenance.json"]
    assert sorted(p.name for p in mounted.iterdir()) == names
    write(vectors, mounted, SAMPLES[:1], overwrite=True)
    assert json.loads((mounted / "provenance.json").read_text())["count"] == 1
    assert sorted(p.name for p in mounted.iterdir()) == names


def test_a_folder_that_cannot_be_renamed_is_copied(vectors, tmp_path, monkeypatch):
    """A container's lower layer, for one."""
    out = tmp_path / "out"
    write(vectors, out)
    replace = os.replace

    def refusing(source, target):
        if Path(source) == out:
            raise OSError(18, "Invalid cross-device link")
        replace(source, target)

    monkeypatch.setattr(output.os, "replace", refusing)
    write(vectors, out, SAMPLES[:1], overwrite=True)
    assert json.loads((out / "provenance.json").read_text())["count"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_overwritten_folder_is_kept_where_the_new_one_cannot_be_moved(
    vectors, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    write(vectors, out)
    replace = os.replace

    def refusing(source, target):
        if Path(source).name == ".out.partial":
            raise OSError(13, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(output.os, "replace", refusing)
    with pytest.raises(GankitError, match="Permission denied"):
        write(vectors, out, SAMPLES[:1], overwrite=True)
    assert json.loads((out / "provenance.json").read_text())["count"] == 2
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_the_folder_that_a_link_leads_to_is_overwritten(vectors, tmp_path):
    write(vectors, tmp_path / "v1")
    (tmp_path / "latest").symlink_to("v1")
    write(vectors, tmp_path / "latest", SAMPLES[:1], overwrite=True)
    assert (tmp_path / "latest").is_symlink()
    assert json.loads((tmp_path / "v1" / "provenance.json").read_text())["count"] == 1


# --- The disk refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out", "out.jsonl"])
def test_a_full_disk_leaves_nothing_behind(json_lines, tmp_path, monkeypatch, name):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json_lines.modality, "write", full)
    with pytest.raises(GankitError, match="cannot write .*No space left"):
        write(json_lines, tmp_path / name, format="jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("refused", range(3))
def test_a_file_that_cannot_be_moved_to_its_place_leaves_nothing(
    json_lines, tmp_path, monkeypatch, refused
):
    """Whichever move fails: the record's, the file's, or that of a hook's file."""
    moves, replace = iter(range(99)), os.replace

    def refusing(source, target):
        if next(moves) == refused:
            raise OSError(13, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(output.os, "replace", refusing)
    plugins = with_hook(lambda folder, record: (folder / "zz").write_text("signed"))
    with pytest.raises(GankitError, match="Permission denied"):
        write(json_lines, tmp_path / "a.jsonl", format="jsonl", plugins=plugins)
    assert list(tmp_path.iterdir()) == []


def test_an_overwritten_file_is_kept_where_the_new_one_cannot_be_moved(
    json_lines, tmp_path, monkeypatch
):
    path = tmp_path / "a.jsonl"
    write(json_lines, path, format="jsonl")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    replace = os.replace

    def refusing(source, target):
        if Path(target) == path:
            raise OSError(13, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(output.os, "replace", refusing)
    with pytest.raises(GankitError, match="Permission denied"):
        write(json_lines, path, SAMPLES[:1], format="jsonl", overwrite=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_made(vectors, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GankitError, match="cannot write .*Choose another --out"):
        write(vectors, tmp_path / "file" / "out")


# --- Format and ending --------------------------------------------------------------------------


@pytest.fixture
def two(vectors, monkeypatch):
    """A modality that writes CSV and JSON lines, and reads NumPy's files too."""
    from dataclasses import replace

    monkeypatch.setattr(vectors.modality, "formats", ("csv", "jsonl"))
    return replace(vectors, info=replace(vectors.info, suffixes=(".csv", ".jsonl", ".npy")))


@pytest.mark.parametrize(
    ("out", "format", "expected", "single"),
    [
        ("people.csv", None, "csv", True),
        ("people.JSONL", None, "jsonl", True),
        ("people.jsonl", "jsonl", "jsonl", True),
        ("people", None, "csv", False),
        ("people", "jsonl", "jsonl", False),
        ("v1.2", None, "csv", False),
        ("v1.2", "jsonl", "jsonl", False),
    ],
)
def test_the_ending_decides_between_a_file_and_a_folder(two, out, format, expected, single):
    assert resolve_target(two, Path(out), format) == Target(Path(out), expected, single)


@pytest.mark.parametrize(
    ("out", "format", "message"),
    [
        ("people", "xlsx", "unknown format 'xlsx'. Known: csv, jsonl"),
        ("people.csv", "jsonl", "--out people.csv and --format jsonl contradict each other"),
        ("people.npy", None, "plugin vectors cannot write people.npy: it has no format 'npy'"),
        ("people.npy", "csv", "plugin vectors cannot write people.npy: it has no format 'npy'"),
    ],
)
def test_endings_and_formats_that_contradict(two, out, format, message):
    with pytest.raises(GankitError, match=message):
        resolve_target(two, Path(out), format)


def test_an_existing_folder_stays_a_folder(two, tmp_path):
    (tmp_path / "people.csv").mkdir()
    assert not resolve_target(two, tmp_path / "people.csv").single_file


def test_the_default_format_of_a_folder(two):
    assert resolve_target(two, Path("more"), default="jsonl").format == "jsonl"
    assert resolve_target(two, Path("more.csv"), default="jsonl").format == "csv"


def test_every_modality_writes_its_formats_where_it_says(tmp_path):
    """The toy, as it is installed."""
    toy = installed().modality("toy")
    assert resolve_target(toy, Path("points.csv")) == Target(Path("points.csv"), "csv", True)
    with pytest.raises(GankitError, match="has no format 'npy'"):
        resolve_target(toy, Path("points.npy"))
