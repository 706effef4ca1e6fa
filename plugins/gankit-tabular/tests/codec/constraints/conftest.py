"""What the tests of constraints share."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from gankit.contract import Batch
from gankit_tabular.codec.codec import TableCodec


@pytest.fixture(scope="session")
def fitted() -> Callable[..., TableCodec]:
    """A codec, through JSON and back like that of a stored run."""

    def fit(table: pa.Table, *constraints: str, **more: Any) -> TableCodec:
        state = TableCodec.fit(table, constraints=constraints, **more).state()
        state.config = json.loads(json.dumps(state.config))
        return TableCodec.load(state)

    return fit


@pytest.fixture(scope="session")
def generated() -> Callable[..., tuple[list[Any], list[Any]]]:
    """Decodes random tensors, in which requested codes are copied from c as by the generator.
    Returns the rows without and with the requested values enforced.
    """

    def generate(
        codec: TableCodec,
        where: Mapping[str, object] | None = None,
        seeds: Sequence[int] = range(64),
        noise: int = 0,
    ) -> tuple[list[Any], list[Any]]:
        where, n = where or {}, len(seeds)
        rng = torch.Generator().manual_seed(noise)
        x = torch.rand(n, codec.layout.shape[0], generator=rng)
        c = codec.sample_conditions(where, seeds)
        for b in codec.blocks:
            requested = c[:, b.slice].any(1)
            x[requested, b.slice] = c[requested, b.slice]
        return codec.decode(Batch(x, c), seeds), codec.decode(Batch(x, c), seeds, where)

    return generate


@pytest.fixture(scope="session")
def check() -> Callable[[str, Sequence[Mapping[str, Any]]], None]:
    """Checks a linear rule in every row, with the numbers as a file prints them."""

    def check_all(text: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            assert _follows(text, row), (text, row)

    return check_all


def _follows(text: str, row: Mapping[str, Any]) -> bool:
    left, sign, right = next(
        text.partition(f" {s} ") for s in ("<=", ">=", "<", ">", "=") if f" {s} " in text
    )

    def value(side: str) -> Any:
        parts = side.replace("- ", "-").replace("+ ", "").split()
        total = None
        for part in parts:
            cell = row.get(part.lstrip("-"), part.lstrip("-"))
            if cell is None:
                return None
            if isinstance(cell, str | int | float):
                cell = Decimal(str(cell))
            total = cell if total is None else total - cell if part[0] == "-" else total + cell
        return total

    a, b = value(left), value(right)
    if a is None or b is None:
        return True
    return bool({"<=": a <= b, ">=": a >= b, "<": a < b, ">": a > b, "=": a == b}[sign.strip()])


@pytest.fixture(scope="session")
def orders() -> pa.Table:
    """Prices that add up, and spans of time with some open ends."""
    rng, n = np.random.default_rng(0), 300
    price = rng.lognormal(3, 1, n).round(2)
    tax, discount = (price * 0.19).round(2), (rng.random(n) * price / 2).round(2)
    total = np.round(price + tax - discount, 2)
    start = (np.datetime64("2024-01-01", "s") + rng.integers(0, 10**7, n)).tolist()
    spans = [datetime.timedelta(seconds=int(s)) for s in rng.integers(0, 10**6, n)]
    end = [v + s for v, s in zip(start, spans, strict=True)]
    return pa.table(
        {
            "price": price,
            "tax": tax,
            "discount": discount,
            "total": total,
            "start": start,
            "end": [None if i % 7 == 0 else v for i, v in enumerate(end)],
            "shop": rng.choice(["A", "B", "C"], n).tolist(),
        }
    )
