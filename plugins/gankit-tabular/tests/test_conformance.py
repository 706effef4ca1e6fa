"""The checks of the contract."""

from __future__ import annotations

import datetime
from typing import ClassVar

import numpy as np
import pyarrow as pa
from tests.support.tree_data import patients, shop

from gankit.testing import ModalityTests


class TestBuiltIn(ModalityTests):
    plugin = "tabular"
    settings: ClassVar = {"hidden": 16, "digit_units": 16}


def mixed() -> pa.Table:
    """A column of every kind, with missing values, an identifier and a derived column.

    Columns depend on age: an untrained cascade has the frequency of each value already.
    """
    rng = np.random.default_rng(0)
    n = 400
    city = rng.choice(["Rome", "Oslo", "Lima"], n, p=[0.6, 0.3, 0.1]).tolist()
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    age = rng.integers(18, 90, n)
    minutes = 10_000 * age + rng.integers(0, 10_000, n)
    return pa.table(
        {
            "id": [f"K-{i:05d}x" for i in range(n)],
            "city": city,
            "country": [{"Rome": "IT", "Oslo": "NO", "Lima": "PE"}[c] for c in city],
            "income": np.where(age < 45, 0.0, (rng.lognormal(0, 0.2, n) * age).round(2)),
            "age": age,
            "seen": [start + datetime.timedelta(minutes=int(m)) for m in minutes],
            "member": age > 70,
            "note": [None if v < 30 else f"n{v // 10}" for v in (age + rng.integers(9, size=n))],
            "always": ["same"] * n,
        }
    )


class TestMixed(ModalityTests):
    plugin = "tabular"
    settings: ClassVar = {"hidden": 16, "digit_units": 16}
    data = mixed()


def ruled() -> pa.Table:
    """With constraints, an ordered category and a formatted number as well."""
    rng = np.random.default_rng(0)
    table, n = mixed(), 400
    price = rng.integers(100, 9999, n)
    seen = table.column("seen").to_pylist()
    return (
        table.append_column("price", [(price / 100).tolist()])
        .append_column("tax", [(price // 5 / 100).tolist()])
        .append_column("total", [((price + price // 5) / 100).round(2).tolist()])
        .append_column("left", [[s + datetime.timedelta(hours=i % 9) for i, s in enumerate(seen)]])
        .append_column("size", [[("S", "M", "L")[i % 3] for i in range(n)]])
        .append_column("weight", [[f"{p / 50:.1f} kg" for p in price]])
    )


class TestRuled(ModalityTests):
    plugin = "tabular"
    settings: ClassVar = {
        "hidden": 16,
        "digit_units": 16,
        "ordinals": {"size": ("S", "M", "L")},
        "constraints": (
            "seen <= left",
            "total = price + tax",
            "together: city, country",
            "unique: id",
        ),
    }
    data = ruled()


NOT_OF_TREES = {
    "resume": "the warm-up's learning rate falls to 0 over train.samples, which differ",
    "conversions": "rows that belong together are no array",
}


class TestSequences(ModalityTests):
    plugin = "tabular"
    expected_failures: ClassVar = NOT_OF_TREES
    settings: ClassVar = {
        "sequence": {"entity": "patient", "order": "day"},
        "train": {"warm_up": 1.0},
        "longest": 4,
        "hidden": 16,
        "digit_units": 16,
    }
    data = patients(80).tables["visits"].table


def related() -> dict[str, pa.Table]:
    """Three tables; each has two columns at least that are modelled."""
    tables = {name: rows.table for name, rows in shop(60).tables.items()}
    rng = np.random.default_rng(0)
    for name in ("orders", "items"):
        table = tables[name]
        tables[name] = table.append_column("rush", [(rng.random(len(table)) < 0.3).tolist()])
    return tables


class TestRelated(ModalityTests):
    plugin = "tabular"
    expected_failures: ClassVar = {
        **NOT_OF_TREES,
        "read-refuses": "children are looked for beside a file before it is read",
    }
    settings: ClassVar = {
        "children": ("orders on customer_id=id", "items on order_id"),
        "train": {"warm_up": 1.0},
        "longest": 4,
        "hidden": 16,
        "digit_units": 16,
    }
    data = related()
