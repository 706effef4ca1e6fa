"""Shares of a class."""

from __future__ import annotations

import numpy as np

from gankit.metrics import shares_by_class


def test_a_class_without_items_has_no_share() -> None:
    made = np.array(["a", "b", "a"]), np.array([True, False, False])
    real = np.array(["a"]), np.array([True])
    assert shares_by_class({"": made, "_real": real}, "agreement") == [
        {"class": "a", "agreement": 0.5, "agreement_real": 1.0},
        {"class": "b", "agreement": 0.0, "agreement_real": None},
    ]
