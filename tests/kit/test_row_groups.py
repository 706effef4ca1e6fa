"""Rows of Parquet files at addresses: a row group is requested once, whoever needs it."""

from __future__ import annotations

import os

import pytest
from web import serving

from gankit.errors import GankitError
from gankit.kit import row_groups
from gankit.kit.remote import Remote
from gankit.kit.row_groups import RowGroups

pytest.importorskip("fsspec")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
ROWS = [{"image": os.urandom(200), "label": i % 3} for i in range(100)]
TABLE = pa.Table.from_pylist(ROWS)


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "site").mkdir()
    pq.write_table(TABLE.slice(0, 64), tmp_path / "site" / "a-0.parquet", row_group_size=10)
    pq.write_table(TABLE.slice(64), tmp_path / "site" / "a-1.parquet", row_group_size=10)
    with serving(tmp_path / "site") as server:
        yield server


def rows(address):
    remote = Remote(address)
    return RowGroups(remote, [file.name for file in remote.files])


def test_rows_and_columns(web):
    found = rows(web.address("a-{0..1}.parquet"))
    assert len(found) == 100
    assert found.starts.tolist() == [0, 10, 20, 30, 40, 50, 60, 64, 74, 84, 94]
    assert found.columns(["label"])["label"].to_pylist() == [row["label"] for row in ROWS]
    assert [found.cell(i, "image").as_py() for i in range(100)] == [row["image"] for row in ROWS]


def test_only_the_row_groups_that_are_needed(web):
    found = rows(web.address("a-0.parquet"))
    web.requests.clear()
    found.cell(25, "image"), found.cell(29, "image")
    once = len(web.requests)
    assert once
    rows(web.address("a-0.parquet")).cell(21, "image")  # as another process would
    fresh = [r for r in web.requests[once:] if r[0] == "GET"]
    assert len(fresh) <= 2  # its footer


def test_what_is_kept_is_bounded(web, monkeypatch):
    monkeypatch.setattr(row_groups, "KEPT", 5_000)
    found = rows(web.address("a-{0..1}.parquet"))
    assert [found.cell(i, "image").as_py() for i in range(100)] == [row["image"] for row in ROWS]
    kept = list((web.root.parent / "cache" / "remote-groups").glob("*.arrow"))
    assert sum(path.stat().st_size for path in kept) <= 5_000


def test_without_a_cache(web, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", "")
    assert rows(web.address("a-1.parquet")).cell(3, "image").as_py() == ROWS[67]["image"]


def test_what_is_no_table(web):
    whole = (web.root / "a-0.parquet").read_bytes()
    (web.root / "a-0.parquet").write_bytes(whole[:-100])
    with pytest.raises(GankitError, match=r"a-0\.parquet: not a readable Parquet file"):
        rows(web.address("a-0.parquet"))
    pq.write_table(TABLE.rename_columns(["image", "class"]), web.root / "a-0.parquet")
    with pytest.raises(GankitError, match=r"a-1\.parquet: its columns are not those of a-0"):
        rows(web.address("a-{0..1}.parquet"))
