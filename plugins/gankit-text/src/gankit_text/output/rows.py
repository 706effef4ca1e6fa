"""Texts as rows of tables: generated ones with their seeds, real ones as they were read."""

from __future__ import annotations

from typing import Any

from gankit.contract import Sample
from gankit.kit.tables import marks
from gankit_text.codec.forms import Form
from gankit_text.data.items import Text


class Rows:
    """Rows in the columns of the training data.

    Args:
        form: names the columns.
    """

    def __init__(self, form: Form) -> None:
        self._names = {"text": "text", "label": "label", "pair": "pair", **form.columns}

    def least(self) -> list[str]:
        """The columns of a table without rows."""
        return [self._names["text"], "seed", "generated"]

    def row(self, sample: Sample[Text]) -> dict[str, Any]:
        """A real text is as it was read; a generated one has what it was generated for."""
        item = sample.item
        if sample.real and item.read is not None:
            return {"seed": None, "generated": False, **item.read}
        found: dict[str, Any] = {self._names["text"]: item.text}
        if item.pair is not None:
            found[self._names["pair"]] = item.pair
        if item.label is not None:
            found[self._names["label"]] = item.label
        for name, value in item.values.items():
            number = float(f"{value:.6g}")  # the precision of float32
            found[name] = int(number) if number.is_integer() else number
        return {**found, **marks(sample)}
