"""Groups' shares and outcomes, by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gankit.errors import GankitError
from gankit_tabular.evaluation.groups import group_scores
from gankit_tabular.modality import TabularModality, TabularSettings


def people(**groups):
    """A table from ``group=(rows, share that earns)``."""
    sex, pay = [], []
    for group, (n, share) in groups.items():
        sex += [group] * n
        pay += ["high"] * round(share * n) + ["low"] * (n - round(share * n))
    return pa.table({"sex": sex, "pay": pay})


REAL = people(f=(400, 0.25), m=(600, 0.5), x=(10, 1.0))


def test_shares_and_outcomes_by_hand():
    fake = people(f=(200, 0.1), m=(800, 0.55), x=(10, 0.0))
    scores = group_scores(REAL, REAL, fake, ["sex"], "pay")
    assert scores["group_share/sex"] == pytest.approx(200 / 1010)
    assert scores["group_target/sex"] == pytest.approx(0.15)  # f: 0.25 became 0.1
    assert scores["parity_difference/sex"] == pytest.approx(0.45)
    assert scores["groups_left_out/sex"] == 1  # x has ten rows only
    assert scores["group_share/sex_real"] == scores["group_target/sex_real"] == 0
    assert scores["parity_difference/sex_real"] == pytest.approx(0.25)


def test_a_group_without_generated_rows_is_counted():
    scores = group_scores(REAL, REAL, people(m=(900, 0.5)), ["sex"], "pay")
    assert scores["groups_left_out/sex"] == 2
    assert scores["group_share/sex"] == pytest.approx(1 - 600 / 1010)
    assert scores["group_target/sex"] == 0
    assert np.isnan(scores["parity_difference/sex"])  # one group has no difference


def test_numbers_are_divided_into_quartiles():
    rng = np.random.default_rng(0)

    def aged(shift):
        age = [None, *rng.integers(20, 60, 1000).tolist()]
        return pa.table({"age": age, "pay": rng.normal(shift, 1, 1001)})

    scores = group_scores(aged(0), aged(0), aged(3), ["age"], "pay")
    assert scores["groups_left_out/age"] == 1  # the row without an age
    assert scores["group_share/age"] < 0.1
    assert scores["group_target/age_real"] < 0.2 < 0.8 < scores["group_target/age"]
    assert not any("parity" in name for name in scores)  # the target has more than two values


def test_several_outcomes_and_missing_ones():
    pay = ["low", "mid", "high", None] * 100
    real = pa.table({"sex": ["f"] * 400, "pay": pay})
    other = pa.table({"sex": ["f"] * 400, "pay": ["low"] * 300 + [None] * 100})
    scores = group_scores(real, real, other, ["sex"], "pay")
    assert scores["group_target/sex"] == pytest.approx(0.5)


def test_rows_without_an_outcome_do_not_count_for_parity():
    lost = pa.table({"sex": ["f"] * 100 + ["m"] * 100, "pay": pa.array([None] * 200, pa.string())})
    real = pa.concat_tables([REAL, lost])
    scores = group_scores(real, real, real, ["sex"], "pay")
    assert scores["parity_difference/sex"] == pytest.approx(0.25)


def test_groups_that_are_not_a_column():
    rows = [{"sex": "fm"[i % 2], "pay": i} for i in range(40)]
    with pytest.raises(GankitError, match="no column 'sexx'"):
        TabularModality().read(rows, TabularSettings(groups=("sexx",)), lambda *_: None)
