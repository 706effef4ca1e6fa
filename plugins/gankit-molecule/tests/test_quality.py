"""Doubts about generated molecules."""

from __future__ import annotations

import pytest

from gankit_molecule.quality import Counts


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (Counts(100, 70, 70), "30 of 100 generated molecules are invalid"),
        (Counts(10, 2, 2), "8 of 10 generated molecules are invalid"),
        (Counts(5, 1, 1), "4 of 5 generated molecules are invalid"),
        (Counts(1, 0, 0), "1 of 1 generated molecules are invalid"),
        (Counts(100, 100, 30), "only 30 different molecules"),
        (Counts(100, 100, 100, 10), "90 of 100 different molecules are in the training data"),
    ],
)
def test_poor_results_are_said(counts: Counts, message: str) -> None:
    (doubt,) = counts.doubts()
    assert message in doubt


@pytest.mark.parametrize("counts", [Counts(100, 95, 90, 80), Counts(5, 3, 1, 0), Counts(0, 0, 0)])
def test_other_results_are_not(counts: Counts) -> None:
    assert not counts.doubts()
