"""Molecules as SMILES and as a data frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gankit_molecule.data.molecules import Molecule


def convert(items: Sequence[Molecule], to: str) -> Any:
    """Molecules as an array of SMILES ``(N,)``, or as a data frame with the columns ``smiles``,
    ``valid`` and those of the data that a molecule was generated for or has."""
    if to == "numpy":
        return np.array([item.smiles for item in items], dtype=np.str_)
    import pandas as pd

    rows: list[dict[str, object]] = [
        {"smiles": item.smiles, "valid": item.valid, **item.values} for item in items
    ]
    if any(item.score is not None for item in items):
        for row, item in zip(rows, items, strict=True):
            row["score"] = item.score
    return pd.DataFrame(rows)
