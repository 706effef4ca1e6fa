"""Trees of rows to score: patients with visits, and customers with orders of items."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa

from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.items import Link, Structure, Trees

VISITS = Structure((Link("visits", foreign="patient"),), "patient", "day")
SHOP = Structure(
    (
        Link("customers"),
        Link("orders", "customers", "customer_id", "id"),
        Link("items", "orders", "order_id", "order_id"),
    )
)


def starts(counts):
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def patients(n: int = 200, seed: int = 0, *, dependent: bool = True, first: int = 0) -> Trees:
    """Patients with 1 to 9 visits: a weight that drifts, a state that mostly stays, and constants.

    Args:
        dependent: whether a row depends on the one before, and the rows on the constants.
        first: number of the first patient.
    """
    rng = np.random.default_rng(seed)
    ill = rng.random(n) < 0.4
    lengths = 1 + rng.poisson(np.where(ill & dependent, 4, 2)).clip(max=8)
    sex = rng.choice(["f", "m"], n)
    rows = []
    for i, length in enumerate(lengths.tolist()):
        weight, state = 70 + 10 * ill[i] + rng.normal(0, 8), rng.choice(["low", "high"])
        day = datetime.date(2024, 1, 1) + datetime.timedelta(days=int(rng.integers(300)))
        for _ in range(length):
            if not dependent:
                weight, state = 74 + rng.normal(0, 9), rng.choice(["low", "high"])
            rows.append(
                (
                    f"P{first + i:05}",
                    day,
                    str(sex[i]),
                    "ill" if ill[i] else "well",
                    round(float(weight), 1),
                    str(state),
                )
            )
            weight += rng.normal(0, 1)
            state = state if rng.random() < 0.8 else rng.choice(["low", "high"])
            day += datetime.timedelta(days=1 + int(rng.poisson(20 if ill[i] else 40)))
    names = ("patient", "day", "sex", "diagnosis", "weight", "state")
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    return Trees(VISITS, {"visits": Rows(table)}, {"visits": starts(lengths)})


def shop(n: int = 150, seed: int = 0, *, dependent: bool = True, first: int = 0) -> Trees:
    """Customers with 0 to 4 orders of 1 to 3 items.

    Args:
        dependent: whether orders and items depend on the customer.
        first: number of the first customer.
    """
    rng = np.random.default_rng(seed)
    rich = rng.random(n) < 0.5
    orders = rng.poisson(np.where(rich & dependent, 2.5, 1)).clip(max=4)
    of = np.repeat(np.arange(n), orders)
    channel = np.where(
        rng.random(len(of)) < np.where(rich[of] & dependent, 0.8, 0.3), "web", "shop"
    )
    counts = rng.integers(1, 4, len(of))
    order = np.repeat(np.arange(len(of)), counts)
    price = rng.gamma(2, np.where(rich[of][order] & dependent, 20, 5)).round(2)
    customers = pa.table(
        {
            "id": first + np.arange(n),
            "segment": np.where(rich, "rich", "poor").tolist(),
            "age": rng.integers(18, 80, n),
        }
    )
    tables = {
        "customers": customers,
        "orders": pa.table(
            {
                "order_id": 7 * first + np.arange(len(of)),
                "customer_id": first + of,
                "channel": channel.tolist(),
            }
        ),
        "items": pa.table({"order_id": 7 * first + order, "price": price}),
    }
    per_tree = {
        "customers": np.ones(n, np.int64),
        "orders": orders,
        "items": np.bincount(of, counts, minlength=n).astype(np.int64),
    }
    return Trees(
        SHOP,
        {name: Rows(table) for name, table in tables.items()},
        {name: starts(counts) for name, counts in per_tree.items()},
    )
