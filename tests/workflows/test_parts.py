"""Generating in parts and by several processes: the same files, whoever makes them and when."""

from __future__ import annotations

import json
import tarfile
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gankit
from gankit.errors import GankitError
from gankit.kit.tables import json_line
from gankit.runs.parts import Parts
from gankit.runs.targets import Target
from gankit.workflows import parts as workflow
from gankit.workflows.evaluate import evaluate_path
from gankit.workflows.parts import Shard

SMALL = {"train__samples": 64, "train__batch": 32, "train__threads": 1, "hidden": 8, "count": 200}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts") / "run"
    return gankit.fit("toy", out=folder, conditional=True, **SMALL)


@pytest.fixture(autouse=True)
def dated(monkeypatch):
    """One date in all files."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@pytest.fixture
def file_an_item(run, monkeypatch):
    """The toy's format ``csv``, as a file an item with a table of metadata."""

    def write(samples, target, codec, provenance, format):
        with (target / "metadata.jsonl").open("w") as rows:
            for i, sample in enumerate(samples):
                (target / "points").mkdir(exist_ok=True)
                (target / "points" / f"{i:06d}.txt").write_text(f"{sample.item}")
                row = {"file_name": f"points/{i:06d}.txt", "seed": sample.seed}
                rows.write(json_line(row))

    monkeypatch.setattr(run.plugin.modality, "write", write)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(*files: Path) -> list[str]:
    """The lines of CSV files without the header."""
    return [line for file in files for line in file.read_text().splitlines()[1:]]


# --- Ranges and shards --------------------------------------------------------------------------


@given(n=st.integers(2, 10**7), count=st.integers(1, 300), of=st.integers(1, 40))
@settings(deadline=None)
def test_shards_share_out_all_samples_once(n, count, of):
    request = {"n": n, "parts": count}
    found = list(Parts(Target(Path("x"), "csv", False), {"request": request, "ending": "csv"}))
    assert [i for p in found for i in (p.among.start, p.among.stop)][:: 2 * count - 1] == [0, n]
    assert all(a.among.stop == b.among.start for a, b in pairwise(found))
    sizes = {len(part.among) for part in found}
    assert max(sizes) - min(sizes) <= 1
    own = [[p.number for p in found if (p.number - k) % of == 0] for k in range(1, of + 1)]
    assert sorted(number for some in own for number in some) == [p.number for p in found]


@pytest.mark.parametrize("text", ["17/16", "0/16", "0/0", "1/0", "-1/4", "3", "3/", "a/b", "1/2/3"])
def test_shards_that_do_not_exist(text):
    with pytest.raises(GankitError, match="--shard"):
        Shard.parse(text)


def test_the_shard_of_a_launcher(monkeypatch):
    assert Shard.of_launcher() is None
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert Shard.of_launcher() == Shard.parse("3/4")
    monkeypatch.setenv("RANK", "two")
    with pytest.raises(GankitError, match="RANK"):
        Shard.of_launcher()


# --- Files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{}, {"where": {"label": "3"}}, {"seed": 77}], ids=str)
def test_shards_make_the_files_that_one_process_makes(run, tmp_path, more):
    run.generate(tmp_path / "all.csv", 100, **more)
    whole = run.generate_parts(tmp_path / "one", 100, parts=3, **more)
    assert whole.complete is not None
    assert (whole.made, whole.found, whole.samples) == (3, 0, 100)
    for k in (3, 1, 2):
        assert not (tmp_path / "many" / "provenance.json").exists() or k != 3
        done = run.generate_parts(tmp_path / "many", 100, shard=f"{k}/3", **more)
        assert (done.complete is not None) == (k == 2)
    assert content(tmp_path / "one") == content(tmp_path / "many")
    names = [f"part-{k:05d}-of-00003.csv" for k in (1, 2, 3)]
    assert sorted(content(tmp_path / "one")) == [*names, "provenance.json"]
    assert rows(*(tmp_path / "one" / name for name in names)) == rows(tmp_path / "all.csv")


def test_so_many_of_each_class(run, tmp_path):
    run.generate(tmp_path / "all.csv", per_class=3)
    run.generate_parts(tmp_path / "parts", None, parts=4, per_class=3)
    files = sorted((tmp_path / "parts").glob("part-*"))
    assert rows(*files) == rows(tmp_path / "all.csv")


def test_the_record_tells_of_all_parts(run, tmp_path):
    made = run.generate_parts(tmp_path / "out", 50, parts=2).complete
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert made.record == record
    assert (record["generated"], record["complete"]) == (True, True)
    assert (record["count"], record["seeds"]) == (50, [0, 49])
    assert [p["seeds"] for p in record["parts"]] == [[0, 24], [25, 49]]
    assert list(record["files"]) == ["part-00001-of-00002.csv", "part-00002-of-00002.csv"]
    assert record["created"].startswith("2023-11-14")


def test_items_of_a_file_each_go_into_tar_archives(run, tmp_path, file_an_item):
    run.generate_parts(tmp_path / "out", 7, parts=2)
    names = []
    for file in sorted((tmp_path / "out").glob("*.tar")):
        with tarfile.open(file) as archive:
            assert "DigitalSourceType" in archive.pax_headers["comment"]
            names += archive.getnames()
            row = archive.extractfile(archive.getnames()[1])
            assert json.load(row)["seed"] == int(Path(archive.getnames()[0]).stem)
    assert [n for n in names if n.endswith(".txt")] == [f"points/{i:09d}.txt" for i in range(7)]


# --- Going on, and what is refused --------------------------------------------------------------


def test_parts_are_evaluated_as_one_data_set(run, tmp_path):
    run.generate(tmp_path / "points.csv", 120, seed=10**6)
    given = {"data": str(tmp_path / "points.csv"), "only": ["memorisation"]}
    run.generate_parts(tmp_path / "out", 60, shard="1/2")
    some = evaluate_path(tmp_path / "out", **given).record
    assert any("out is incomplete" in warning for warning in some["warnings"])
    run.generate_parts(tmp_path / "out", 60, shard="2/2")
    every = evaluate_path(tmp_path / "out", **given).record
    assert (some["n_generated"], every["n_generated"]) == (30, 60)
    assert not any("incomplete" in warning for warning in every.get("warnings", ()))


def test_a_lost_part_is_made_again_alone(run, tmp_path):
    run.generate_parts(tmp_path / "out", 60, parts=3)
    before = content(tmp_path / "out")
    kept = (tmp_path / "out" / "part-00001-of-00003.csv").stat().st_mtime_ns
    (tmp_path / "out" / "part-00002-of-00003.csv").unlink()
    again = run.generate_parts(tmp_path / "out", 60, parts=3)
    assert (again.made, again.found) == (1, 2)
    assert content(tmp_path / "out") == before
    assert (tmp_path / "out" / "part-00001-of-00003.csv").stat().st_mtime_ns == kept


def test_a_part_that_was_changed_is_not_replaced_in_silence(run, tmp_path):
    run.generate_parts(tmp_path / "out", 60, parts=3)
    (tmp_path / "out" / "part-00003-of-00003.csv").write_text("mine")
    with pytest.raises(GankitError, match=r"part-00003-of-00003.csv has 4 bytes, and had"):
        run.generate_parts(tmp_path / "out", 60, parts=3)
    assert (tmp_path / "out" / "part-00003-of-00003.csv").read_text() == "mine"


def test_an_interruption_keeps_what_is_complete(run, tmp_path, monkeypatch):
    write, calls = workflow.write_generated, []

    def interrupted(*given, **named):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write(*given, **named)

    monkeypatch.setattr(workflow, "write_generated", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.generate_parts(tmp_path / "out", 60, parts=3)
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert (record["generated"], record["complete"]) == (True, False)
    assert len(list((tmp_path / "out").glob("part-*"))) == 1
    done = run.generate_parts(tmp_path / "out", 60, parts=3)
    assert (done.made, done.found) == (2, 1)
    assert done.complete is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n": 61}, "n 60, not 61"),
        ({"parts": 4}, "parts 3, not 4"),
        ({"seed": 1}, "seeds"),
        ({"where": {"label": "3"}}, "where"),
        ({"truncation": 0.5}, "truncation None, not 0.5"),
    ],
    ids=str,
)
def test_parts_of_two_requests_do_not_mix(run, tmp_path, given, said):
    run.generate_parts(tmp_path / "out", 60, parts=3, shard="1/3")
    before = content(tmp_path / "out")
    with pytest.raises(GankitError, match=f"parts of another request: .*{said}"):
        run.generate_parts(tmp_path / "out", **{"n": 60, "parts": 3, "shard": "2/3"} | given)
    assert content(tmp_path / "out") == before
    run.generate_parts(tmp_path / "out", **{"n": 60, "parts": 3, "overwrite": True} | given)


def test_parts_of_two_runs_do_not_mix(run, tmp_path):
    other = gankit.fit("toy", out=tmp_path / "other", conditional=True, **SMALL, seed=1)
    run.generate_parts(tmp_path / "out", 60, parts=3, shard="1/3")
    with pytest.raises(GankitError, match="or is another run"):
        other.generate_parts(tmp_path / "out", 60, parts=3, shard="2/3")


def test_a_part_is_made_by_one_process_at_a_time(run, tmp_path):
    done = run.generate_parts(tmp_path / "out", 60, parts=3, shard="1/3")
    place = Parts.started(Target(done.path, "csv", False))
    second = list(place)[1]
    with place.making(second), pytest.raises(GankitError, match="another process is writing"):
        run.generate_parts(tmp_path / "out", 60, parts=3, shard="2/3")
    assert run.generate_parts(tmp_path / "out", 60, parts=3).complete is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"out": "x.csv"}, "is one file"),
        ({"out": "-"}, "is one file"),
        ({"n": 5, "parts": 3}, "a part has at least 2"),
        ({"n": 1, "parts": 1}, "a part has at least 2"),
        ({"parts": -1}, "a part has at least 2"),
        ({"between": (1, 2)}, "chosen latents"),
        ({"shard": "1/2", "overwrite": True}, "--overwrite with one shard"),
        ({"format": "xyz"}, "unknown format"),
        ({"where": {"label": "nothing"}}, "label"),
    ],
    ids=str,
)
def test_what_cannot_be_made_in_parts(run, tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GankitError, match=said):
        run.generate_parts(**{"out": "out", "n": 60, "parts": 2} | given)
    assert not list(tmp_path.rglob("part-*"))


def test_a_folder_of_something_else_is_left_alone(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(GankitError, match="not generated by gankit"):
            run.generate_parts(tmp_path / "out", 60, parts=2, overwrite=overwrite)
    run.generate(tmp_path / "plain", 5)
    with pytest.raises(GankitError, match="exists already"):
        run.generate_parts(tmp_path / "plain", 60, parts=2)


@given(st.binary(max_size=300))
@settings(max_examples=30, deadline=None)
def test_a_damaged_record_is_named(damage):
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "provenance.json").write_bytes(damage)
        with pytest.raises(GankitError):
            Parts.started(Target(Path(name), "csv", False))


# --- Several processes --------------------------------------------------------------------------


def test_several_processes_write_what_one_writes(run, tmp_path):
    run.generate(tmp_path / "one.csv", 3000, seed=50)
    run.generate(tmp_path / "two.csv", 3000, seed=50, nproc=2)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_what_several_processes_refuse(run, tmp_path):
    with pytest.raises(GankitError, match="no processes"):
        run.generate(tmp_path / "x", 5, nproc=0)
    with pytest.raises(GankitError, match="by one process"):
        run.generate(tmp_path / "x", 5, nproc=2, between=(1, 2))
    with pytest.raises(GankitError, match="label"):
        run.generate(tmp_path / "x", 5, nproc=2, where={"label": "nothing"})
    assert not (tmp_path / "x").exists()


def test_several_processes_give_the_scores_of_one(run, tmp_path):
    scores = [run.evaluate(n=40, nproc=k).record["scores"] for k in (1, 2)]
    assert scores[0] == scores[1]
    run.generate(tmp_path / "made", 40)
    with pytest.raises(GankitError, match="--nproc generates"):
        evaluate_path(tmp_path / "made", data=str(tmp_path / "made"), nproc=2)
