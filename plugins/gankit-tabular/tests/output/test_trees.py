"""Files of sequences and of tables that refer to each other, pictures, and data frames."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest
from visits_and_shop import CHILDREN, read, save, save_shop, visits

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError
from gankit_tabular.data.rows import Rows
from gankit_tabular.output.conversion import convert_trees
from gankit_tabular.output.files import FORMATS
from gankit_tabular.output.tree import draw_tree
from gankit_tabular.output.trees import write_trees

ABOUT = Provenance("gankit 0", "run", "2026-01-01T00:00:00+00:00", "uri")


@pytest.fixture(scope="module")
def of_patients(tmp_path_factory):
    file = save(visits(form="%d.%m.%Y"), tmp_path_factory.mktemp("v") / "visits.csv")
    return read(file, entity="patient", order="date").items


@pytest.fixture(scope="module")
def of_shop(tmp_path_factory):
    return read(save_shop(tmp_path_factory.mktemp("s")), children=CHILDREN).items


def written(trees, folder, format):
    """Writes every second tree as real, and reads it back as the plugin does."""
    folder.mkdir()
    schemas = {name: rows.table.schema for name, rows in trees.tables.items()}
    samples = [Sample(tree, i, {}, real=i % 2 == 0) for i, tree in enumerate(trees)]
    return write_trees(samples, folder, trees.structure, schemas, ABOUT, format)


@pytest.mark.parametrize("format", FORMATS)
def test_sequences_are_one_file_that_reads_back(tmp_path, of_patients, format):
    assert written(of_patients, tmp_path / "out", format) == {"rows": 70}
    again = read(tmp_path / "out" / f"table.{format}", entity="patient", order="date").items
    for one, two in zip(of_patients, again, strict=True):
        assert one["table"].to_pylist() == two["table"].to_pylist()


@pytest.mark.parametrize("format", FORMATS)
def test_related_tables_are_a_file_each_that_reads_back(tmp_path, of_shop, format):
    counts = written(of_shop, tmp_path / "out", format)
    assert counts == {"customers": 20, "orders": 30, "items": 30}
    again = read(tmp_path / "out", children=CHILDREN).items
    for one, two in zip(of_shop, again, strict=True):
        assert [t.to_pylist() for t in one.values()] == [t.to_pylist() for t in two.values()]


def test_every_row_is_marked_with_the_seed_of_its_tree(tmp_path, of_shop):
    written(of_shop, tmp_path / "out", "csv")
    customers, orders = (
        pd.read_csv(tmp_path / "out" / f"{n}.csv") for n in ("customers", "orders")
    )
    seeds = dict(zip(customers["id"], customers["_seed"].fillna(-1), strict=True))
    assert [*orders["_seed"].fillna(-1)] == [seeds[c] for c in orders["customer_id"]]
    assert customers["_synthetic"].tolist() == [i % 2 == 1 for i in range(20)]


def test_cells_are_written_as_the_file_has_them(tmp_path, of_patients):
    written(of_patients, tmp_path / "out", "csv")
    lines = (tmp_path / "out" / "table.csv").read_text().splitlines()
    cells = {tuple(line.split(",")[:4]) for line in lines[1:]}
    assert cells == {tuple(row) for row in visits(form="%d.%m.%Y")[1:]}


def test_one_tree_is_drawn_with_its_rows_and_numbers(of_patients, of_shop):
    drawn = draw_tree(of_patients[next(i for i in range(24) if len(of_patients[i]["table"]) == 5)])
    assert "table: 5 rows" in drawn
    assert "weight: " in drawn
    assert "<polyline" in drawn
    drawn = draw_tree(of_shop[3])
    assert "customers: 1 row" in drawn
    assert "orders: 3 rows" in drawn


def test_long_and_wide_sequences_are_drawn_in_part(of_patients):
    wide = {f"c{i}": [None, "x" * 99, "<b>"] * 20 for i in range(30)}
    table = pa.table({"patient": ["a"] * 60, "date": range(60), **wide})
    trees = type(of_patients)(of_patients.structure, {"table": Rows(table)}, {"table": [0, 60]})
    drawn = draw_tree(trees[0])
    assert "… 22 more columns, 40 more rows" in drawn
    assert "<b>" not in drawn


def test_trees_become_data_frames(of_patients, of_shop):
    frame = convert_trees([of_patients[i] for i in (2, 0)], "dataframe")
    assert list(frame.columns) == ["patient", "date", "sex", "weight"]
    frames = convert_trees(of_shop, "dataframe")
    assert [*frames] == ["customers", "orders", "items"]
    assert set(frames["orders"]["customer_id"]) <= set(frames["customers"]["id"])
    with pytest.raises(GankitError, match="no single array"):
        convert_trees(of_shop, "numpy")
