"""Tables with gaps, filled through the command line and Python."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest

import gankit
from gankit.errors import GankitError
from gankit_tabular.modality import TabularModality
from gankit_tabular.settings import SequenceSettings, TabularSettings

TINY = {
    "digit_units": 8, "train.samples": 256, "train.batch": 32, "train.threads": 1,
    "log.preview_count": 4, "log.verdict": 0,
}  # fmt: skip


def frame(n=200):
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "id": [f"C-{10_000 + i}" for i in range(n)],
        "kind": rng.choice(["a", "b", "c"], n),
        "start": rng.integers(0, 400, n),
        "paid": [f"${v:,.2f}" for v in rng.gamma(2, 900, n)],
        "sure": rng.random(n) < 0.3,
    })  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imputing")
    frame().to_csv(folder / "people.csv", index=False)
    gankit.fit("tabular", folder / "people.csv", out=folder / "run", settings=TINY)
    lines = ['"note";"start";"paid";"kind";"id";"sure"', 'x;17;"$1,200.00";a;C-1;True',
             'x;;"$7.00";;C-2;', ";25;;c;;False", "y;;;;;", 'y;3;"$2.00";b;;']  # fmt: skip
    (folder / "gaps.csv").write_text("\n".join(lines) + "\n")
    return folder


def read(file, delimiter=";"):
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened, delimiter=delimiter))


def test_gaps_are_filled_and_marked(gankit_, home):
    done = gankit_("impute", "run", "--data", "gaps.csv", "--out", "filled.csv", cwd=home)
    assert "5 items, 4 of them with gaps, in 4 patterns: id 3, sure 3" in done.stderr
    assert "'note' is not in the training data; it is kept as it is" in done.stderr
    assert "12 gaps filled in 4 of 5 items: filled.csv" in done.stdout
    before, after = read(home / "gaps.csv"), read(home / "filled.csv")
    assert [*after[0]] == [*before[0], "_imputed"]
    assert (home / "filled.csv").read_text().splitlines()[1] == 'x;17;"$1,200.00";a;C-1;True;'
    for old, new in zip(before, after, strict=True):
        gaps = [name for name, cell in old.items() if not cell and name != "note"]
        assert sorted(filter(None, new["_imputed"].split(";"))) == sorted(gaps)
        assert all(new[name] == cell for name, cell in old.items() if name not in gaps)
        assert all(new[name] for name in gaps)
    ids = [row["id"] for row in after]
    assert len(set(ids)) == 5
    assert not set(ids[2:]) & set(frame()["id"])
    record = json.loads((home / "filled.csv.provenance.json").read_text())
    about = record["imputed"]
    assert (about["items"], about["incomplete"], about["filled"]["start"]) == (5, 4, 2)
    assert record["generated"]
    again = gankit_("impute", "run", "--data", "gaps.csv", "--out", "filled.csv", cwd=home, code=2)
    assert "filled.csv exists already" in again.stderr


def test_several_imputations(gankit_, home):
    words = ["impute", "run", "--data", "gaps.csv", "-m", 2, "--no-mark"]
    done = gankit_(*words, "--out", "m.parquet", "--seed", 7, "--json", cwd=home)
    found = json.loads(done.stdout)["imputations"]
    assert [one["path"] for one in found] == ["m-1.parquet", "m-2.parquet"]
    first, second = (pd.read_parquet(home / f"m-{i}.parquet") for i in (1, 2))
    assert [*first] == ["note", "start", "paid", "kind", "id", "sure"]
    assert not first.equals(second)
    assert first.iloc[0].equals(second.iloc[0])
    assert not first.drop(columns="note").isna().any().any()


def test_a_dry_run_reports(gankit_, home):
    done = gankit_("impute", "run", "--data", "gaps.csv", "--dry-run", "--json", cwd=home)
    assert json.loads(done.stdout)["gaps"] == {"id": 3, "sure": 3, "start": 2, "paid": 2, "kind": 2}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("start;paid\n1;$2.00\n", "has no columns 'id', 'kind', 'sure'"),
        ("id;kind;start;paid;sure\nC-1;a;many;$2.00;True\n", "'start' has 'many' in row 1"),
        ("id;kind;start;paid;sure\nC-1;a;2;$2.00;True\nC-2;b\n", "Fix that first"),
        ("id;kind;start;paid;sure\n", "gaps-bad.csv: the table has no rows"),
        ("id;kind;start;paid;sure;_imputed\nC-1;a;2;$2.00;;x\n", "has a column '_imputed' already"),
    ],
    ids=["columns", "type", "ragged", "empty", "marked"],
)
def test_what_cannot_be_filled_is_refused(gankit_, home, text, why):
    (home / "gaps-bad.csv").write_text(text)
    done = gankit_("impute", "run", "--data", "gaps-bad.csv", "--out", "no.csv", cwd=home, code=2)
    assert why in done.stderr
    assert not [*home.glob("*no.csv*")]


def test_data_frames(home):
    run, gappy = gankit.load(home / "run"), frame().head(50)
    gappy["start"] = gappy["start"].astype(float).mask(gappy.index % 3 == 0)
    gappy["sure"] = gappy["sure"].astype(object).mask(gappy.index % 4 == 0)
    first, second = run.impute(gappy, m=2)
    found = first.to_dataframe()
    assert [*found] == [*gappy]
    assert not found.isna().any().any()
    there = gappy["start"].notna()
    assert (found["start"][there] == gappy["start"][there]).all()
    assert first.filled[:2] == [("start", "sure"), ()]
    assert "gaps in them filled by run run" in repr(second)
    written = run.impute(gappy, home / "frame.csv")
    assert written[0].record["imputed"]["filled"] == {"start": 17, "sure": 13}
    with pytest.raises(GankitError, match="candidates=99: out of range"):
        run.impute(gappy, candidates=99)


def test_runs_without_a_likelihood_are_refused(gankit_here, tmp_path):
    frame().to_csv(tmp_path / "people.csv", index=False)
    train = ["train", "--plugin", "tabular/one-shot", "--data", "people.csv", "--out", "run"]
    sizes = ["hidden=8", "train.samples=64", "train.batch=32", "log.verdict=0"]
    assert gankit_here(*train, *sizes).returncode == 0
    done = gankit_here("impute", "run", "--data", "people.csv", "--out", "x.csv")
    assert done.returncode == 2
    assert "run: this run cannot fill gaps" in done.stderr
    assert "Train with the default recipe, --plugin tabular" in done.stderr


def test_gaps_in_the_training_data_are_no_values(tmp_path):
    gappy = frame().mask(np.random.default_rng(1).random((200, 5)) < 0.3)
    run = gankit.fit("tabular", gappy, out=tmp_path / "run", settings=TINY)
    found = run.impute(gappy).to_dataframe()
    assert not found.isna().any().any()


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("dated")
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 200), unit="D")
    table = pd.DataFrame({
        "kind": rng.choice(["é", "ü", "ç"], 200),
        "iso": day.strftime("%Y-%m-%d"),
        "local": day.strftime("%d/%m/%Y"),
        "paid": rng.gamma(2, 900, 200).round(2),
    })  # fmt: skip
    table.to_csv(folder / "dated.csv", index=False)
    return gankit.fit("tabular", folder / "dated.csv", out=folder / "run", settings=TINY), table


def test_cells_are_filled_in_the_form_of_the_data_with_gaps(dated, tmp_path):
    run, table = dated
    gappy = table.head(30).astype({"iso": object, "local": object})
    gappy["iso"] = gappy["local"]
    gappy["paid"] = [f"${v:.2f}" for v in gappy["paid"]]
    gappy["local"] = pd.to_datetime(gappy["local"], format="%d/%m/%Y")
    gappy = gappy.mask((gappy.index % 3 == 0)[:, None] & (gappy.columns != "kind")[None])
    gappy.to_csv(tmp_path / "gaps.csv", index=False)
    other = "is written in another form"
    iso, paid = (pytest.warns(UserWarning, match=f"'{c}' {other}") for c in ("iso", "paid"))
    with iso, paid:
        run.impute(tmp_path / "gaps.csv", tmp_path / "filled.csv")
    found = pd.read_csv(tmp_path / "filled.csv", dtype=str)
    assert found["iso"].str.fullmatch(r"\d\d/\d\d/\d{4}").all()
    assert found["local"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    assert found["paid"].str.fullmatch(r"\$\d+\.\d\d").all()
    assert found["paid"][1] == gappy["paid"][1]


def test_days_and_months_that_could_be_either_are_said(dated):
    run, table = dated
    gappy = table.head(4).assign(iso=["03/04/2021", None, "05/06/2021", "01/02/2021"])
    with pytest.warns(UserWarning, match="'iso' is written in another form.*, read as %"):
        run.impute(gappy)


def test_settings_say_how_the_data_is_read(dated, tmp_path, gankit_):
    run, table = dated
    table.head(30).assign(paid=None).to_csv(tmp_path / "old.csv", index=False, encoding="cp850")
    plain = ["impute", str(run.path), "--data", "old.csv", "--out", "filled.csv"]
    done = gankit_(*plain, "encoding=cp850", cwd=tmp_path)
    assert "the file is in cp850; as CSV, the filled table is written in utf-8" in done.stderr
    assert "which the training data does not have" not in done.stderr
    found = read(tmp_path / "filled.csv", ",")
    assert [row["kind"] for row in found] == table["kind"].head(30).tolist()
    record = json.loads((tmp_path / "filled.csv.provenance.json").read_text())
    assert record["imputed"]["settings"] == {"encoding": "cp850"}
    with pytest.raises(GankitError, match="affects training, which is finished"):
        run.impute(table, settings={"optim.lr": 1e-3})
    with pytest.raises(GankitError, match="unknown setting 'encodign'"):
        run.impute(table, settings={"encodign": "cp850"})


def test_repeated_identifiers_are_counted(home):
    gappy = frame().head(20)
    gappy.loc[1:3, "id"] = gappy["id"][0]
    with pytest.warns(UserWarning, match="'id' has identifiers, and 3 rows repeat one"):
        gankit.load(home / "run").impute(gappy)


def test_sequences_are_refused_in_words():
    modality = TabularModality()
    settings = TabularSettings(sequence=SequenceSettings(entity="who"))
    with pytest.raises(GankitError, match="sequences and related tables cannot be filled yet"):
        modality.read_incomplete("x.csv", settings, lambda *told: None)
