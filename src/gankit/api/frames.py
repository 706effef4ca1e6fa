"""Rows of numbers as a pandas data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gankit.api.notebook import table, text
from gankit.errors import GankitError

SHOWN = 10
"""Last rows that a notebook shows."""


def frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows as a data frame.

    Raises:
        GankitError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise GankitError("to_dataframe needs the package pandas", "pip install pandas") from None
    return pd.DataFrame([dict(row) for row in rows])


class Metrics(list[dict[str, Any]]):
    """The values of each tick of training, in their order."""

    def to_dataframe(self) -> Any:
        """A row a tick.

        Raises:
            GankitError: pandas is not installed.
        """
        return frame(self)

    def __repr__(self) -> str:
        last = ", ".join(f"{k} {text(v)}" for k, v in self[-1].items()) if self else "nothing yet"
        return f"{len(self):,} ticks; the last: {last}"

    def _repr_html_(self) -> str:
        return table(self[-SHOWN:])
