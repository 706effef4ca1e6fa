"""A few entities with their rows, and a shop of three tables, as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gankit.contract import quiet
from gankit_tabular.modality import TabularModality
from gankit_tabular.settings import SequenceSettings, TabularSettings


def visits(n: int = 24, form: str = "%Y-%m-%d") -> list[list[str]]:
    """Rows of n patients, one to five of each, in random order; under their names."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        sex, day = "fm"[i % 2], np.datetime64("2020-01-01") + int(rng.integers(0, 90))
        for _ in range(1 + i % 5):
            shown = day.item().strftime(form)
            rows.append([f"P{i:02d}", shown, sex, f"{rng.normal(70, 9):.1f}"])
            day = day + int(rng.integers(1, 30))
    order = rng.permutation(len(rows))
    return [["patient", "date", "sex", "weight"], *(rows[i] for i in order)]


def shop(n: int = 20, key: str = "id") -> dict[str, list[list[str]]]:
    """Customers, their orders and the items of these; every fourth customer has no order."""
    customers, orders, items = [[key, "region"]], [["order_id", "customer_id", "total"]], []
    items.append(["order_id", "price"])
    for i in range(n):
        customers.append([str(100 + i), "north" if i % 3 else "south"])
        for _ in range(i % 4):
            orders.append([f"O{len(orders):03d}", str(100 + i), f"{i}.50"])
            items.extend([orders[-1][0], f"{j}.25"] for j in range(len(orders) % 3))
    return {"customers": customers, "orders": orders, "items": items}


def save(rows: list[list[str]], file: Path) -> str:
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text("".join(",".join(row) + "\n" for row in rows))
    return str(file)


def save_shop(folder: Path, tables: dict[str, list[list[str]]] | None = None) -> str:
    for name, rows in (tables or shop()).items():
        save(rows, folder / f"{name}.csv")
    return str(folder / "customers.csv")


CHILDREN = ("orders.csv on customer_id=id", "items.csv on order_id")


def read(source: object, **given):
    """What the plugin reads with these settings; ``entity``, ``order`` and ``constants`` too."""
    own = {k: given.pop(k) for k in ("entity", "order", "constants") if k in given}
    settings = TabularSettings(sequence=SequenceSettings(**own), **given)
    return TabularModality().read(source, settings, quiet)
