"""Scores see what the codec sees: formatted numbers, dates, categories; no identifiers."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from gankit.contract import EvaluationData, Sample
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.evaluation.column_scores import ColumnScores
from gankit_tabular.evaluation.downstream import Boosting
from gankit_tabular.evaluation.scored import ScoredColumns, shown_kind
from gankit_tabular.evaluation.scores import TableScores

N = 300


def plain(seed, first=0):
    """Values, and a target that follows from the amount."""
    rng = np.random.default_rng(seed)
    amount = np.round(rng.normal(0, 2000, N), 2)
    return {
        "amount": amount,
        "share": rng.integers(0, 60, N),
        "euro": np.round(rng.lognormal(7, 1, N), 2),
        "day": [datetime.date(2020, 1, 1) + datetime.timedelta(days=int(d))
                for d in rng.integers(0, 900, N)],
        "zip": rng.integers(0, 40, N),
        "yes": np.where(amount > 500, "yes", "no").tolist(),
    }  # fmt: skip


def euro(value):
    return f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".") + " €"


def formatted(seed, first=0):
    """The same as texts, with an identifier and a constant."""
    values = plain(seed)
    return pa.table(
        {
            "customer": [f"CUST-{first + i:06d}" for i in range(N)],
            "amount": [f"(${-v:,.2f})" if v < 0 else f"${v:,.2f}" for v in values["amount"]],
            "share": [f"{v} %" for v in values["share"]],
            "euro": [euro(v) for v in values["euro"]],
            "day": [d.strftime("%m/%d/%Y") for d in values["day"]],
            "zip": values["zip"],
            "country": ["Norway"] * N,
            "yes": values["yes"],
        }
    )


def data(make):
    train, heldout, made = (make(seed, 10_000 * seed) for seed in (1, 2, 3))
    samples = [Sample(row, i, {}) for i, row in enumerate(made.to_pylist())]
    return EvaluationData(samples, train.to_pylist(), heldout.to_pylist())


@pytest.mark.parametrize("with_codec", [True, False])
def test_formatted_columns_score_as_their_values(with_codec):
    """Every score equals that of a table of plain values without identifiers and constants."""
    kinds = {"zip": "category"}
    codec = TableCodec.fit(formatted(1, 10_000), kinds=kinds) if with_codec else None
    columns = (ColumnScores, lambda codec, kinds: TableScores("yes", (), codec, kinds))
    for make in columns:
        found = make(codec, kinds).evaluate(data(formatted), np.random.default_rng(0))
        expected = make(None, kinds).evaluate(
            data(lambda seed, first: pa.table(plain(seed))), np.random.default_rng(0)
        )
        assert found == pytest.approx(expected)


def test_kinds():
    table = formatted(1)
    scored = ScoredColumns.of(table, kinds={"zip": "category"}).table(table)
    assert {f.name: shown_kind(f.type) for f in scored.schema} == {
        "amount": "number",
        "share": "number",
        "euro": "number",
        "day": "date or time",
        "zip": "category",
        "yes": "category",
    }


def test_keys_are_left_out():
    table = pa.table(
        {
            "shop": [f"s{i % 10}" for i in range(N)],
            "day": [i // 10 for i in range(N)],
            "x": np.random.default_rng(0).normal(size=N),
        }
    )
    codec = TableCodec.fit(table, constraints=["unique: shop, day"])
    assert ScoredColumns.of(table, codec).names == ["x"]
    assert ScoredColumns.of(table, codec).table(table, ["shop"]).column_names == ["shop", "x"]


def test_a_row_per_column():
    rows = ColumnScores().details(data(formatted), np.random.default_rng(0))
    assert [row["column"] for row in rows] == ["amount", "share", "euro", "day", "zip", "yes"]
    scores = ColumnScores().evaluate(data(formatted), np.random.default_rng(0))
    assert np.mean([row["shape"] for row in rows]) == pytest.approx(scores["column_shapes"])
    real = np.mean([row["shape_real"] for row in rows])
    assert real == pytest.approx(scores["column_shapes_real"])
    assert all(0 < row["pairs"] <= 1 for row in rows)


def test_the_downstream_model_reads_formatted_numbers():
    train, test = formatted(1), formatted(2, 5000)
    rows = [t.to_pylist() for t in (train, test)]
    assert Boosting().scores(*rows, "yes", "", 0)["auc"] > 0.99
    assert Boosting().scores(*rows, "amount", "", 0).keys() == {"r2"}


def test_more_generated_rows_are_no_advantage():
    """Rows of the same source: fidelity is that of held-out rows, however many are generated."""

    def advantage(seed):
        rng = np.random.default_rng(seed)
        values, letters = rng.normal(size=1_530), rng.choice([*"abcde"], 1_530)
        rows = [{"x": x, "c": c} for x, c in zip(values.tolist(), letters.tolist(), strict=True)]
        made = [Sample(row, i, {}) for i, row in enumerate(rows[530:])]
        found = ColumnScores().evaluate(EvaluationData(made, rows[:500], rows[500:530]), rng)
        return found["fidelity"] - found["fidelity_real"]

    assert abs(np.mean([advantage(seed) for seed in range(10)])) < 0.05
