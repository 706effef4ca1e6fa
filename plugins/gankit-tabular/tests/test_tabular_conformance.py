"""All that the contract asks of a modality."""

from __future__ import annotations

import datetime
from typing import ClassVar

import numpy as np
import pyarrow as pa

from gankit.testing import ModalityTests


class TestBuiltIn(ModalityTests):
    plugin = "tabular"
    settings: ClassVar = {"hidden": 16, "latent": 8}


def mixed() -> pa.Table:
    """A column of every kind, with missing values, a name a row and a column that follows."""
    rng = np.random.default_rng(0)
    n = 400
    city = rng.choice(["Rome", "Oslo", "Lima"], n, p=[0.6, 0.3, 0.1]).tolist()
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    return pa.table(
        {
            "id": [f"K-{i:05d}x" for i in range(n)],
            "city": city,
            "country": [{"Rome": "IT", "Oslo": "NO", "Lima": "PE"}[c] for c in city],
            "income": np.where(rng.random(n) < 0.4, 0.0, rng.lognormal(3, 1, n).round(2)),
            "age": rng.integers(18, 90, n),
            "seen": [start + datetime.timedelta(minutes=int(m)) for m in rng.integers(0, 10**6, n)],
            "member": rng.random(n) < 0.3,
            "note": [None if v < 0.2 else f"n{int(v * 10)}" for v in rng.random(n)],
            "always": ["same"] * n,
        }
    )


class TestMixed(ModalityTests):
    plugin = "tabular"
    settings: ClassVar = {"hidden": 16, "latent": 8}
    data = mixed()
