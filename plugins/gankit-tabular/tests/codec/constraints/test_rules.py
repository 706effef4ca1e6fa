"""Rules as texts: what they mean, and which are refused."""

from __future__ import annotations

import pyarrow as pa
import pytest

from gankit.contract import Fitting
from gankit.errors import GankitError
from gankit_tabular.codec.constraints.rules import parse_rules
from gankit_tabular.codec.constraints.validation import check_rows
from gankit_tabular.modality import TabularModality, TabularSettings

SUM = "total = price + tax - discount"


def fit(table, *constraints):
    modality, settings = TabularModality(), TabularSettings(constraints=constraints)
    found = modality.read(table, settings, lambda *_: None)
    modality.fit_codec(found.items, settings, Fitting())


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["start <= ent"], r"no column 'ent'\. Did you mean end"),
        (["shop <= price"], "shop contains texts"),
        (["price"], "it has 0 comparison signs"),
        (["price < tax < total"], "it has 2 comparison signs"),
        (["price <"], "a side is empty"),
        (["price = price"], "each column must be named once"),
        (["price <= start"], "price is a number, start a timestamp"),
        (["start = end + start"], "cannot be added|once"),
        (["together: shop"], "at least two columns"),
        (["unique: shop, shop"], "each column must be named once"),
        (["unique: nr"], "no column 'nr'"),
        (["price tax <= total"], r"no column|expected \+ or -"),
        (["price >= 0", "price < 0"], "rows break it|contradict"),
        (["price < tax", "tax < price"], "rows break it"),
        (["together: shop, price", SUM], "'price' in arithmetic and"),
        (["price >= 1000000"], r"40 of 40 rows break it, the first is row 1 \(price=\d"),
    ],
)
def test_invalid_rules_are_refused_in_one_line(texts, message, orders):
    with pytest.raises(GankitError, match=message) as raised:
        fit(orders.slice(0, 40), *texts)
    assert "\n" not in str(raised.value)


def test_contradicting_rules_that_no_row_shows(fitted):
    table = pa.table({"a": [1.0, None] * 20, "b": [None, 2.0] * 20, "c": [1.0, 2.0] * 20})
    with pytest.raises(GankitError, match="contradict each other: 'a < b', 'b < a'"):
        fitted(table, "a < b", "c >= 0", "b < a")


def test_the_first_bad_row_is_named_and_missing_values_are_none():
    table = pa.table({"a": [1, 2, None, 4], "b": [2, None, 3, 3], "k": ["x", "y", "y", "x"]})
    types = {f.name: f.type for f in table.schema}
    with pytest.raises(GankitError, match=r"1 of 4 rows break it, the first is row 4 \(a=4, b=3\)"):
        check_rows(parse_rules(["a <= b"], types), table)
    with pytest.raises(GankitError, match=r"2 of 4 rows break it, the first is row 3 \(k=y\)"):
        check_rows(parse_rules(["unique: k"], types), table)


def test_names_with_signs_spaces_and_quotes():
    table = pa.table({"hours-per-week": [1, 2], "a b": [3, 4], "a < b": [1, 1], "x,y": [1, 2]})
    types = {f.name: f.type for f in table.schema}
    found = parse_rules(
        ["hours-per-week <= a b", '"a < b", "x,y" >= 0', "a b = hours-per-week + 2"], types
    )
    assert [r.terms for r in found] == [
        (("hours-per-week", 1), ("a b", -1)),
        (("a < b", -1),),
        (("x,y", -1),),
        (("a b", 1), ("hours-per-week", -1)),
    ]
    check_rows(found, table)
