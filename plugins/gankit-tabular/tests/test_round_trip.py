"""What goes in comes out: read, encode, decode, write and read again give the same form."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gankit.contract import Fitting, Provenance, Sample
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.modality import TabularModality, TabularSettings

ABOUT = Provenance("gankit 0", "run", "2026-01-01T00:00:00+00:00", "uri")
MODALITY = TabularModality()
N = 24
FEW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def read(source: object, **given: object):
    return MODALITY.read(source, TabularSettings(**given), lambda *_: None)


def passed(source: Path, out: Path, suffix: str, **given: object):
    """The real rows and generated ones as ``augment`` writes them, and the codec's own state."""
    found = read(source, **given)
    codec = TableCodec.load(MODALITY.fit_codec(found.items, TabularSettings(), Fitting()).state())
    encoded = codec.prepare(codec.encode(found.items, np.random.default_rng(0)))
    made = codec.decode(encoded, range(len(found.items)))
    samples = [Sample(row, -1, {}, real=True) for row in found.items]
    samples += [Sample(row, i, {}) for i, row in enumerate(made)]
    out.mkdir(exist_ok=True)
    MODALITY.write(samples, out, codec, ABOUT, suffix)
    return found, out / f"table.{suffix}"


def cells(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


# --- Typed tables -------------------------------------------------------------------------------

EPOCH = datetime.datetime(2020, 5, 1)


def moments(unit: str, zone: str | None = None):
    step = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 1}[unit]
    moment = st.integers(0, 10**12).map(
        lambda n: EPOCH + datetime.timedelta(microseconds=n // step * step)
    )
    return moment if zone is None else moment.map(lambda m: m.replace(tzinfo=datetime.UTC))


TYPES = {
    **{str(t): (t, st.integers(0, 100)) for t in (pa.int8(), pa.uint8(), pa.int16(), pa.uint16())},
    **{str(t): (t, st.integers(0, 2**31 - 1)) for t in (pa.int32(), pa.uint32())},
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "half": (pa.float16(), st.integers(0, 100).map(lambda v: np.float16(v / 4))),
    "float": (pa.float32(), st.floats(-1e6, 1e6, width=32)),
    "double": (pa.float64(), st.floats(-1e15, 1e15)),
    "bool": (pa.bool_(), st.booleans()),
    "text": (pa.string(), st.text("abc ,;\"'äß€", min_size=1, max_size=6)),
    "large": (pa.large_string(), st.sampled_from(["a", "b", "c"])),
    "decimal": (pa.decimal128(10, 2), st.decimals(-(10**6), 10**6, places=2)),
    "wide decimal": (pa.decimal256(40, 4), st.decimals(0, 10**6, places=4)),
    "date32": (pa.date32(), st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1))),
    "date64": (pa.date64(), st.dates(datetime.date(1950, 1, 1), datetime.date(2100, 1, 1))),
    "time32": (pa.time32("s"), st.times().map(lambda t: t.replace(microsecond=0))),
    "time64": (pa.time64("us"), st.times()),
    **{f"timestamp {u}": (pa.timestamp(u), moments(u)) for u in ("s", "ms", "us", "ns")},
    "zoned": (pa.timestamp("ms", tz="Europe/Oslo"), moments("ms", "UTC")),
    "duration": (
        pa.duration("ms"),
        st.integers(0, 10**7).map(lambda n: datetime.timedelta(milliseconds=n)),
    ),
}


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("suffix", ["parquet", "feather"])
@settings(parent=FEW, max_examples=3)
@given(data=st.data())
def test_types_are_kept(tmp_path, name, suffix, data):
    t, values = TYPES[name]
    some = data.draw(st.lists(st.none() | values, min_size=N, max_size=N))
    table = pa.table({"x": pa.array(some, t), "k": ["a", "b"] * (N // 2)})
    file = tmp_path / f"in.{suffix}"
    if suffix == "parquet":
        pyarrow.parquet.write_table(table, file)
    else:
        pyarrow.feather.write_feather(table, file)
    found, written = passed(file, tmp_path / "out", suffix)
    again = read(written).items.table
    assert again.schema.equals(found.items.table.schema)
    assert again.slice(0, N).equals(found.items.table)
    if suffix == "feather":
        assert again.schema.field("x").type == t
    made = again.slice(N)["x"]
    assert (made.null_count > 0) == (found.items.table["x"].null_count > 0) or name == "text"


def test_a_decimal_keeps_its_scale(tmp_path):
    values = [decimal.Decimal(i) / 100 for i in range(60)]
    table = pa.table({"x": pa.array(values, pa.decimal128(10, 2)), "k": ["a", "b", None] * 20})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    _, written = passed(tmp_path / "t.parquet", tmp_path / "out", "parquet")
    made = pyarrow.parquet.read_table(written)["x"].slice(60)
    assert made.type == pa.decimal128(10, 2)
    assert 0 <= min(made.to_pylist()) <= max(made.to_pylist()) <= decimal.Decimal("0.59")


def test_dictionaries_are_texts(tmp_path):
    table = pa.table({"x": pa.array(["a", "b"] * 20).dictionary_encode(), "y": range(40)})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    found, written = passed(tmp_path / "t.parquet", tmp_path / "out", "parquet")
    assert found.items.table["x"].type == pa.string()
    assert read(written).items.table["x"].slice(0, 40).to_pylist() == ["a", "b"] * 20


# --- Cells of text files ------------------------------------------------------------------------

CELLS = {
    "integers": st.integers(-999, 999).map(str),
    "long": st.integers(10**19, 10**20 - 1).map(str),
    "zip codes": st.integers(0, 99999).map("{:05d}".format),
    "floats": st.floats(-1e3, 1e3).map(repr),
    "exponents": st.integers(1, 999).map(lambda n: f"{n}e-12"),
    "upper exponents": st.integers(1, 999).map(lambda n: f"{n / 100:.2f}E+05"),
    "cents": st.integers(-9999, 9999).map(lambda n: f"{n / 100:.2f}"),
    "mixed": st.sampled_from(["1", "1.0", "1.50", "+5", "1e3", "-0", ".5", "7."]),
    "money": st.integers(-(10**7), 10**7).map(lambda n: f"${n / 100:,.2f}".replace("$-", "-$")),
    "accounting": st.integers(1, 10**7).map(
        lambda n: f"({n / 100:,.2f})" if n % 2 else f"{n / 100:,.2f}"
    ),
    "booleans": st.sampled_from(["TRUE", "FALSE"]),
    "small booleans": st.sampled_from(["true", "false"]),
    "yes": st.sampled_from(["yes", "no"]),
    "iso": st.dates().map(str),
    "german": st.dates(datetime.date(1950, 1, 1)).map(lambda d: f"{d:%d.%m.%Y}"),
    "american": st.dates(datetime.date(1950, 1, 1)).map(lambda d: f"{d.month}/{d.day}/{d.year}"),
    "named": st.dates(datetime.date(1970, 1, 1)).map(lambda d: f"{d:%d-%b-%Y}"),
    "whole": st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 1, 1)).map(
        lambda d: f"{d:%Y%m%d}"
    ),
    "minutes": st.integers(0, 10**6).map(
        lambda n: f"{EPOCH + datetime.timedelta(minutes=n):%Y-%m-%d %H:%M}"
    ),
    "fractions": st.integers(0, 10**9).map(
        lambda n: f"{EPOCH + datetime.timedelta(milliseconds=n):%Y-%m-%d %H:%M:%S.%f}"[:-3]
    ),
    "zoned": st.integers(0, 10**9).map(
        lambda n: f"{EPOCH + datetime.timedelta(seconds=n):%Y-%m-%dT%H:%M:%S}Z"
    ),
    "clock": st.integers(0, 1439).map(lambda n: f"{n // 60:02d}:{n % 60:02d}"),
    "texts": st.text("ab ,;|\t\"'äß€", max_size=5),
    "percent": st.integers(0, 100).map("{}%".format),
}
MARKS = {"no": [], "empty": [""], "NA": ["NA"], "both": ["NA", ""], "three": ["?", "NaN", "NA"]}


@pytest.mark.parametrize("name", CELLS)
@settings(parent=FEW, max_examples=5)
@given(data=st.data())
def test_cells_are_kept(tmp_path, name, data):
    marks = MARKS[data.draw(st.sampled_from(sorted(MARKS)))]
    cell = CELLS[name] | st.sampled_from(marks) if marks else CELLS[name]
    delimiter = data.draw(st.sampled_from([",", ";", "\t", "|"]))
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    column = data.draw(st.lists(cell, min_size=N, max_size=N))
    file = tmp_path / "in.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator=newline, quoting=quoting)
        writer.writerow(["x", "k", "n"])
        writer.writerows([c, "ab"[i % 2], i] for i, c in enumerate(column))
    found, written = passed(file, tmp_path / "out", "csv", delimiter=delimiter)
    text = written.read_bytes().decode()
    lines = cells(text, delimiter)
    assert [line[0] for line in lines[1 : N + 1]] == column
    assert lines[0] == ["x", "k", "n", "_seed", "_synthetic"]
    assert newline in text
    assert ('"_seed"' in text) == (quoting == csv.QUOTE_ALL)
    again = read(written, delimiter=delimiter).items.table
    t = found.items.table.schema.field("x").type
    made = again.schema.field("x").type
    assert made == t or pa.types.is_string(t)


FORMED = {
    "zip codes": r"\d{5}", "cents": r"-?\d+\.\d\d", "money": r"-?\$[\d,]+\.\d\d",
    "accounting": r"\([\d,]+\.\d\d\)|[\d,]+\.\d\d", "german": r"\d\d\.\d\d\.\d{4}",
    "american": r"\d\d?/\d\d?/\d{4}", "named": r"\d\d-[A-Z][a-z]{2}-\d{4}", "whole": r"\d{8}",
    "minutes": r"\d{4}-\d\d-\d\d \d\d:\d\d", "fractions": r"[\d-]{10} [\d:]{8}\.\d{3}",
    "zoned": r"[\d-]{10}T[\d:]{8}Z", "clock": r"\d\d:\d\d", "booleans": "TRUE|FALSE",
    "percent": r"\d+%", "iso": r"\d{4}-\d\d-\d\d", "floats": r"-?\d+\.\d+(e-\d+)?",
}  # fmt: skip


@pytest.mark.parametrize("name", FORMED)
@pytest.mark.parametrize("mark", ["", "n/a"])
def test_generated_cells_look_like_real_ones(tmp_path, name, mark):
    @settings(max_examples=1, deadline=None, database=None)
    @given(st.lists(CELLS[name], min_size=60, max_size=60))
    def run(column):
        lines = ["x,k", *(f'"{c}",{i % 3}' for i, c in enumerate([*column, mark, mark]))]
        (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
        _, written = passed(tmp_path / "in.csv", tmp_path / "out", "csv")
        made = [line[0] for line in cells(written.read_text())[63:]]
        import re

        assert made
        for text in made:
            assert text == mark or re.fullmatch(FORMED[name], text), text

    run()


@pytest.mark.parametrize("suffix", ["jsonl", "xlsx"])
def test_documents_keep_their_values(tmp_path, suffix):
    import json

    rows: list[dict[str, object]] = [
        {"n": i, "f": i / 4, "s": ("007", "=A1", "ä")[i % 3], "b": i % 2 == 0, "m": None}
        for i in range(30)
    ]
    if suffix == "jsonl":
        rows = [{**row, "d": "2020-01-31", "big": str(10**19 + i)} for i, row in enumerate(rows)]
        (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        book = pytest.importorskip("openpyxl").Workbook()
        rows = [{**row, "d": datetime.date(2020, 1, i + 1)} for i, row in enumerate(rows)]
        book.active.append(list(rows[0]))
        for row in rows:
            book.active.append([*row.values()])
        for line in book.active.iter_rows(min_row=2, min_col=3, max_col=3):
            line[0].data_type = "s"
        book.save(tmp_path / "in.xlsx")
    found, written = passed(tmp_path / f"in.{suffix}", tmp_path / "out", suffix)
    again = read(written).items.table
    kept = [name for name in again.column_names if name != "m"]
    want = [{k: v for k, v in row.items() if k != "m"} for row in rows]
    assert again.select(kept).slice(0, 30).to_pylist() == want
    assert again.select(kept).schema.equals(found.items.table.select(kept).schema)
