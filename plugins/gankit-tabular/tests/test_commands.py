"""Tables through the command line and Python: short training, then rows in files."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import gankit
from gankit.errors import GankitError
from gankit_tabular.data.stdin import from_stdin

TINY = {
    "hidden": 8, "digit_units": 8, "train__samples": 64, "train__batch": 32, "train__threads": 1,
    "log__preview_count": 4, "log__verdict": 0,
}  # fmt: skip
SMALL = ["hidden=16", "digit_units=16", "train.samples=3200", "train.batch=64", "train.threads=1"]


def rows_of(folder):
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def trained(data, tmp_path, **settings):
    return gankit.fit("tabular", data, out=tmp_path / "run", device="cpu", **TINY, **settings)


# --- Constraints, ordinals, units ---------------------------------------------------------------


def write_orders(file, n=300):
    rng = np.random.default_rng(0)
    lines = ["id,country,city,start,end,price,tax,total,size,weight"]
    for i in range(n):
        city = ("Oslo", "Bergen", "Lima", "Cusco")[int(rng.integers(4))]
        country = "NO" if city in ("Oslo", "Bergen") else "PE"
        start = datetime.date(2024, 1, 1) + datetime.timedelta(int(rng.integers(200)))
        end = "" if i % 9 == 0 else start + datetime.timedelta(int(rng.integers(30)))
        cents = int(rng.integers(100, 9999))
        tax = cents // 5
        money = f"{cents / 100:.2f},{tax / 100:.2f},{(cents + tax) / 100:.2f}"
        size = "SML"[int(rng.integers(3))]
        lines.append(f"{i + 1},{country},{city},{start},{end},{money},{size},{cents / 50:.1f} kg")
    file.write_text("\n".join(lines) + "\n")


def check_orders(rows):
    assert len({row["id"] for row in rows}) == len(rows)
    pairs = {(row["country"], row["city"]) for row in rows}
    assert pairs <= {("NO", "Oslo"), ("NO", "Bergen"), ("PE", "Lima"), ("PE", "Cusco")}
    for row in rows:
        cents = [round(100 * float(row[k])) for k in ("price", "tax", "total")]
        assert cents[0] + cents[1] == cents[2]
        assert all(
            f"{c / 100:g}" == f"{float(row[k]):g}"
            for c, k in zip(cents, ("price", "tax"), strict=False)
        )
        assert not row["end"] or row["start"] <= row["end"]
        assert row["weight"].endswith(" kg")


def test_constraints_ordinals_and_units(gankit_here, tmp_path):
    write_orders(tmp_path / "orders.csv")
    rules = (
        'constraints=["unique: id","together: country, city","start <= end","total = price + tax"]'
    )
    train = ["train", "--plugin", "tabular", "--data", "orders.csv", "--out", "run", rules]
    done = gankit_here(*train, 'ordinals={size=["S","M","L"]}', *SMALL)
    assert done.returncode == 0, done.stderr
    for kind in ("identifier (synthesised)", "category, in combinations", "ordered category",
                 "formatted number", "number, computed"):  # fmt: skip
        assert kind in done.stderr
    assert "S < M < L" in done.stderr
    requested = {"end": "2024-03-01..2024-03-31", "total": "20..40", "size": "M..", "country": "PE",
             "weight": "..80"}  # fmt: skip
    where = [word for name, value in requested.items() for word in ("--where", f"{name}={value}")]
    for seed, words, out in ((0, [], "a"), (0, where, "b"), (1500, where, "c")):
        done = gankit_here("generate", "run", "-n", 1500, "--seed", seed, *words, "--out", out)
        assert done.returncode == 0, done.stderr
        check_orders(rows_of(tmp_path / out))
    both = rows_of(tmp_path / "b") + rows_of(tmp_path / "c")
    assert len({row["id"] for row in both}) == 3000
    for row in both:
        assert "2024-03-01" <= row["end"] <= "2024-03-31"
        assert 20 <= float(row["total"]) <= 40
        assert row["size"] in "ML"
        assert row["country"] == "PE"
        assert float(row["weight"].removesuffix(" kg")) <= 80
    done = gankit_here(
        "augment", "run", "--data", "orders.csv", "-n", 100, "--keep-all", "--out", "more"
    )
    assert done.returncode == 0, done.stderr
    more = rows_of(tmp_path / "more")
    assert len(more) == 400
    check_orders(more)
    for words, message in (
        (["--where", "country=NO", "--where", "city=Lima"], "the data has no such combination"),
        (["--where", "total=20..21", "--where", "price=60.."], "impossible under 'total = price"),
        (["--where", "size=L..S"], "L comes after S"),
        (["--where", "id=7"], "its values are synthesised"),
    ):
        bad = gankit_here("generate", "run", *words, "--out", "bad")
        assert bad.returncode == 2
        assert message in bad.stderr
        assert not (tmp_path / "bad").exists()


def test_a_dry_run_describes_the_columns(gankit_here, tmp_path):
    write_orders(tmp_path / "orders.csv")
    words = ["train", "--plugin", "tabular", "--data", "orders.csv", "hidden=8", "--dry-run"]
    done = gankit_here(*words)
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert "date or time" in lines["start"]
    assert "2024-01 to " in lines["start"]
    assert re.search(r"1?\d\.\d%", lines["end"])
    assert " kg to " in lines["weight"]
    assert "S" in lines["size"]
    found = json.loads(gankit_here(*words, "--json").stdout)["described"]
    assert [line["column"] for line in found][:3] == ["id", "country", "city"]
    other = gankit_here(*words, 'categories=["weight"]', "ordinals={size=[]}", "--json")
    found = {line["column"]: line for line in json.loads(other.stdout)["described"]}
    assert found["weight"]["kind"] == "category"
    assert found["size"]["values"] == "L < M < S"


def test_invalid_settings_stop_the_training(gankit_here, tmp_path):
    write_orders(tmp_path / "orders.csv")
    train = ["train", "--plugin", "tabular", "--data", "orders.csv", "--out", "run"]
    for setting, message in (
        ('constraints=["tax >= price"]', "300 of 300 rows break it, the first is row 1 (price="),
        ('constraints=["end >= strat"]', "Did you mean start"),
        ('ordinals={size=["S","M"]}', "lacks 'L', the value in row"),
        ('ordinals={sise=["S","M"]}', "no column 'sise'. Did you mean size"),
        ('ordinals={size=["S","M","S"]}', "has 'S' twice"),
        ('numbers=["city"]', "city contains texts"),
    ):
        done = gankit_here(*train, setting)
        assert done.returncode == 2, setting
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "run").exists()


# --- Unusual tables -----------------------------------------------------------------------------


def test_hundreds_of_columns(tmp_path):
    rng = np.random.default_rng(0)
    table = pa.table({f"x{i}": rng.normal(size=40).round(3) for i in range(300)})
    run = trained(table, tmp_path)
    rows = run.sample(3, where={"x77": "0..1"})
    assert len(rows[0]) == 300
    assert all(0 <= row["x77"] <= 1 for row in rows)


def test_infinite_numbers_are_missing(tmp_path):
    values = [float("inf"), float("-inf"), float("nan"), *range(57)]
    run = trained(pa.table({"x": values, "y": ["a", "b"] * 30}), tmp_path)
    made = [row["x"] for row in run.sample(40)]
    assert all(v is None or 0 <= v <= 56 for v in made)
    assert any(v is None for v in [row["x"] for row in run.sample(4, where={"x": "missing"})])


def test_numbers_and_words_in_a_column_are_categories(tmp_path):
    file = tmp_path / "mixed.csv"
    file.write_text("x,y\n" + "".join(f"{'n/k' if i % 5 == 0 else i % 7},{i}\n" for i in range(60)))
    run = trained(file, tmp_path)
    assert {row["x"] for row in run.sample(30)} <= {"n/k", *"0123456"}
    mixed = [{"x": 1 if i % 2 else "one", "y": i} for i in range(60)]
    run = trained(mixed, tmp_path / "other")
    assert {row["x"] for row in run.sample(30)} <= {"1", "one"}


def test_constant_and_empty_columns(tmp_path):
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "same": ["always"] * 60,
            "none": pa.nulls(60),
            "zero": [0] * 60,
            "empty": pa.array([None] * 60, pa.float64()),
            "x": rng.normal(size=60),
        }
    )
    run = trained(table, tmp_path)
    rows = run.sample(5, where={"same": "always"})
    assert {(r["same"], r["none"], r["zero"], r["empty"]) for r in rows} == {
        ("always", None, 0, None)
    }
    with pytest.raises(GankitError, match="no such value"):
        run.sample(1, where={"same": "never"})
    with pytest.raises(GankitError, match="no column varies"):
        trained(table.drop_columns(["x"]), tmp_path / "other")


def test_a_target_with_one_value(gankit_here, tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{i % 31},yes\n" for i in range(80)))
    words = ["hidden=8", "train.samples=64", "train.batch=32", "train.threads=1"]
    train = ["train", "--plugin", "tabular", "--data", "t.csv", "--out", "run", "target=y"]
    assert gankit_here(*train, *words).returncode == 0
    done = gankit_here("evaluate", "run")
    assert done.returncode == 0, done.stderr
    assert "column_shapes" in done.stdout
    assert "tstr" not in done.stdout
    assert "target: y is the same in all rows" in done.stderr


def test_too_few_rows_and_duplicate_names(gankit_here, tmp_path):
    (tmp_path / "one.csv").write_text("a,b\n1,2\n")
    (tmp_path / "twice.csv").write_text("a,a\n" + "1,2\n" * 30)
    (tmp_path / "empty.csv").write_text("")
    for file, message in (
        ("one.csv", "one.csv has 1 usable row. At least 20 are needed"),
        ("twice.csv", "two columns named 'a'"),
        ("empty.csv", "cannot read empty.csv"),
    ):
        done = gankit_here("train", "--plugin", "tabular", "--data", file, "--out", "run")
        assert done.returncode == 2
        assert message in done.stderr
    twice = pa.Table.from_arrays([pa.array(range(30))] * 2, ["a", "a"])
    with pytest.raises(GankitError, match="two columns named 'a'"):
        trained(twice, tmp_path)
    frame = pytest.importorskip("pandas").DataFrame([[1, 2]] * 30, columns=["a", "a"])
    with pytest.raises(GankitError, match="two columns named 'a'"):
        trained(frame, tmp_path)


def test_invalid_lines_are_skipped_and_reported(gankit_here, tmp_path):
    lines = [f"{i % 29},{i % 3}" for i in range(60)]
    lines[10], lines[20] = "1,2,3", "5"
    (tmp_path / "t.csv").write_text("a,b\n" + "\n".join(lines) + "\n")
    words = ["hidden=8", "train.samples=64", "train.batch=32", "train.threads=1"]
    done = gankit_here("train", "--plugin", "tabular", "--data", "t.csv", "--out", "run", *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skipped:") == 2
    assert "t.csv, line 12: it has 3 values, not 2" in done.stderr


NAMES = ["first name", "a.b", 'say "x"', "p=q", "größe", "x|y", "1..2", "it's", "[b]bold"]


def test_names_of_every_kind(gankit_here, tmp_path):
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(NAMES)
        writer.writerows([[f"v{(i + j) % 3}" for j in range(len(NAMES))] for i in range(60)])
    words = ["hidden=8", "train.samples=64", "train.batch=32", "train.threads=1"]
    train = ["train", "--plugin", "tabular", "--data", "t.csv", "--out", "run"]
    kinds = f"categories={json.dumps(NAMES[:4])}"
    done = gankit_here(*train, kinds, 'ordinals={"a.b"=["v0","v1","v2"], "größe"=[]}', *words)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stderr for name in NAMES)
    for i, name in enumerate(NAMES):
        request = f'"{name}"=v1' if "=" in name else f"{name}=v1"
        done = gankit_here("generate", "run", "-n", 5, "--where", request, "--out", f"g{i}")
        assert done.returncode == 0, done.stderr
        assert {row[name] for row in rows_of(tmp_path / f"g{i}")} == {"v1"}


def test_booleans_and_time_zones_are_preserved(tmp_path):
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    table = pa.table(
        {
            "flag": pa.array([True, False, None] * 20),
            "seen": pa.array(
                [start + datetime.timedelta(hours=7 * i) for i in range(60)],
                pa.timestamp("ms", tz="Europe/Oslo"),
            ),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    run = trained(tmp_path / "t.parquet", tmp_path)
    rows = run.sample(20, where={"flag": "true", "seen": "2024-01-03..2024-01-05"})
    assert all(row["flag"] is True for row in rows)
    oslo = datetime.timezone(datetime.timedelta(hours=1))
    for row in rows:
        assert datetime.datetime(2024, 1, 3, tzinfo=oslo) <= row["seen"]
        assert row["seen"] < datetime.datetime(2024, 1, 6, tzinfo=oslo)  # whole days
        assert str(row["seen"].tzinfo) == "Europe/Oslo"


def messy_line(i):
    price, joined = f"{i / 8:.2f}".replace(".", ","), datetime.date(2018, 1, 1)
    joined += datetime.timedelta(i * 5)
    cells = [f"SKU-{i:04d}", f"{501 + 41 * (i % 7):05d}", ("TRUE", "FALSE")[i % 2], price]
    cells += [f"{joined:%d.%m.%Y}", str(("NA", "", i)[i % 3]), ('"a; b"', "Zürich")[i % 2]]
    return ";".join(cells)


MESSY = ["id;zip;member;price;joined;spent;note", *map(messy_line, range(90))]
FORM = r"[A-Z]{3}-\d{4};\d{5};(TRUE|FALSE);\d+,\d\d;\d\d\.\d\d\.20\d\d;(NA|\d+)?;.*;\d+;true"


def test_real_rows_leave_as_they_came(gankit_here, tmp_path):
    content = "\r\n".join(MESSY) + "\r\n"
    (tmp_path / "in.csv").write_bytes(content.encode("utf-8-sig"))
    words = ["hidden=8", "train.samples=64", "train.batch=32", "train.threads=1"]
    done = gankit_here("train", "--plugin", "tabular", "--data", "in.csv", "--out", "run", *words)
    assert done.returncode == 0, done.stderr
    assert "semicolon" in done.stderr
    assert "as 31.12.2020" in done.stderr
    words = ["--data", "in.csv", "-n", 30, "--keep-all", "--out", "more"]
    done = gankit_here("augment", "run", *words)
    assert done.returncode == 0, done.stderr
    made = (tmp_path / "more" / "table.csv").read_bytes().decode("utf-8-sig").split("\r\n")
    for before, after in zip(MESSY[1:], made[1:91], strict=True):
        assert after == f"{before};;false"
    assert len(made[91:-1]) == 30
    assert all(re.fullmatch(FORM, line) for line in made[91:-1])


def test_standard_input(gankit_here, tmp_path, monkeypatch):
    def piped(content):
        from_stdin.cache_clear()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    words = ["hidden=8", "train.samples=64", "train.batch=32", "train.threads=1"]
    piped("\n".join(MESSY).encode())
    done = gankit_here("train", "--plugin", "tabular", "--data", "-", "--out", "run", *words)
    assert done.returncode == 0, done.stderr
    piped(b"")
    done = gankit_here("evaluate", "run")
    assert done.returncode == 2
    assert "standard input is empty" in done.stderr
    assert done.stderr.count("\n") == 1
    from_stdin.cache_clear()
