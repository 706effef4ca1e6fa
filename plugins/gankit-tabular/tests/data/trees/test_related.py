"""Tables that refer to each other, as trees."""

from __future__ import annotations

import re
import sqlite3

import pandas as pd
import pytest
from visits_and_shop import CHILDREN, read, save, save_shop, shop

from gankit.errors import GankitError
from gankit_tabular.data.trees.sources import Child, parse_child


def test_a_row_comes_with_all_that_belongs_to_it(tmp_path):
    found = read(save_shop(tmp_path), children=CHILDREN)
    trees, tables = found.items, shop()
    assert [len(rows) for rows in trees.tables.values()] == [20, 30, 30]
    orders = {row[0]: row[1] for row in tables["orders"][1:]}
    for tree in trees:
        customer = str(tree["customers"].column("id")[0].as_py())
        own = [row[0] for row in tables["orders"][1:] if row[1] == customer]
        assert tree["orders"].column("order_id").to_pylist() == own
        items = [row for row in tables["items"][1:] if orders[row[0]] == customer]
        assert tree["items"].column("price").to_pylist() == [float(row[1]) for row in items]
    assert found.facts["table orders"] == (
        "30 rows for 20 of customers by customer_id = id; rows each: 0 to 3, median 1.5; 5 without"
    )
    assert found.facts["table items"].endswith(
        "by order_id; rows each: 0 to 2, median 1; 10 without"
    )
    assert found.description == "20 trees of 3 tables: customers (20), orders (30), items (30)"


def test_rows_may_be_in_any_order_and_in_a_temporary_file(tmp_path):
    tables = shop()
    mixed = {name: [rows[0], *rows[:0:-1]] for name, rows in tables.items()}
    one = read(save_shop(tmp_path / "a", mixed), children=CHILDREN)
    two = read(save_shop(tmp_path / "b", mixed), children=CHILDREN, memory=1e-7)
    assert two.items.tables["items"].spool is not None
    assert two.fingerprint == one.fingerprint
    orders = one.items.tables["orders"].table.to_pandas()
    customers = one.items.tables["customers"].table.column("id").to_pylist()
    assert list(dict.fromkeys(orders["customer_id"])) == [
        c for c in customers if c in set(orders["customer_id"])
    ]


@pytest.mark.parametrize("made", ["folder", "frames", "database", "parquet"])
def test_tables_come_from_a_folder_memory_or_a_database(tmp_path, made):
    file = save_shop(tmp_path / "shop")
    tables = {name: pd.read_csv(tmp_path / "shop" / f"{name}.csv") for name in shop()}
    source, given = tmp_path / "shop", {"children": CHILDREN}
    if made == "frames":
        source = tables
        given = {"children": ("orders on customer_id=id", "items on order_id")}
    if made == "parquet":  # as gankit writes them
        source = tmp_path / "parquet"
        source.mkdir()
        for name, table in tables.items():
            table.to_parquet(source / f"{name}.parquet")
    if made == "database":
        source = tmp_path / "shop.sqlite"
        with sqlite3.connect(source) as connection:
            for name, table in tables.items():
                table.to_sql(name, connection, index=False)
        connection.close()
        given = {
            "query": "select * from customers",
            "children": (
                "select * from orders on customer_id=customers.id",
                "select * from items on order_id",
            ),
        }
    found, direct = read(source, **given), read(file, children=CHILDREN)
    assert found.items.structure == direct.items.structure
    assert [len(r) for r in found.items.tables.values()] == [20, 30, 30]
    if made != "database":  # whose rows have no order
        for one, two in zip(found.items, direct.items, strict=True):
            assert [t.to_pylist() for t in one.values()] == [t.to_pylist() for t in two.values()]


def test_rows_without_a_parent_are_left_out_on_request(tmp_path):
    tables = shop()
    tables["orders"] += [["O998", "7", "1.5"], ["O999", "", "1.5"]]
    tables["items"].append(["O998", "2"])
    found = read(save_shop(tmp_path, tables), children=CHILDREN, orphans="drop")
    assert [len(r) for r in found.items.tables.values()] == [20, 30, 30]
    assert [issue.location for issue in found.issues] == [
        "orders, row 31", "orders, row 32", "items, row 31",
    ]  # fmt: skip
    assert found.issues[0].reason == "left out: customers has no row with its customer_id"


def test_of_two_possible_parents_the_one_with_its_own_key_is_meant(tmp_path):
    tables = {
        "customers": [["customer_id", "a"], *([str(i), "x"] for i in range(20))],
        "cards": [["card_id", "customer_id"], *([f"c{i}", str(i)] for i in range(20))],
        "orders": [["customer_id", "b"], *([str(i % 20), "y"] for i in range(40))],
    }
    save_shop(tmp_path, tables)
    children = ("cards.csv on customer_id", "orders.csv on customer_id")
    found = read(str(tmp_path / "customers.csv"), children=children)
    assert [link.parent for link in found.items.structure.links] == ["", "customers", "customers"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"numbers": ("customers.region",)}, "numbers: region contains texts that are not numbers"),
        ({"constraints": ("price <= 0",)}, "constraint 'price <= 0': 30 of 30 rows break it"),
        ({"constraints": ("price <= total",)}, "constraint 'price <= total': its columns are not"),
        ({"target": "orders.tota"}, "customers or orders or items has no column 'orders.tota'"),
    ],
)
def test_settings_are_checked_against_the_table_that_they_name(tmp_path, given, message):
    assert refused(save_shop(tmp_path), children=CHILDREN, **given).message.startswith(message)


def refused(source: object, **given) -> GankitError:
    with pytest.raises(GankitError) as error:
        read(source, **given)
    assert "\n" not in error.value.message
    assert error.value.hint
    return error.value


BAD = {
    "orphan": ("orders", ["O999", "7", "1"], r"orders: 1 row has no parent: row 31 has the value 7 "
               r"in customer_id, and customers has no such id"),
    "missing": ("orders", ["O999", "", "1"], r"orders: 1 row has no parent: row 31 has no value"),
    "blank": ("items", [" ", "1"], r"items: 1 row has no parent: row 31 has no value in order_id"),
    "repeated": ("customers", ["101", "x"], r"customers: id is no key: 1 row repeats .* row 21"),
    "unnamed": ("customers", ["", "x"], r"customers: id: 1 row has no value, the first is row 21"),
    "text": ("orders", ["O999", "x7", "1"], r"customer_id has texts, and customers: id has int"),
    "float": ("orders", ["O999", "1.5", "1"], r"orders: customer_id has numbers with decimals"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_keys_that_do_not_match_are_refused_with_a_row(tmp_path, kind):
    name, row, message = BAD[kind]
    tables = shop()
    tables[name].append(row)
    assert re.search(message, refused(save_shop(tmp_path, tables), children=CHILDREN).message)


@pytest.mark.parametrize(
    ("children", "message"),
    [
        (("orders.csv",), r"children: 'orders.csv' names no table and column"),
        (("orders.csv on a, b",), r"names several columns; a key is one column"),
        (("order.csv on id",), r"no such file or folder: order.csv \(neither in"),
        (("orders.csv on customer",), r"orders has no column 'customer', which should hold"),
        (("orders.csv on customer_id",), r"orders belongs to no table by customer_id: customers "),
        (("customers.csv on id",), r"customers.csv is the first table and a child: .* itself"),
        ((*CHILDREN, "items.csv on order_id"), r"items.csv is given as a child twice: .*many-to-m"),
        (("items.csv on order_id",), r"items belongs to no table by order_id"),
    ],
)
def test_what_is_no_tree_is_refused_in_one_line(tmp_path, children, message):
    assert re.search(message, refused(save_shop(tmp_path), children=children).message)


@pytest.mark.parametrize(
    ("children", "told"),
    [
        (("items.csv on order_id", "orders.csv on customer_id=id"),
         r"items belongs to no table before it by order_id. orders, given later, has order_id: "
         r"give it first$"),
        (("items.csv on order_id=orders.order_id", "orders.csv on customer_id=id"),
         r"orders, given later, has order_id: give it first$"),
        (("orders.csv on customer_id=custmers.id",),
         r"orders: there is no table custmers. Did you mean customers\?$"),
        (("orders.csv on customer_id=orders.order_id",),
         r"refers to itself is not supported. Leave"),
        (("orders.csv on customer_id=ids",),
         r"by ids: customers has no such column. Did you mean id\? Where the parent's key has"),
        (("orders.csv on customer_id=zzzzz",),
         r"column. Known: id, region. Where the parent's key"),
    ],
)  # fmt: skip
def test_what_to_do_about_a_missing_parent_is_said(tmp_path, children, told):
    assert re.search(told, str(refused(save_shop(tmp_path), children=children)))


def test_keys_without_a_match_are_named_with_their_tables(tmp_path):
    tables = shop()
    for row in tables["orders"][1:]:
        row[1] = "9"
    found = refused(save_shop(tmp_path, tables), children=CHILDREN[:1], orphans="drop")
    assert found.hint == "Compare customer_id of orders with id of customers"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('orders.csv on "customer_id"', ("orders.csv", "customer_id", "")),
        ('o.csv on "customer id" = "Kunden"."id"', ("o.csv", "customer id", "Kunden.id")),
        ('o.csv on "a=b"=id', ("o.csv", "a=b", "id")),
        ('o.csv on a=customers."x ""y"""', ("o.csv", "a", 'customers.x "y"')),
        ('select * from "o" on a=id', ('select * from "o"', "a", "id")),
    ],
)
def test_names_of_keys_may_be_in_double_quotes(text, names):
    assert parse_child(text) == Child(*names)


def test_a_generated_folder_is_doubted_once(tmp_path):
    file = save_shop(tmp_path)
    (tmp_path / "provenance.json").write_text('{"generated": true}')
    (warning,) = read(file, children=CHILDREN).warnings
    assert warning.startswith(f"{tmp_path} was generated by gankit")


def test_parents_that_are_children_are_told_apart_from_many_to_many(tmp_path):
    file = save_shop(tmp_path)
    found = refused(str(tmp_path / "orders.csv"), children=("customers.csv on id=customer_id",))
    assert "is no key: " in found.message
    assert "it may be the parent" in found.hint
    save([["region", "tax"], *(["north", str(i)] for i in range(20))], tmp_path / "taxes.csv")
    found = refused(file, children=("taxes.csv on region",))
    assert "Both tables repeat them" in found.hint


@pytest.mark.parametrize("rows", [[["order_id", "customer_id"]], []])
def test_a_child_without_rows_is_refused(tmp_path, rows):
    file = save_shop(tmp_path, {**shop(), "orders": rows})
    assert "orders" in refused(file, children=CHILDREN).message


def test_data_in_memory_that_is_no_set_of_tables_is_refused(tmp_path):
    frame = pd.DataFrame({"id": range(20)})
    found = refused([frame, frame], children=("orders on id",))
    assert found.message == "data of type list is no set of tables"
    found = refused({"a": frame, "b": frame}, children=("orders on id",))
    assert found.message == "children: no table is named 'orders'"
    found = refused({"a": frame, "b": frame, "c": frame}, children=("b on id",))
    assert found.message.startswith("a, c are 2 tables beside the children")


def test_too_few_first_rows_are_refused(tmp_path):
    found = refused(save_shop(tmp_path, shop(9)), children=CHILDREN)
    assert found.message == "customers has 9 usable rows"
