"""What is said of gaps, and where several imputations go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gankit.contract import Gaps
from gankit.errors import GankitError
from gankit.workflows.impute import Found, check_number, numbered


def test_gaps_are_counted_over_all_blocks():
    found = Found()
    assert found.in_words() == "0 items without a gap: there is nothing to fill"
    for row in ([True, False], [False, False], [True, True], [True, False]):
        found.add(Gaps(("a", "b"), np.array([row])))
    assert found.in_words() == "4 items, 3 of them with gaps, in 2 patterns: a 3, b 1"
    assert found.record() == {"items": 4, "incomplete": 3, "gaps": {"a": 3, "b": 1}, "patterns": 2}


@pytest.mark.parametrize(
    ("out", "second"),
    [
        ("filled.csv", "filled-2.csv"),
        ("x/filled.csv.gz", "x/filled-2.csv.gz"),
        ("folder", "folder-2"),
        ("v1.2/filled.parquet", "v1.2/filled-2.parquet"),
    ],
)
def test_paths_of_several_imputations(out, second):
    assert numbered(out, 1) == [out]
    assert numbered(out, 3)[1] == Path(second)


@pytest.mark.parametrize("m", [0, 1001])
def test_other_numbers_of_imputations_are_refused(m):
    with pytest.raises(GankitError, match=f"m={m}: out of range"):
        check_number(m)
