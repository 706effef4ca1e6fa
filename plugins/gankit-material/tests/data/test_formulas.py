"""Formulas: exact counts, or the reason why there are none."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition

from gankit_material.data.elements import BY_ELECTRONEGATIVITY, ELEMENTS
from gankit_material.data.formulas import FormulaError, parse
from gankit_material.data.items import formula_of

NOBLE = ("He", "Ne", "Ar")
COUNTS = st.dictionaries(
    st.sampled_from([e for e in ELEMENTS if e not in NOBLE]),
    st.integers(1, 60),
    min_size=1,
    max_size=6,
)


@given(COUNTS)
def test_a_written_formula_is_read_as_the_same_counts(counts):
    assert {e: int(n) for e, n in parse(formula_of(counts)).amounts.items()} == counts


@given(COUNTS, COUNTS, st.integers(1, 9))
def test_groups_agree_with_pymatgen(inner, outer, times):
    text = f"{formula_of(outer)}({formula_of(inner)}){times}"
    wanted = Composition(text).get_el_amt_dict()  # pymatgen reduces H2 to itself
    assert parse(text).amounts == {e: int(n) for e, n in wanted.items()}


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_with_a_reason(text):
    try:
        amounts = parse(text).amounts
    except FormulaError:
        return
    assert amounts
    assert all(amount > 0 for amount in amounts.values())


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("NaN", {"Na": 1, "N": 1}),
        ("Ca(OH)2", {"Ca": 1, "O": 2, "H": 2}),
        ("K4[Fe(CN)6]", {"K": 4, "Fe": 1, "C": 6, "N": 6}),
        ("CuSO4·5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("SrTiO₃", {"Sr": 1, "Ti": 1, "O": 3}),
        ("$Fe_{2}O_3$", {"Fe": 2, "O": 3}),
        ("Fe<sub>2</sub>O<sub>3</sub>", {"Fe": 2, "O": 3}),
        ("Fe2 O3", {"Fe": 2, "O": 3}),
        ("Fe4O6", {"Fe": 2, "O": 3}),
        ("Fe0.5Ni0.5", {"Fe": 1, "Ni": 1}),
        ("Fe0.7Ni0.3", {"Fe": 7, "Ni": 3}),
        ("C1Pt1", {"C": 1, "Pt": 1}),
        ("D2O", {"O": 1, "H": 2}),
    ],
)
def test_ways_to_write_a_formula(text, counts):
    assert parse(text).reduced() == counts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("Xx2O", "no element Xx"),
        ("nacl", "small letter"),
        ("Na+", "charge"),
        ("SO4 2-", "charge"),
        ("Fe²⁺", "charge"),
        ("Fe-2O3", "negative count"),
        ("Fe0O3", "count of Fe is 0"),
        ("La1-xSrxMnO3", "variable amounts"),
        ("YBa2Cu3O7-δ", "variable amounts"),
        ("Ca(OH", "not closed"),
        ("Ca)2", "not opened"),
        ("()2", "empty brackets"),
        ("123", "no letters"),
        ("CuSO4.5H2O", "full stop before H2O"),
        ("(" * 30 + "H" + ")" * 30, "brackets within brackets"),
        ("H" * 500, "longer than 300"),
        ("H1234567890123", "more than 12 digits"),
        ("Fe2O3!", "'!' has no place"),
    ],
)
def test_why_a_text_is_no_formula(text, reason):
    with pytest.raises(FormulaError, match=reason):
        parse(text)


def test_rounding_keeps_every_element_and_is_exact_where_it_can_be():
    formula = parse("Fe0.731Ni0.269")
    assert formula.fractional
    rounded = formula.rounded(20)
    assert set(rounded) == {"Fe", "Ni"}
    assert rounded["Fe"] / sum(rounded.values()) == pytest.approx(0.731, abs=0.01)
    assert parse("Al0.999Cr0.001").rounded(10) == {"Al": 10, "Cr": 1}
    assert parse("Fe0.5Ni0.5").rounded(20) == {"Fe": 1, "Ni": 1}


def test_amounts_are_exact():
    assert parse("Fe0.1O0.2").amounts == {"Fe": Fraction(1, 10), "O": Fraction(1, 5)}


def test_the_orders_of_elements_agree_with_pymatgen():
    from pymatgen.core import Element

    assert all(i == Element(symbol).Z for i, symbol in enumerate(ELEMENTS, start=1))
    values = [Element(symbol).data.get("X") for symbol in BY_ELECTRONEGATIVITY]
    known = [value for value in values if isinstance(value, float) and value == value]
    assert known == sorted(known)
    assert sorted(BY_ELECTRONEGATIVITY) == sorted(ELEMENTS)
