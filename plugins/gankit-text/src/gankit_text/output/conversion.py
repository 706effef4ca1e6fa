"""Texts as other libraries take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gankit.errors import GankitError
from gankit_text.data.items import Text


def convert(items: Sequence[Text], to: str) -> Any:
    """``numpy``: an array of strings. ``dataframe``: a pandas data frame with the columns text,
    pair, label and those of numbers, where there are such.

    Raises:
        GankitError: pandas is missing.
    """
    if to == "numpy":
        return np.array([item.text for item in items], dtype=object).astype(str)
    try:
        import pandas as pd
    except ImportError:
        raise GankitError("a data frame needs pandas", "Install it: pip install pandas") from None
    rows = []
    for item in items:
        row: dict[str, object] = {"text": item.text}
        if item.pair is not None:
            row["pair"] = item.pair
        if item.label is not None:
            row["label"] = item.label
        rows.append({**row, **item.values})
    return pd.DataFrame(rows)
