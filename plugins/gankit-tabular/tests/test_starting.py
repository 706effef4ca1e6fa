"""``gankit train DATA``, for tables of every kind."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import sqlite3
import sys

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

QUICK = ["--dry-run", "hidden=8", "train.batch=16", "train.threads=1", "train.samples=64"]
ROWS = [{"age": 20 + i % 50, "city": "abc"[i % 3], "churn": ["no", "yes"][i % 7 == 0]}
        for i in range(60)]  # fmt: skip


def text(mark):
    return "\n".join([mark.join(ROWS[0]), *(mark.join(map(str, row.values())) for row in ROWS)])


def started(gankit_here, data, *words):
    done = gankit_here("train", data, *QUICK, *words)
    assert done.returncode == 0, done.stderr
    assert "plugin:         tabular (" in done.stdout
    return done.stdout


@pytest.mark.parametrize(
    "ending",
    [
        *(".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".feather"),
        *(".arrow", ".xlsx", ".csv.gz", ".csv.bz2", ".CSV"),
    ],
)
def test_files(gankit_here, tmp_path, ending):
    file, table = tmp_path / f"people{ending}", pa.Table.from_pylist(ROWS)
    if ending in (".jsonl", ".ndjson"):
        file.write_text("\n".join(map(json.dumps, ROWS)))
    elif ending == ".json":
        file.write_text(json.dumps(ROWS))
    elif ending == ".parquet":
        pq.write_table(table, file)
    elif ending in (".feather", ".arrow"):
        pyarrow.feather.write_feather(table, file, compression="uncompressed")
    elif ending == ".xlsx":
        book = pytest.importorskip("openpyxl").Workbook()
        for row in [[*ROWS[0]], *([*row.values()] for row in ROWS)]:
            book.active.append(row)
        book.save(file)
    elif ending == ".csv.gz":
        file.write_bytes(gzip.compress(text(",").encode()))
    elif ending == ".csv.bz2":
        file.write_bytes(bz2.compress(text(";").encode()))
    else:
        file.write_text(text("\t" if ending in (".tsv", ".tab") else ","))
    assert "60 rows, 3 columns" in started(gankit_here, file.name)


def test_a_folder_of_tables(gankit_here, tmp_path):
    (tmp_path / "months").mkdir()
    for month in ("may", "june"):
        (tmp_path / "months" / f"{month}.csv").write_text(text(","))
    assert "120 rows" in started(gankit_here, "months")


def test_a_database(gankit_here, tmp_path):
    with sqlite3.connect(tmp_path / "people.db") as database:
        database.execute("create table people (age int, city text)")
        cells = [(row["age"], row["city"]) for row in ROWS]
        database.executemany("insert into people values (?, ?)", cells)
    database.close()
    query = "query=select * from people"
    assert "is a database" in started(gankit_here, "people.db", query)
    started(gankit_here, "sqlite://people.db", query)


def test_standard_input(gankit_here, monkeypatch):
    given = io.TextIOWrapper(io.BytesIO(text(",").encode()))
    monkeypatch.setattr(sys, "stdin", given)
    assert "standard input is read as a table" in started(gankit_here, "-")


def test_odd_names(gankit_here, tmp_path):
    """A file whose name has the form of a setting, and a column with the name of one."""
    rows = [f"{i},{i % 7},{'ab'[i % 2]}" for i in range(60)]
    (tmp_path / "train.batch=4").mkdir()
    (tmp_path / "train.batch=4" / "optim.lr=1.csv").write_text(
        "\n".join(["--seed,train.batch,recipe", *rows])
    )
    assert "60 rows, 3 columns" in started(gankit_here, "train.batch=4/optim.lr=1.csv")
    assert "60 rows, 3 columns" in started(gankit_here, "train.batch=4")
