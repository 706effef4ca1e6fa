"""Standard input, whose format is found out from its content."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from gankit.errors import GankitError
from gankit_tabular.data import stdin
from gankit_tabular.modality import TabularModality, TabularSettings

ROWS = [{"a": i, "b": f"w{i % 3}"} for i in range(30)]


def packed(suffix: str) -> bytes:
    out = io.BytesIO()
    if suffix == "csv":
        return ("a,b\n" + "".join(f"{r['a']},{r['b']}\n" for r in ROWS)).encode()
    if suffix == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    if suffix == "json":
        return json.dumps(ROWS).encode()
    if suffix == "parquet":
        pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), out)
    else:
        pyarrow.feather.write_feather(pa.Table.from_pylist(ROWS), out)
    return out.getvalue()


@pytest.fixture
def read(monkeypatch):
    def given(content: bytes):
        stdin.from_stdin.cache_clear()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return TabularModality().read("-", TabularSettings(), lambda *_: None)

    yield given
    stdin.from_stdin.cache_clear()


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json", "parquet", "feather"])
def test_formats(read, suffix):
    assert list(read(packed(suffix)).items) == ROWS


def test_an_empty_input(read):
    with pytest.raises(GankitError, match="standard input is empty"):
        read(b"")
