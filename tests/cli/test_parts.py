"""``gankit generate --parts``, ``--shard`` and ``--nproc``, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gankit

SMALL = {"train__samples": 64, "train__batch": 32, "train__threads": 1, "hidden": 8, "count": 200}
DATED = {"SOURCE_DATE_EPOCH": "1700000000"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return gankit.fit("toy", out=tmp_path_factory.mktemp("parts") / "run", **SMALL).path


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_the_processes_of_a_launcher_make_the_parts_of_one(gankit, gankit_, trained, tmp_path):
    words = ("generate", trained, "-n", 60, "--parts", 3, "--out")
    done = gankit_(*words, "one", cwd=tmp_path, **DATED)
    assert done.stdout == "60 generated in 3 parts: one\n"
    done = gankit(*words, "two", "--nproc", 2, **DATED)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "60 generated in 3 parts: two\n"
    assert content(tmp_path / "one") == content(tmp_path / "two")
    for k in (1, 2):
        ranks = {"RANK": str(k - 1), "WORLD_SIZE": "2", "LOCAL_RANK": str(k - 1)}
        gankit_(*words, "three", cwd=tmp_path, **DATED, **ranks)
    assert content(tmp_path / "one") == content(tmp_path / "three")


def test_shards_tell_what_is_missing(gankit_, trained, tmp_path):
    words = ("generate", trained, "-n", 60, "--out", "out", "--shard")
    done = gankit_(*words, "2/3", cwd=tmp_path)
    assert done.stdout == "20 generated in 1 part of 3: out\n"
    assert "the others are missing" in done.stderr
    again = gankit_(*words, "2/3", cwd=tmp_path)
    assert again.stdout == "0 generated in 0 parts of 3: out\n"
    assert "1 part there already" in again.stderr
    gankit_(*words, "1/3", cwd=tmp_path)
    last = gankit_(*words, "3/3", "--json", cwd=tmp_path)
    record = json.loads(last.stdout)
    assert (record["made"], record["count"], record["complete"]) == (1, 60, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--shard", "17/16", "--out", "x"), "--shard 17/16: there is no such shard. Use 1/16 to"),
        (("--shard", "0/16", "--out", "x"), "--shard 0/16: there is no such shard"),
        (("--shard", "three", "--out", "x"), "--shard 'three': not K/N"),
        (("--shard", "1/2", "--nproc", 2, "--out", "x"), "is made by one process"),
        (("--parts", 2), "parts need a folder that is the same each time"),
        (("--parts", 2, "--out", "-"), "--out - is one file"),
        (("--parts", 2, "--out", "x.csv"), "--out x.csv is one file"),
        (("--parts", 100, "--out", "x"), "a part has at least 2"),
        (("--parts", 2, "--film", "x.gif"), "--parts has no meaning with --film"),
        (("--nproc", 1000, "--out", "x"), "--nproc 1000: this machine has"),
        (("--nproc", 2, "--between", "1:2"), "chosen latents are drawn by one process"),
    ],
    ids=str,
)
def test_bad_input(gankit_, trained, tmp_path, words, said):
    done = gankit_("generate", trained, *words, cwd=tmp_path, code=2)
    assert said in " ".join(done.stderr.split())
    assert not list(tmp_path.iterdir())


def test_a_launcher_and_what_it_does_not_start(gankit_, trained, tmp_path):
    ranks = {"RANK": "0", "WORLD_SIZE": "2"}
    for words in (("evaluate", trained), ("augment", trained, "--data", "x", "--out", "y")):
        done = gankit_(*words, cwd=tmp_path, code=2, **ranks)
        assert "2 processes were started for one result" in done.stderr
    words = ("generate", trained, "--shard", "1/2", "--out", "x")
    assert "under a launcher" in gankit_(*words, cwd=tmp_path, code=2, **ranks).stderr
