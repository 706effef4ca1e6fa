"""Another data set, checked by name against the columns that a run is conditioned on."""

from __future__ import annotations

import pytest

from gankit.contract import Condition, Continuous
from gankit.errors import GankitError
from gankit_molecule.codec.conditions import conformed
from gankit_molecule.data.molecules import Molecule

CONDITION = Condition((Continuous("logp", 0.0, 1.0), Continuous("activity", 0.0, 1.0)))


def test_columns_in_another_order_and_further_ones_fit() -> None:
    items = [Molecule("CCO", {"x": "a", "activity": 1.0}), Molecule("CCN")]
    found = conformed(items, CONDITION, strict=True)
    assert list(found.items) == items
    assert not found.warnings
    assert not conformed(items, None, strict=True).warnings


def test_a_missing_column_is_named() -> None:
    items = [Molecule("CCO", {"activty": 1.0})]
    with pytest.raises(GankitError, match="no column 'activity'.* Did you mean activty"):
        conformed(items, CONDITION, strict=True)
    (warning,) = conformed(items, CONDITION, strict=False).warnings
    assert "no column 'activity'" in warning


@pytest.mark.parametrize("strict", [True, False])
def test_text_in_the_place_of_numbers_is_quoted(strict: bool) -> None:
    items = [Molecule("CCO", {"activity": "1.5"}), Molecule("CCN", {"activity": ">10"}, "B-2")]
    with pytest.raises(GankitError, match="activity of B-2 is not a number: '>10'"):
        conformed(items, CONDITION, strict)
