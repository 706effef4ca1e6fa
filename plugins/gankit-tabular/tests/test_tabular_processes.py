"""Keys that several processes make: as unique as those that one makes."""

from __future__ import annotations

import pytest

import gankit
from gankit.errors import GankitError

HEADER = "id,age,city"
ROWS = [f"P{i * 331:05d},{20 + i % 37},{('Oslo', 'Lima')[i % 2]}" for i in range(120)]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    file = tmp_path_factory.mktemp("people") / "people.csv"
    file.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return file


@pytest.fixture(scope="module")
def run(people):
    small = {"train__samples": 64, "train__batch": 32, "train__threads": 1, "digit_units": 8}
    return gankit.fit(
        "tabular", people, out=people.parent / "run", constraints=["unique: id"], **small
    )


@pytest.fixture(autouse=True)
def dated(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def test_several_processes_augment_as_one(run, people, tmp_path):
    for k in (1, 2):
        run.augment(str(people), tmp_path / f"{k}.csv", factor=3.0, keep_all=True, nproc=k)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    keys = [line.split(",")[0] for line in (tmp_path / "2.csv").read_text().splitlines()[1:]]
    assert len(keys) == len({*keys}) == 360


def test_parts_have_no_more_keys_than_there_are(run, tmp_path):
    for shard in ("1/2", "2/2"):
        with pytest.raises(GankitError, match=r"rows requested, but only [\d,]+ different values"):
            run.generate_parts(tmp_path / "out", 10**7, shard=shard)
    assert not (tmp_path / "out").exists()
