"""Rules as texts: what they mean, and which are refused."""

from __future__ import annotations

import numpy as np
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
        (["price <= $500"], r"no column '\$500'\. Write numbers without a unit"),
        (["start <= 08/02/2022"], r"no column '08/02/2022'\. Write .* dates as 2024-01-31"),
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


DATED = {"end": pa.date32(), "at": pa.timestamp("s"), "wait": pa.duration("s"), "x": pa.float64()}


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("end >= 2030", "2030-01-01", None),
        ("end > 2030", "2031-01-01", None),
        ("end <= 2030", None, "2030-12-31"),
        ("end < 2030", None, "2029-12-31"),
        ("2030 <= end", "2030-01-01", None),
        ("2030 > end", None, "2029-12-31"),
        ("end <= 2020-02", None, "2020-02-29"),
        ("end = 2020-02-03", "2020-02-03", "2020-02-03"),
        ('"end" >= 2030-06', "2030-06-01", None),
    ],
)
def test_years_and_months_are_bounds(text, least, most):
    (rule,) = parse_rules([text], DATED)
    days = np.array(["1990-01-01", "2020-02-03", "2029-12-31", "2030-01-01", "2030-12-31",
                     "2031-01-01", "2020-02-29", "2020-03-01", "2030-06-01"], "M8[D]")  # fmt: skip
    holds = np.ones(len(days), bool)
    if least:
        holds &= days >= np.datetime64(least)
    if most:
        holds &= days <= np.datetime64(most)
    value = dict(rule.terms)["end"] * days.astype(np.int64) * 86_400 * 10**9
    found = {
        "<=": value <= rule.constant, "<": value < rule.constant, "=": value == rule.constant
    }[rule.relation]  # fmt: skip
    assert found.tolist() == holds.tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("end >= 10000", "end contains dates, not numbers. Write such a value as 2024-01-31"),
        ("wait <= 90", "wait contains durations, not numbers. Write such a value as 90s"),
        ("end = 2030", "2030 is more than one value"),
        ("x <= 1e999", "1e999 is too large"),
    ],
)
def test_plain_numbers_are_no_dates(text, message):
    with pytest.raises(GankitError, match=message):
        parse_rules([text], DATED)


def test_numbers_with_exponents():
    (rule,) = parse_rules(["x <= 1.5e3"], DATED)
    assert rule.constant == 1500
