"""Sequences and related tables through the command line and Python."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
from visits_and_shop import save, save_shop, shop, visits
from words import once

import gankit
from gankit.errors import GankitError

TINY = {
    "train__samples": 64, "train__batch": 16, "train__threads": 1, "digit_units": 4, "hidden": 8,
    "log__preview_count": 2, "log__verdict": 0,
}  # fmt: skip
SMALL = [f"{key.replace('__', '.')}={value}" for key, value in TINY.items()]
TREE = ["--child", "shop/orders.csv", "on=customer_id", "--child", "shop/items.csv", "on=order_id"]
SEQUENCE = ["sequence.entity=patient", "sequence.order=date"]


@pytest.fixture(scope="module")
def place(tmp_path_factory, gankit_):
    """A folder with data, and a run of each kind."""
    folder = tmp_path_factory.mktemp("trees")
    save(visits(60, "%d.%m.%Y"), folder / "visits.csv")
    save_shop(folder / "shop", shop(60, "customer_id"))
    done = gankit_("train", "visits.csv", *SEQUENCE, "--out", "sequences", *SMALL, cwd=folder)
    assert "60 by patient; rows each: 1 to 5, median 3; 12 with one row" in done.stderr
    words = ["train", "--data", "shop/customers.csv", *TREE, "--out", "related", *SMALL]
    done = gankit_(*words, cwd=folder)
    assert "by order_id; rows each: 0 to 2" in done.stderr
    return folder


def test_entities_are_generated_in_the_form_of_their_file(place, gankit_):
    done = gankit_("generate", "sequences", "-n", 30, "--out", "made.csv", cwd=place)
    made = pd.read_csv(place / "made.csv")
    assert done.stdout == f"30 generated ({len(made)} rows): made.csv\n"
    assert list(made.columns) == ["patient", "date", "sex", "weight", "_seed", "_synthetic"]
    assert made["date"].str.fullmatch(r"\d\d\.\d\d\.\d{4}").all()
    dates = pd.to_datetime(made["date"], format="%d.%m.%Y")
    assert dates.groupby(made["patient"]).is_monotonic_increasing.all()
    assert made["patient"].nunique() == 30
    assert (made.groupby("patient")["sex"].nunique() == 1).all()
    assert not made["patient"].isin(pd.read_csv(place / "visits.csv")["patient"]).any()
    together = made["patient"].ne(made["patient"].shift()).sum()
    assert together == 30


def test_constants_are_requested_and_what_changes_is_refused(place, gankit_):
    done = gankit_("generate", "sequences", "-n", 5, "--where", "sex=m", "--out", "-", cwd=place)
    assert {line.split(",")[2] for line in done.stdout.splitlines()[1:]} == {"m"}
    done = gankit_("generate", "sequences", "--where", "weight=70", cwd=place, code=2)
    assert "weight changes within patient" in done.stderr


def test_related_tables_are_a_folder_with_valid_keys(place, gankit_):
    out = ["--out", "made", "--format", "parquet"]
    done = gankit_("generate", "related", "-n", 25, *out, cwd=place)
    tables = {n: pd.read_parquet(place / "made" / f"{n}.parquet") for n in shop()}
    customers, orders, items = tables.values()
    counts = ", ".join(f"{len(table)} {name}" for name, table in tables.items())
    assert done.stdout == f"25 generated ({counts}): made\n"
    assert len(customers) == 25
    assert customers["customer_id"].is_unique
    assert orders["order_id"].is_unique
    assert orders["customer_id"].isin(customers["customer_id"]).all()
    assert items["order_id"].isin(orders["order_id"]).all()
    real = pd.read_csv(place / "shop" / "customers.csv")
    assert not customers["customer_id"].isin(real["customer_id"]).any()


@pytest.mark.parametrize("out", ["x.csv", "-", "x.csv.gz"])
def test_one_file_for_several_tables_is_refused_at_once(place, gankit_, out):
    done = gankit_("generate", "related", "--out", out, cwd=place, code=2)
    assert "error: this run generates several files, and" in done.stderr
    assert not (place / "x.csv").exists()


def test_parts_and_export_of_trees_are_refused(place, gankit_):
    words = ["generate", "related", "-n", 8, "--parts", 2, "--out", "parts"]
    assert "are not made in parts" in gankit_(*words, cwd=place, code=2).stderr
    assert not (place / "parts").exists()
    for run in ("related", "sequences"):
        done = gankit_("export", run, "--out", "m", cwd=place, code=2)  # before its ending
        assert "error: sequences and related tables cannot be exported" in done.stderr


def test_a_run_of_several_tables_resumes_from_another_folder(place, gankit_, tmp_path):
    shutil.copytree(place, tmp_path / "moved")
    run = tmp_path / "moved" / "related"
    words = ["train", "--data", "../shop", "--out", run, *SMALL, "train.samples=96"]
    gankit_(*once(*words), *_children(run), cwd=tmp_path / "moved" / "related")
    done = gankit_("train", "--out", run, cwd=tmp_path)
    assert "Budget already reached (96 samples" in done.stdout


def _children(run):
    line = next(x for x in (run / "run.toml").read_text().splitlines() if x.startswith("children"))
    assert "shop" not in line  # as seen from the first table
    return ['children=["orders.csv on customer_id","items.csv on order_id"]']


def test_augmenting_keeps_real_trees(place, gankit_):
    gankit_("augment", "related", "--data", "shop", "-n", 4, "--out", "more", cwd=place)
    for name in shop():
        real, more = (pd.read_csv(place / f / f"{name}.csv") for f in ("shop", "more"))
        kept = more[~more["_synthetic"]].drop(columns=["_seed", "_synthetic"])
        pd.testing.assert_frame_equal(
            kept.sort_values([*real]).reset_index(drop=True),
            real.sort_values([*real]).reset_index(drop=True),
        )
    assert pd.read_csv(place / "more" / "customers.csv")["customer_id"].is_unique


def test_frames_in_memory_give_frames(place, tmp_path):
    tables = {name: pd.read_csv(place / "shop" / f"{name}.csv") for name in shop()}
    children = ["orders on customer_id", "items on order_id"]
    run = gankit.fit("tabular", tables, out=tmp_path / "run", children=children, **TINY)
    made = run.sample(5).to_dataframe()
    assert [*made] == [*tables]
    assert made["customers"].dtypes.equals(tables["customers"].dtypes)
    with pytest.raises(GankitError, match="data of type list is no set of tables"):
        gankit.fit("tabular", [*tables.values()], out=tmp_path / "other", children=children)


def test_serving_shows_trees(place):
    """The gallery renders an item at a time."""
    for name, shown in (("sequences", "table: "), ("related", "customers: 1 row")):
        run = gankit.load(place / name)
        sample = next(run.stream(1))
        drawn = run.plugin.modality.render(sample.item, run.codec)
        assert shown in drawn.content.decode()
