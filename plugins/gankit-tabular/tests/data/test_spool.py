"""Tables larger than memory: the same rows, the same runs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

import gankit
from gankit.contract import Fitting
from gankit.contract.subsets import Complement
from gankit.errors import GankitError
from gankit_tabular import modality
from gankit_tabular.data import files as table_files
from gankit_tabular.data import records, spool, text
from gankit_tabular.data.rows import BLOCK, Rows, sample_table
from gankit_tabular.data.sources import fingerprint, read_rows

TABLE = pa.table(
    {
        "a": list(range(3000)),
        "b": [None if i % 7 == 0 else i / 8 for i in range(3000)],
        "c": [f"w{i % 5}" for i in range(3000)],
    }
)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(table_files, "BATCH", 500)
    monkeypatch.setattr(text, "TEXT_BLOCK", 8000)
    monkeypatch.setattr(records, "BLOCK", 8000)
    monkeypatch.setattr(spool, "BATCH", 700)


@pytest.fixture
def files(tmp_path):
    pyarrow.parquet.write_table(TABLE, tmp_path / "t.parquet")
    pyarrow.csv.write_csv(TABLE, tmp_path / "t.csv")
    pyarrow.feather.write_feather(TABLE, tmp_path / "t.feather")
    lines = "".join(str(row).replace("'", '"') + "\n" for row in TABLE.to_pylist())
    (tmp_path / "t.jsonl").write_text(lines.replace("None", "null"))
    return tmp_path


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.feather", "t.jsonl"])
def test_a_spooled_table_is_the_same_table(files, name):
    kept, _ = read_rows(files / name)
    spooled, _ = read_rows(files / name, memory=2000)
    assert kept.spool is None
    assert spooled.spool is not None
    assert len(spooled) == 3000
    assert [spooled[i] for i in (2999, 0, 1500)] == [TABLE.to_pylist()[i] for i in (2999, 0, 1500)]
    assert spooled.__getitems__([5, 2, 2, 2500]).table.equals(
        kept.__getitems__([5, 2, 2, 2500]).table
    )
    assert fingerprint(spooled) == fingerprint(kept)
    assert spooled.without(["b"])[7] == {"a": 7, "c": "w2"}


@pytest.mark.usefixtures("small_batches")
def test_a_query_result_is_spooled_too(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / "t.duckdb")) as database:
        database.register("given", TABLE)
        database.sql("create table t as select * from given")
    rows, _ = read_rows(f"{tmp_path}/t.duckdb", query="select * from t order by a", memory=2000)
    assert rows.spool is not None
    assert rows[:].table.equals(TABLE)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    ("late", "kind"),
    [("7.5", "double"), ("many", "string"), ("", "int64"), ("2020-01-01", "string")],
)
def test_a_late_value_widens_its_column(tmp_path, late, kind):
    lines = [f"{i},x" for i in range(5000)]
    (tmp_path / "t.csv").write_text("\n".join(["n,w", *lines, f"{late},x", "1,2,3", *lines]) + "\n")
    for memory in (1e9, 2000):
        rows, issues = read_rows(tmp_path / "t.csv", memory=memory)
        assert str(rows.table.schema.field("n").type) == kind
        assert len(rows) == 10_001
        assert [p.location for p in issues] == ["t.csv, line 5003"]


def test_parts_that_do_not_fit_together(tmp_path):
    (tmp_path / "1.csv").write_text("a\nx\n")
    pyarrow.parquet.write_table(pa.table({"a": [1]}), tmp_path / "2.parquet")
    with pytest.raises(GankitError, match="do not fit together"):
        read_rows(tmp_path)


def test_a_full_disk(tmp_path, monkeypatch):
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    pyarrow.parquet.write_table(TABLE, tmp_path / "t.parquet")
    monkeypatch.setattr(spool.tempfile, "TemporaryFile", full)
    with pytest.raises(GankitError, match="No space left"):
        read_rows(tmp_path / "t.parquet", memory=10)


def test_training_is_the_same_from_a_spooled_table(files, tmp_path):
    def rows(memory):
        run = gankit.fit(
            "tabular",
            str(files / "t.parquet"),
            out=tmp_path / f"run-{memory}",
            train__samples=1000,
            train__threads=1,
            hidden=8,
            memory=memory,
            device="cpu",
        )
        return run.sample(20)

    assert rows(1e-6) == rows(1.0)


@pytest.mark.usefixtures("small_batches")
def test_scores_and_previews_read_only_the_rows_they_need(files, tmp_path, monkeypatch):
    rows, _ = read_rows(files / "t.parquet", memory=2000)
    monkeypatch.setattr(modality, "PREVIEW_ROWS", 40)
    read = []
    one_by_one, together = Rows.block, Rows.__getitems__
    monkeypatch.setattr(
        Rows, "block", lambda self, *at: read.append(BLOCK) or one_by_one(self, *at)
    )
    monkeypatch.setattr(
        Rows, "__getitems__", lambda self, i: read.append(len(i)) or together(self, i)
    )
    part = Complement(rows, np.arange(5))
    tables = modality.TabularModality()
    codec = tables.fit_codec(part, modality.TabularSettings(), Fitting())
    assert read.pop() == len(part)
    some = rows[:0]
    read.clear()
    tables.preview(some, codec, part)
    sample_table(part, 40, np.random.default_rng(0))
    assert read == [40, 40]
